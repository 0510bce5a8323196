from __future__ import annotations

import random
from collections import Counter

from evolve.search import Bandit

EVEN = {"a": 1.0, "b": 1.0}


def pulls(bandit: Bandit, weights: dict[str, float], times: int = 400) -> Counter[str]:
    return Counter(bandit.choose(weights, random.Random(f"pull/{n}"))[0] for n in range(times))


def test_without_evidence_the_weights_decide() -> None:
    assert 150 < pulls(Bandit(), EVEN)["a"] < 250
    assert pulls(Bandit(), {"a": 9.0, "b": 1.0})["a"] > 300


def test_the_arm_that_gains_is_pulled() -> None:
    bandit = Bandit()
    for _ in range(30):
        bandit.tell("a", 5.0, 1.0)
        bandit.tell("b", 0.0, 1.0)
    assert pulls(bandit, EVEN)["a"] > 360


def test_of_two_arms_that_gain_the_same_the_cheaper_is_pulled() -> None:
    bandit = Bandit()
    for _ in range(60):
        bandit.tell("a", 5.0, 0.001)
        bandit.tell("b", 5.0, 0.01)
    assert pulls(bandit, EVEN)["a"] > 340


def test_a_failed_call_counts_as_dear_and_a_free_arm_does_not_win_by_that_alone() -> None:
    bandit = Bandit()
    for _ in range(60):
        bandit.tell("a", 5.0, 0.01)
        bandit.tell("b", 0.0, None)
        bandit.tell("free", 0.0, 0.0)
    drawn = pulls(bandit, {**EVEN, "free": 1.0})
    assert drawn["b"] < 20
    assert drawn["a"] > drawn["b"]


def test_evidence_fades_so_that_an_arm_that_stopped_helping_is_left() -> None:
    bandit = Bandit()
    for _ in range(200):
        bandit.tell("a", 5.0, 1.0)
    for _ in range(300):
        bandit.tell("a", 0.0, 1.0)
        bandit.tell("b", 0.5, 1.0)
    assert pulls(bandit, EVEN)["b"] > 340


def test_small_gains_count_as_much_late_in_a_run_as_large_ones_early() -> None:
    early, late = Bandit(), Bandit()
    for _ in range(100):
        early.tell("a", 10.0, 1.0)
        early.tell("b", 0.0, 1.0)
        late.tell("a", 0.001, 1.0)
        late.tell("b", 0.0, 1.0)
    assert pulls(early, EVEN) == pulls(late, EVEN)


def test_choosing_changes_nothing_and_the_state_follows_from_what_was_told() -> None:
    one, other = Bandit(), Bandit()
    for n in range(50):
        one.choose(EVEN, random.Random(n))
        for bandit in (one, other):
            bandit.tell("ab"[n % 2], float(n % 5) - 1.0, 0.5 + n % 3)
    assert [one.choose(EVEN, random.Random(n)) for n in range(50)] == [
        other.choose(EVEN, random.Random(n)) for n in range(50)
    ]
