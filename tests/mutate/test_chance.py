"""What a prompt says of differences that may be chance: true, short, and by the rule that also chooses the winner."""

from __future__ import annotations

import dataclasses
import random

import pytest

from evolve.intervals import paired_lead
from evolve.mutate.mutation import Attempt, Example, Kind, Request
from evolve.mutate.prompts.chance import chance, change
from evolve.mutate.prompts.prompt import build_prompt

NAMES = tuple(f"train/{n}" for n in range(12))
BASE = tuple(float(50 + n) for n in range(12))
SURE = tuple(score + 2 for score in BASE)
LUCKY = tuple(score + (30 if n == 0 else -1) for n, score in enumerate(BASE))


def program(id: int, scores: tuple[float, ...], source: str = "def f():\n    return 1\n") -> Example:
    instances = tuple((name, score, "") for name, score in zip(NAMES, scores, strict=False))
    return Example(id, source, "ok", sum(scores) / len(scores), {}, instances)


def request(count: int = 12, **more: object) -> Request:
    """Return a request whose parent, 7, has two children: 8 is ahead on every instance, 9 on one."""
    scores = {7: BASE[:count], 8: SURE[:count], 9: LUCKY[:count]}
    measured = {id: dict(zip(NAMES, own, strict=False)) for id, own in scores.items()}
    attempts = (Attempt(8, "edit", 57.5, "ok", parent=7, gain=2.0), Attempt(9, "edit", 57.0, "ok", parent=7, gain=1.6))
    plain = Request(
        5, "prism", "Place models.", ("f",), program(7, BASE[:count]), (), random.Random(0), attempts=attempts,
        measured=measured,
    )  # fmt: skip
    return dataclasses.replace(plain, **more)  # type: ignore[arg-type]


def test_each_child_is_told_with_the_interval_of_its_difference_and_the_rule_is_the_winners() -> None:
    said, base = chance(request()), dict(zip(NAMES, BASE, strict=True))
    lucky = paired_lead(dict(zip(NAMES, LUCKY, strict=True)), base)
    assert lucky is not None and not lucky.is_certain and lucky.low < 0 < lucky.high
    assert f"program 9 {change(lucky.mean)} ({change(lucky.low)} to {change(lucky.high)})" in said
    assert "program 8 +2.00;" in said or "program 8 +2.00." in said, "two points on each of them: no range at all"
    assert "\n" not in said and said in build_prompt(request()).user


def test_who_is_shown_the_best_and_the_best_baseline_are_compared_once_each() -> None:
    known = (("greedy", program(-1, LUCKY)), ("naive", program(-2, BASE)))
    said = chance(request(inspirations=(program(9, LUCKY), program(11, SURE)), baselines=known, best=(8, 57.5)))
    assert [said.count(f"{name} +") for name in ("program 8", "program 9", "program 11", "greedy", "naive")] == [
        *(1, 1, 1, 1, 0)
    ]


@pytest.mark.parametrize(
    ("count", "words"), [(1, ""), (5, "5 train instances are too few to tell"), (6, "over 6 train")]
)
def test_of_few_instances_none_is_enough_and_of_one_there_is_no_chance(count: int, words: str) -> None:
    assert chance(request(count)).startswith(words) if count < 6 else words in chance(request(count))
    assert bool(chance(request(count))) == bool(words)


def test_where_there_is_nothing_to_compare_nothing_is_said() -> None:
    assert chance(request(attempts=())) == "" == chance(request(measured={}))
    assert chance(request(kind=Kind.REPAIR)) == ""
    broken = dataclasses.replace(program(7, BASE), score=None, status="error")
    assert chance(request(parent=broken)) == ""


@pytest.mark.parametrize(
    ("points", "told"), [(2.5, "+2.50"), (0.0, "+0.00"), (-0.002, "-0.002"), (0.0051, "+0.01"), (-41.0, "-41.00")]
)
def test_a_difference_that_would_round_to_none_keeps_its_sign_and_a_digit(points: float, told: str) -> None:
    assert change(points) == told
