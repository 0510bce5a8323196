"""Claims about a candidate process: what it answers, how it fails, what it costs."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox import (
    BadAnswer,
    CandidateFailure,
    Crashed,
    LimitHit,
    Limits,
    OutOfMemory,
    Raised,
    Record,
    Sandbox,
    SandboxLost,
    WallHit,
    pack,
)
from sandbox.zygote import BOOTS


class Model(Record):
    name: str
    size_gb: float


class Fleet(Record):
    models: list[Model]
    by_region: dict[str, list[Model]]
    load: np.ndarray


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(call_s=1.0, cpu_s=2.0, memory_mb=256, answer_mb=1, output_kb=64)) as running:
        yield running


def answer_of(sandbox: Sandbox, source: str, *arguments: Any) -> Any:
    with sandbox.start(source) as candidate:
        return candidate.call("answer", *arguments)


def failure_of(sandbox: Sandbox, source: str) -> CandidateFailure:
    with pytest.raises(CandidateFailure) as caught:
        answer_of(sandbox, source)
    assert answer_of(sandbox, "def answer(): return 1") == 1, "the next candidate must not notice"
    return caught.value


@pytest.mark.parametrize(
    "value",
    [0, -1, 2**63, 1.5, float("inf"), "é😀", True, None, [1, [2.5, "a"]], {"k": {"n": 1}}, b"\x00\xff"],
    ids=repr,
)
def test_plain_values_come_back_as_they_went(sandbox: Sandbox, value: Any) -> None:
    back = answer_of(sandbox, "def answer(x): return x", value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 4)])
def test_arrays_come_back_with_dtype_and_shape(sandbox: Sandbox, dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int), dtype="i8").reshape(shape).astype(dtype)
    back = answer_of(sandbox, "def answer(x): return x", array)
    assert back.shape == shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(back, array)


def test_a_strided_array_arrives_as_its_values(sandbox: Sandbox) -> None:
    array = np.arange(12.0).reshape(3, 4)[::-1, ::2]
    assert np.array_equal(answer_of(sandbox, "def answer(x): return x", array), array)


def test_records_arrive_with_attributes_at_any_depth(sandbox: Sandbox) -> None:
    fleet = Fleet([Model("a", 1.5), Model("b", 2.0)], {"us": [Model("c", 4.0)]}, np.array([1.0, 2.0]))
    source = """
def answer(fleet, models, n):
    return [sum(m.size_gb for m in fleet.models), fleet.by_region["us"][0].name, float(fleet.load.sum()),
            [m.name for m in models], n]
"""
    assert answer_of(sandbox, source, fleet, fleet.models[:1], 7) == [3.5, "c", 3.0, ["a"], 7]


def test_an_array_argument_may_be_changed_in_place(sandbox: Sandbox) -> None:
    assert answer_of(sandbox, "def answer(x):\n    x[0] = 5\n    return x.sum()", np.array([1, 2])) == 7


def test_numpy_numbers_in_an_answer_arrive_as_plain_numbers(sandbox: Sandbox) -> None:
    back = answer_of(sandbox, "import numpy as np\ndef answer(): return [np.int64(3), np.float32(0.5), np.bool_(True)]")
    assert back == [3, 0.5, True]
    assert [type(b) for b in back] == [int, float, bool]


class Tick(Record):
    tick: int
    free: Any


def test_objects_keep_their_state_and_map_asks_each_of_them_once(sandbox: Sandbox) -> None:
    source = """
class Policy:
    def __init__(self, start): self.n = start
    def decide(self, seen):
        self.n += seen.tick * int(seen.free[0])
        return self.n
"""
    yes, no = pack(np.array([True])), pack(np.array([False]))
    with sandbox.start(source) as candidate:
        runs = [candidate.new("Policy", start) for start in (0, 100)]
        assert candidate.map(runs, "decide", [Tick(1, yes), Tick(2, no)]) == [1, 100]
        assert candidate.map(runs[::-1], "decide", [Tick(3, yes), Tick(4, yes)]) == [103, 5]
        assert runs[0].call("decide", Tick(1, yes)) == 6
        assert candidate.map([], "decide", []) == []


def test_a_method_that_may_be_left_out_is_asked_after_before_it_is_called(sandbox: Sandbox) -> None:
    source = (
        "class Policy:\n    extra = 3\n    def act(self, x):\n        return x\n"
        "class Shy:\n    def __getattr__(self, name):\n        raise AttributeError(name)\n"
    )
    with sandbox.start(source) as candidate:
        run, shy = candidate.new("Policy"), candidate.new("Shy")
        assert [run.offers(name) for name in ("act", "extra", "nothing")] == [True, False, False]
        assert not shy.offers("act")
        assert run.call("act", 5) == 5


def test_a_fresh_process_shares_nothing_with_the_first(sandbox: Sandbox) -> None:
    source = "calls = 0\ndef answer():\n    global calls\n    calls += 1\n    return calls"
    with sandbox.start(source) as candidate:
        assert [candidate.call("answer"), candidate.call("answer"), candidate.fresh().call("answer")] == [1, 2, 1]
        assert len(candidate.processes) == 2


def test_the_processes_before_a_fresh_one_are_gone_when_it_begins(sandbox: Sandbox) -> None:
    with sandbox.start("def answer(): return 1") as candidate:
        spent = candidate.cpu_s
        others = [candidate.fresh(), candidate.fresh()]
        for earlier in (candidate, others[0]):
            with pytest.raises(ProcessLookupError):
                os.kill(earlier.host_pid, 0)
            with pytest.raises(RuntimeError, match="fresh"):
                earlier.call("answer")
        assert others[1].call("answer") == 1
        assert candidate.cpu_s >= spent > 0, "what it used is still told"


@pytest.mark.parametrize("words", ["random.random()", "numpy.random.rand()", "hash('a')"])
def test_unseeded_chance_is_the_same_in_every_process(sandbox: Sandbox, words: str) -> None:
    source = f"import random, numpy\ndef answer(): return {words}"
    assert answer_of(sandbox, source) == answer_of(sandbox, source)


def test_an_exception_brings_the_candidates_own_frames(sandbox: Sandbox) -> None:
    failure = failure_of(sandbox, "def inner(x):\n    return 1 / x\n\ndef answer():\n    return inner(0)\n")
    assert isinstance(failure, Raised)
    assert failure.error == "ZeroDivisionError: division by zero"
    assert 'File "candidate.py", line 5, in answer' in str(failure)
    assert "return 1 / x" in str(failure)
    assert "child.py" not in str(failure)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("def answer(:", Raised, "SyntaxError"),
        ("import nowhere", Raised, "a candidate may import numpy"),
        ("def other(): pass", Raised, "AttributeError"),
        ("raise SystemExit(3)", Raised, "SystemExit: 3"),
        ("raise KeyboardInterrupt", Raised, "KeyboardInterrupt"),
        ("class E(Exception):\n    def __str__(self): raise self\nraise E", Raised, "E"),
        ("def answer(): return answer()", Raised, "RecursionError"),
        ("import os\ndef answer(): os._exit(7)", Crashed, "exited with code 7"),
        ("import ctypes\ndef answer(): ctypes.string_at(0)", Crashed, "SIGSEGV"),
        ("import numpy\ndef answer(): return numpy.ones(10**10)", OutOfMemory, "more than 256 MB"),
        ("def answer():\n    x = [0]\n    while True: x += x", OutOfMemory, "more than 256 MB"),
        ("def answer(): return object()", BadAnswer, "object cannot be sent"),
        ("class F(float): pass\ndef answer(): return F(1)", BadAnswer, "F cannot be sent"),
        ("def answer(): return 2**64", BadAnswer, "cannot be sent"),
        ("def answer(): return 'a' * 2**21", BadAnswer, "2097"),
        ("import os\ndef answer(): os.close(3)", Crashed, "ended before it answered"),
    ],
)
def test_a_failure_is_typed_and_says_what_happened(
    sandbox: Sandbox, source: str, kind: type[CandidateFailure], words: str
) -> None:
    failure = failure_of(sandbox, source)
    assert type(failure) is kind
    assert words in str(failure)


def test_a_call_that_never_answers_is_ended_at_its_wall_limit(sandbox: Sandbox) -> None:
    began = time.monotonic()
    failure = failure_of(sandbox, "import time\ndef answer(): time.sleep(60)")
    assert isinstance(failure, WallHit)
    assert failure.what == "wall time of a call"
    assert time.monotonic() - began < 3


def test_an_answer_that_drips_is_ended_at_its_wall_limit(sandbox: Sandbox) -> None:
    source = (
        "import os, time\ndef answer():\n    for _ in range(60):\n        os.write(3, b'x')\n        time.sleep(0.2)"
    )
    began = time.monotonic()
    assert isinstance(failure_of(sandbox, source), LimitHit | BadAnswer)
    assert time.monotonic() - began < 3


def test_cpu_time_is_limited_over_all_calls_together(sandbox: Sandbox) -> None:
    source = "def answer():\n    for _ in range(300): sum(range(10_000))"
    with sandbox.start(source) as candidate, pytest.raises(LimitHit, match="CPU time"):
        for _ in range(1000):
            candidate.call("answer")


def test_printing_is_kept_up_to_the_limit_and_ends_the_process_beyond(sandbox: Sandbox) -> None:
    with sandbox.start("print('hello')\ndef answer(): return 1") as candidate:
        candidate.call("answer")
        candidate.close()
        assert candidate.output == "hello\n"
    failure = failure_of(sandbox, "def answer():\n    while True: print('x' * 1000)")
    assert isinstance(failure, LimitHit)
    assert failure.what == "output"


def test_cpu_and_memory_are_read_from_the_kernel(sandbox: Sandbox) -> None:
    source = """
import time
time.process_time = time.perf_counter = lambda: 0.0
def answer():
    keep = bytearray(100 * 2**20)
    return sum(range(3_000_000))
"""
    with sandbox.start(source) as candidate:
        before = candidate.cpu_s
        began = time.perf_counter()
        candidate.call("answer")
        wall = time.perf_counter() - began
        assert 0.01 < candidate.cpu_s - before <= wall + 0.01
        assert 0 < candidate.import_cpu_s <= before
        candidate.close()
        assert candidate.peak_rss_bytes > 100 * 2**20


def test_a_closed_candidate_is_gone_even_when_it_is_busy(sandbox: Sandbox) -> None:
    with pytest.raises(LimitHit):
        answer_of(sandbox, "import signal\nsignal.signal(15, signal.SIG_IGN)\ndef answer():\n    while True: pass")
    spawned = sandbox.spawn()
    sandbox.reap(spawned.pid, 0.0)
    spawned.wire.close()
    os.close(spawned.output)
    with pytest.raises(ProcessLookupError):
        os.kill(spawned.host_pid, 0)


def spare_of(sandbox: Sandbox) -> int:
    """Return the process that waits for the next program."""
    sandbox._await_spare()
    assert sandbox._spare is not None
    return sandbox._spare.host_pid


def test_the_next_candidate_is_there_before_it_is_asked_for_and_goes_with_its_sandbox() -> None:
    with Sandbox(has_spare=True) as sandbox:
        with sandbox.start("def answer(): return 1") as candidate:
            waiting = spare_of(sandbox)
            assert candidate.call("answer") == 1
        with sandbox.start("def answer(): return 2") as candidate:
            assert (candidate.host_pid, candidate.call("answer")) == (waiting, 2)
        ended = os.pidfd_open(spare_of(sandbox))
    assert select.select([ended], [], [], 60.0)[0]
    os.close(ended)


def test_a_candidate_that_was_killed_while_it_waited_is_given_to_nobody() -> None:
    with Sandbox(has_spare=True) as sandbox:
        sandbox.start("def answer(): return 1").close()
        killed = spare_of(sandbox)
        os.kill(killed, signal.SIGKILL)
        ended = os.pidfd_open(killed)
        assert select.select([ended], [], [], 60.0)[0]
        os.close(ended)
        with sandbox.start("def answer(): return 2") as candidate:
            assert candidate.call("answer") == 2 and candidate.host_pid != killed


def test_where_no_spare_is_asked_for_nothing_is_forked_beside_a_call(sandbox: Sandbox) -> None:
    with sandbox.start("def answer(): return 1") as candidate:
        assert candidate.call("answer") == 1
        assert sandbox._awaited is None and sandbox._spare is None


def test_after_an_answer_of_the_zygote_that_comes_too_late_none_is_taken_for_another() -> None:
    with Sandbox() as sandbox:
        sandbox.start("def answer(): return 1").close()
        assert sandbox._control is not None
        sandbox._control.settimeout(1e-6)  # a fork takes a thousand times as long
        for _ in range(2):  # the second would get the process of the first
            with pytest.raises(SandboxLost):
                sandbox.start("def answer(): return 2")
        sandbox.close()
        with sandbox.start("def answer(): return 3") as candidate:
            assert candidate.call("answer") == 3


def test_the_end_of_the_zygote_is_the_hosts_fault_and_the_next_candidate_boots_a_new_one() -> None:
    with Sandbox() as sandbox:
        candidate = sandbox.start("def answer(): return 1")
        assert sandbox._process is not None
        sandbox._process.kill()
        sandbox._process.wait()
        deadline = time.monotonic() + 10  # the kernel ends the zygote and its children in its own time
        with pytest.raises(SandboxLost):
            while time.monotonic() < deadline:
                sandbox.start("def answer(): return 1").close()
        with pytest.raises((SandboxLost, Crashed)):
            while time.monotonic() < deadline:
                candidate.call("answer")
        sandbox.close()
        assert answer_of(sandbox, "def answer(): return 2") == 2


@pytest.mark.parametrize("kills", [1, 2, 3])
def test_a_zygote_that_is_killed_while_it_starts_is_started_again(
    kills: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, python = tmp_path / "started", tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\necho >>{started}\n[ $(wc -l <{started}) -gt {kills} ] || kill -9 $$\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    sandbox = Sandbox()
    if kills < BOOTS:
        with sandbox:
            assert answer_of(sandbox, "def answer(): return 2") == 2
    else:
        with pytest.raises(SandboxLost, match="the zygote did not start: the zygote is gone"), sandbox:
            pass
        assert sandbox.zygote_pid is None
    assert len(started.read_text().splitlines()) == min(kills + 1, BOOTS)


def test_a_missing_library_of_the_evaluator_is_named() -> None:
    with pytest.raises(SandboxLost, match="no_such_library"), Sandbox(libraries=("no_such_library",)):
        pass


@pytest.mark.parametrize(
    "failure",
    [
        LimitHit("CPU time", 2.31, 2.0, "s"),
        WallHit("wall time of a call", 20.0, 20.0, 0.9, 2.0),
        OutOfMemory(64, "Traceback"),
        Crashed("killed by SIGSEGV"),
        Raised("E: x", "Traceback\nE: x"),
        BadAnswer("no"),
    ],
    ids=lambda f: type(f).__name__,
)
def test_a_failure_survives_the_trip_between_processes(failure: CandidateFailure) -> None:
    for back in (pickle.loads(pickle.dumps(failure)), type(failure)(*failure.args)):
        assert (type(back), str(back), vars(back)) == (type(failure), str(failure), vars(failure))


def test_waiting_is_limited_over_all_calls_together() -> None:
    source = "import time\ndef answer(): time.sleep(0.2)"
    with Sandbox(Limits(call_s=5.0, wall_s=0.5)) as slow, slow.start(source) as candidate:
        with pytest.raises(LimitHit, match="wall time of all calls"):
            for _ in range(5):
                candidate.call("answer")
        assert candidate.cpu_s < 0.2
