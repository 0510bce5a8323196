"""When a program that is nearly one already run is turned down: learnt from what such programs scored."""

from __future__ import annotations

import random

from evolve.search import Lineage, Novelty
from evolve.search.novelty import NOTHING


def learnt(*evidence: tuple[float, bool, int]) -> Novelty:
    threshold = Novelty(Lineage())
    for similarity, differed, times in evidence:
        for _ in range(times):
            threshold.learn(similarity, differed)
    return threshold


def test_nothing_is_turned_down_before_there_is_evidence() -> None:
    assert Novelty(Lineage()).threshold() == NOTHING > 1.0
    assert learnt((0.99, False, 19)).threshold() == NOTHING
    assert learnt((0.99, False, 20)).threshold() == 0.98


def test_the_threshold_is_where_nine_in_ten_scored_the_same() -> None:
    assert learnt((0.99, False, 30), (0.91, False, 30), (0.81, True, 30)).threshold() == 0.9
    assert learnt((0.99, True, 30), (0.91, False, 30)).threshold() == NOTHING
    assert learnt((0.99, False, 27), (0.99, True, 3)).threshold() == NOTHING  # nine in ten seen is not yet nine in ten
    assert learnt((0.99, False, 38), (0.99, True, 2)).threshold() == 0.98


def test_many_clones_do_not_speak_for_children_that_are_less_like() -> None:
    assert learnt((1.0, False, 40), (0.95, False, 40), (0.85, True, 5)).threshold() == 0.94


def test_the_threshold_adapts_both_ways() -> None:
    threshold = learnt((0.95, False, 30))
    assert threshold.threshold() == 0.94
    for _ in range(6):
        threshold.learn(0.95, True)
    assert threshold.threshold() == NOTHING
    for _ in range(40):
        threshold.learn(0.95, False)
    assert threshold.threshold() == 0.94
    for _ in range(20):
        threshold.learn(0.87, False)
    assert threshold.threshold() == 0.86


def test_what_is_little_like_anything_teaches_nothing_and_is_never_turned_down() -> None:
    assert learnt((0.3, False, 500)).threshold() == NOTHING
    assert learnt((0.5, False, 40)).threshold() == 0.5


def test_a_replay_of_the_same_evidence_decides_the_same() -> None:
    rng = random.Random(3)
    evidence = [(rng.random(), rng.random() < 0.07) for _ in range(3_000)]
    one, other = Novelty(Lineage()), Novelty(Lineage())
    course = []
    for similarity, differed in evidence:
        one.learn(similarity, differed)
        course.append(one.threshold())
    for n, (similarity, differed) in enumerate(evidence):
        other.learn(similarity, differed)
        assert other.threshold() == course[n]
    assert len(set(course)) > 2


def test_of_those_turned_down_nine_in_ten_would_have_scored_the_same() -> None:
    """Children whose chance to differ falls with their likeness: the learnt threshold keeps the promise."""
    rng = random.Random(11)
    threshold = Novelty(Lineage())
    lost = down = 0
    for _ in range(5_000):
        similarity = rng.uniform(0.5, 1.0)
        differed = rng.random() < 2 * (1 - similarity)
        if similarity >= threshold.threshold() and rng.random() >= 0.1:
            down += 1
            lost += differed
        else:
            threshold.learn(similarity, differed)
    assert down > 150
    assert lost / down < 0.1
