"""A legal program on a machine that has other things to do: its CPU time is what counts, and only that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from evolve.registry import list_problems, load_problem
from sandbox import LimitHit, Limits, Sandbox, WallHit
from sandbox.limits import WALL_PER_CPU

SPIN = "def answer(n):\n    for _ in range(n):\n        sum(range(10_000))\n    return n"
BUSY = 3
"""Endless loops on the core of the candidate, which then gets a quarter of it."""
UNHURRIED = {"call_s": 300.0, "wall_s": 300.0}
"""Whatever else runs on this host beside the loops."""


@pytest.fixture
def busy_core() -> Iterator[None]:
    """Put this process on one core, and endless loops beside it."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system pins no process to a core")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        os.sched_setaffinity(0, cores)


def test_a_program_within_its_cpu_time_passes_beside_busy_loops(busy_core: None) -> None:
    with Sandbox(Limits(cpu_s=1.0, **UNHURRIED)) as sandbox, sandbox.start(SPIN) as candidate:
        began = time.monotonic()
        while candidate.cpu_s < 0.8:  # nine tenths of what it may take, less what one more call takes
            candidate.call("answer", 100)
        assert time.monotonic() - began > 1.0, "the loops were not busy: this test has shown nothing"


def test_a_call_beyond_its_cpu_time_is_ended_soon_after_it_beside_busy_loops(busy_core: None) -> None:
    with Sandbox(Limits(cpu_s=0.5, **UNHURRIED)) as sandbox, sandbox.start(SPIN) as candidate:
        with pytest.raises(LimitHit, match=r"CPU time: used 0\.\d+ s of 0.5 s") as caught:
            candidate.call("answer", 10**9)
        assert not isinstance(caught.value, WallHit)
        assert 0.5 < caught.value.used < 1.0


def test_the_kernels_own_limit_is_only_for_a_trusted_end_that_does_not_look() -> None:
    source = "import resource\ndef answer(): return list(resource.getrlimit(resource.RLIMIT_CPU))"
    with Sandbox(Limits(cpu_s=5.0)) as sandbox, sandbox.start(source) as candidate:
        soft, hard = candidate.call("answer")
    assert hard > soft > 2 * 5.0


def test_waiting_too_long_is_a_failure_of_its_own_that_tells_the_cpu_time() -> None:
    with Sandbox(Limits(call_s=0.3)) as sandbox, sandbox.start("import os\ndef answer(): os.read(3, 1)") as candidate:
        with pytest.raises(WallHit) as caught:
            candidate.call("answer")
        assert caught.value.kind != LimitHit.kind
        assert caught.value.cpu_s < 0.3
        assert " of 0.3 s (CPU 0." in str(caught.value)
        assert str(caught.value).endswith(" s of 10 s)")


@pytest.mark.parametrize("limits", [Limits(), Limits(cpu_s=0.5), Limits(cpu_s=300.0), Limits(call_s=900.0)], ids=repr)
def test_wall_time_is_ten_times_cpu_time_where_nobody_says_otherwise(limits: Limits) -> None:
    assert min(limits.call_s, limits.wall_s) >= WALL_PER_CPU * limits.cpu_s
    assert limits.wall_s >= limits.call_s


@pytest.mark.parametrize("name", [listing.name for listing in list_problems()])
def test_every_bundled_problem_leaves_ten_times_its_cpu_time(name: str) -> None:
    problem = load_problem(name)
    limits = problem.evaluator.limits
    assert WALL_PER_CPU >= 10
    assert min(limits.call_s, limits.wall_s) >= WALL_PER_CPU * limits.cpu_s
    statement = " ".join(problem.statement.split())
    assert f"{limits.cpu_s:g} s of CPU" in statement, "what is said is what is in force"
    assert re.search(r"no files, .*\bclock", statement)
