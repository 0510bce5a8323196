"""What a candidate may use."""

from __future__ import annotations

from dataclasses import dataclass

WALL_PER_CPU = 10.0
"""Wall seconds for each CPU second that a candidate may use, where no other limit is given: on a machine with other
things to do, a legal program may wait nine tenths of its time."""


@dataclass(frozen=True)
class Limits:
    """Limits of one candidate process.

    Attributes:
        call_s: wall seconds from a request to its whole answer; 0 stands for WALL_PER_CPU times cpu_s.
        wall_s: wall seconds of all calls together: a process that sleeps in each of ten thousand calls uses no CPU;
            0 stands for WALL_PER_CPU times cpu_s, or call_s where that is longer.
        cpu_s: CPU seconds of the whole process, import included, as the kernel counts them.
        memory_mb: MB (2**20 bytes) of address space beyond what the pre-warmed interpreter already maps.
        answer_mb: MB of one answer on the wire.
        output_kb: kB (2**10 bytes) of everything printed to stdout and stderr together.
    """

    call_s: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 10.0
    memory_mb: int = 1024
    answer_mb: int = 16
    output_kb: int = 256

    def __post_init__(self) -> None:
        if self.call_s == 0:
            object.__setattr__(self, "call_s", WALL_PER_CPU * self.cpu_s)
        if self.wall_s == 0:
            object.__setattr__(self, "wall_s", max(WALL_PER_CPU * self.cpu_s, self.call_s))
