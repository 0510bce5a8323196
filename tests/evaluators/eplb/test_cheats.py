"""What fools the public verifier must not fool ours: real programs in the real sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

import seeds
from evaluators.eplb import Eplb
from evaluators.eplb.scale import figures
from evolve.evaluator import CandidateFailure, Infeasible, Split
from sandbox import Sandbox

INSTANCE = Eplb().instances(Split.TEST)[2]
WINDOWS = INSTANCE.windows()

NAIVE = """
import numpy as np

def naive(w, r):
    return np.tile(np.arange(r) % w.shape[1], (w.shape[0], 1))

def burn():
    for _ in range(600):
        sum(range(10_000))
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(Eplb.limits) as made:
        yield made


def outcome(sandbox, program):
    with sandbox.start(NAIVE + program) as candidate:
        return Eplb().evaluate(candidate, INSTANCE)


def test_an_inverse_map_of_its_own_is_no_answer_and_changes_nothing(sandbox):
    with pytest.raises(Infeasible, match=r"differ in length|shape"):
        outcome(
            sandbox,
            "def rebalance(w, r, *_):\n"
            "    slots = naive(w, r)\n"
            "    inverse = np.argsort(slots, axis=1)[:, :, None]\n"
            "    return slots, inverse, np.ones(w.shape, dtype=int)\n",
        )
    assert outcome(sandbox, "def rebalance(w, r, *_): return naive(w, r)").metrics["balancedness"] == pytest.approx(
        figures(INSTANCE).naive, abs=1e-12
    )


def test_patched_clocks_do_not_hide_cpu_time(sandbox):
    patched = outcome(
        sandbox,
        "import time\n"
        "for name in ('time', 'perf_counter', 'process_time', 'monotonic', 'thread_time', 'perf_counter_ns'):\n"
        "    setattr(time, name, lambda *_: 0)\n"
        "time.clock_gettime = lambda *_: 0\n"
        "def rebalance(w, r, *_):\n"
        "    burn()\n"
        "    return naive(w, r)\n",
    )
    assert patched.metrics["cpu_ms"] >= 29


def test_threads_do_not_hide_cpu_time(sandbox):
    program = (
        "import threading\n"
        "def rebalance(w, r, *_):\n"
        "    helper = threading.Thread(target=burn)\n"
        "    helper.start()\n"
        "    helper.join()\n"
        "    return naive(w, r)\n"
    )
    try:
        assert outcome(sandbox, program).metrics["cpu_ms"] >= 29
    except CandidateFailure as refused:  # a sandbox that allows no thread is as good
        assert "thread" in str(refused)


def test_an_answer_kept_from_an_earlier_call_does_not_exist_in_a_later_one(sandbox):
    kept = outcome(
        sandbox,
        "import time\n"
        "kept = {}\n"
        "def rebalance(w, r, *_):\n"
        "    if not kept:\n"
        "        burn()\n"
        "        kept['slots'] = naive(w, r)\n"
        "    return kept['slots']\n",
    )
    assert kept.metrics["cpu_ms"] >= 29


def test_what_a_call_writes_no_later_call_can_read(sandbox):
    places = "['/tmp/kept', '/dev/shm/kept', 'kept', '/var/tmp/kept']"
    kept = outcome(
        sandbox,
        "def rebalance(w, r, *_):\n"
        f"    for place in {places}:\n"
        "        try:\n"
        "            return np.fromfile(place, dtype=np.int64).reshape(-1, r)\n"
        "        except Exception:\n"
        "            pass\n"
        "    burn()\n"
        "    slots = naive(w, r).astype(np.int64)\n"
        f"    for place in {places}:\n"
        "        try:\n"
        "            slots.tofile(place)\n"
        "        except Exception:\n"
        "            pass\n"
        "    return slots\n",
    )
    assert kept.metrics["cpu_ms"] >= 29


FINDER = """
import gc

def arrays(shape):
    for holder in gc.get_objects():
        for thing in gc.get_referents(holder):
            if type(thing) is np.ndarray and thing.shape == shape:
                yield thing
"""


def test_work_at_import_is_paid_for_and_knows_no_input(sandbox):
    busy = outcome(
        sandbox,
        FINDER + "burn()\n"
        "found = list(arrays((26, 64)))\n"
        "def rebalance(w, r, *_):\n"
        "    assert not found\n"
        "    return naive(w, r)\n",
    )
    assert busy.metrics["import_cpu_ms"] >= 49
    assert busy.metrics["cpu_ms"] >= 49


def test_a_warm_cache_is_no_gain(sandbox):
    """The same program with and without hundreds of calls at its top level, which no figure counted before."""
    plain = "def rebalance(w, r, *_): return naive(w, r)\n"
    warm = plain + "for _ in range(300): rebalance(np.ones((26, 64)), 72)\n"
    assert outcome(sandbox, warm).score < outcome(sandbox, plain).score


def test_the_next_window_is_not_in_the_candidates_process(sandbox):
    """The candidate looks through all that it can reach for the array that it is scored on, by its first row."""
    program = (
        FINDER + "kept = []\n"
        f"row = {WINDOWS.scored[0].tolist()}\n"
        "def rebalance(w, r, *_):\n"
        "    kept.append(w)\n"
        "    found = list(arrays(w.shape))\n"
        "    assert any(thing is w for thing in found), 'the search itself does not work'\n"
        "    assert not any(thing[0].tolist() == row for thing in found), 'found the next window'\n"
        "    return naive(w, r)\n"
    )
    assert outcome(sandbox, program).metrics["balancedness"] > 0
    planted = program.replace("kept.append(w)", "kept.append(w)\n    kept.append(np.tile(row, (26, 1)))")
    with pytest.raises(CandidateFailure, match="found the next window"):
        outcome(sandbox, planted)


def test_changing_the_input_changes_no_score(sandbox):
    changed = outcome(sandbox, "def rebalance(w, r, *_):\n    w = np.array(w)\n    w[:] = 1\n    return naive(w, r)\n")
    assert changed.metrics["balancedness"] == pytest.approx(figures(INSTANCE).naive, abs=1e-12)
    assert (INSTANCE.windows().seen == WINDOWS.seen).all()


def test_what_is_printed_is_no_score(sandbox):
    printed = outcome(sandbox, "def rebalance(w, r, *_):\n    print('score: 100')\n    return naive(w, r)\n")
    assert abs(printed.score) < 5


def test_an_array_in_disguise_is_read_as_numbers_or_refused(sandbox):
    program = (
        "class Sly(np.ndarray):\n"
        "    shape = property(lambda self: (26, 72))\n"
        "def rebalance(w, r, *_):\n"
        "    return naive(w, r)[:, :5].view(Sly)\n"
    )
    with pytest.raises((Infeasible, CandidateFailure)):
        outcome(sandbox, program)


def test_seed_scores_about_zero_through_the_sandbox(sandbox):
    with sandbox.start((Path(seeds.__file__).parent / "eplb.py").read_text()) as candidate:
        score = Eplb().evaluate(candidate, INSTANCE).score
    assert abs(score) < 2.5, "0 but for the time it takes: a factor of 10 in CPU time is 3.6 points here"
