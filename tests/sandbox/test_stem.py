"""What a candidate is forked from keeps nothing: the memory of the last one is that of the first, byte for byte."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from sandbox import CandidateFailure, Limits, Sandbox

STEPS = 12
WAITING = "0 0x3 "
"""What /proc tells of a process of x86_64 that reads from its wire: the number of the system call, the descriptor."""


def memory_of(process: int) -> dict[tuple[int, str], bytes]:
    """Return all that a process has in memory, once it waits for its first question."""
    proc = Path("/proc") / str(process)
    deadline = time.monotonic() + 20
    while not (proc / "syscall").read_text().startswith(WAITING):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    image = {}
    with (proc / "mem").open("rb", buffering=0) as memory:
        for start, end, rights, name in re.findall(
            r"^(\w+)-(\w+) (r\S+) \S+ \S+ \S+ *(.*)$", (proc / "maps").read_text(), re.MULTILINE
        ):
            at = int(start, 16)
            if at < 1 << 47:  # the page beyond is the kernel's
                memory.seek(at)
                image[at, f"{rights} {name}"] = memory.read(int(end, 16) - at)
    return image


def test_the_memory_of_a_candidate_tells_nothing_of_those_before_it() -> None:
    lives = ("def answer(): return 1", "def answer(:", "import os\nos._exit(3)", "x = bytearray(10**7)")
    with Sandbox(Limits(memory_mb=256)) as sandbox:
        if any(not layer.active for layer in sandbox.layers if layer.name in ("descriptors", "environment")):
            pytest.skip("layers are missing")
        first: dict[tuple[int, str], bytes] = {}
        for number in range(STEPS):
            candidate = sandbox.fork(lives[number % len(lives)])
            try:
                image = memory_of(candidate.host_pid)
            except PermissionError:
                candidate.close()
                pytest.skip("only root may look at a process that is not dumpable")
            first = first or image
            assert image.keys() == first.keys()
            assert [place for place in image if image[place] != first[place]] == [], f"candidate {number + 1}"
            try:
                candidate.load()
            except CandidateFailure:
                continue
            candidate.close()
