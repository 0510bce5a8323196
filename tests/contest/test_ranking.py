"""Ranks, Friedman's test and the critical difference, by permutation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evolve.contest import rank, versus


def blocks(table: list[list[float]]) -> dict[tuple[str, int], dict[str, float]]:
    return {("p", n): dict(zip("abcdef", row, strict=False)) for n, row in enumerate(table)}


def test_the_best_has_rank_one_and_equals_share_theirs() -> None:
    found = rank(blocks([[3.0, 1.0, 2.0], [3.0, 2.0, 2.0]]))
    assert dict(found.ranks) == {"a": 1.0, "c": 2.25, "b": 2.75}
    assert list(found.ranks) == ["a", "c", "b"] and found.blocks == 2


def test_the_critical_difference_is_that_of_nemenyi_where_blocks_are_many() -> None:
    rng = np.random.default_rng(0)
    for arms, q in ((3, 2.343), (6, 2.850)):  # Demsar 2006, table 5
        found = rank(blocks(rng.normal(size=(40, arms)).tolist()))
        assert found.difference == pytest.approx(q * math.sqrt(arms * (arms + 1) / (6 * 40)), rel=0.06)
        assert found.p > 0.01


def test_the_p_value_is_that_of_friedman() -> None:
    """Four blocks, three arms in the same order each time: 6 of 6^4 orders are as clear."""
    found = rank(blocks([[3.0, 2.0, 1.0]] * 4))
    assert found.p == pytest.approx(6 / 6**4, abs=0.002)
    assert rank(blocks([[1.0, 1.0, 1.0]] * 4)).p == 1.0


def test_alike_arms_are_told_apart_in_five_of_a_hundred_contests_at_most() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(60):
        found = rank(blocks(rng.normal(size=(6, 4)).tolist()))
        ranks = list(found.ranks.values())
        wrong += max(ranks) - min(ranks) > found.difference
    assert wrong <= 7


def test_problems_in_general_are_as_many_blocks_as_there_are_problems() -> None:
    rows = {(f"p{n}", seed): {"a": 2.0, "b": 1.0, "c": 0.0} for n in range(3) for seed in range(5)}
    found = rank(rows)
    assert found.blocks == 15 and found.problems_difference is not None
    assert found.problems_difference > found.difference
    assert rank(blocks([[1.0, 2.0]] * 3)).problems_difference is None


def test_wins_ties_and_the_paired_lead() -> None:
    found = versus(blocks([[3.0, 1.0], [1.0, 1.0], [0.0, 1.0], [5.0, 1.0]]), "a", "b")
    assert (found.wins, found.ties, found.losses) == (2, 1, 1)
    assert found.lead.mean == pytest.approx((2 + 0 - 1 + 4) / 4) and found.lead.count == 4
