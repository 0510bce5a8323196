"""What a candidate may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one candidate process.

    Attributes:
        call_s: wall seconds from a request to its whole answer.
        wall_s: wall seconds of all calls together: a process that sleeps in each of ten thousand calls uses no CPU.
        cpu_s: CPU seconds of the whole process, import included, as the kernel counts them.
        memory_mb: MB (2**20 bytes) of address space beyond what the pre-warmed interpreter already maps.
        answer_mb: MB of one answer on the wire.
        output_kb: kB (2**10 bytes) of everything printed to stdout and stderr together.
    """

    call_s: float = 10.0
    wall_s: float = 120.0
    cpu_s: float = 10.0
    memory_mb: int = 1024
    answer_mb: int = 16
    output_kb: int = 256
