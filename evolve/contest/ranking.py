"""Which arm is better, over many blocks: mean ranks, Friedman's test, the critical difference, wins against one arm.

A block is one problem with one seed, on which all arms have run. Within it arms are ranked, 1 the best, equal scores
share the mean of their ranks. Friedman 1937 asks whether mean ranks differ by more than chance; the critical
difference is how far two mean ranks must be apart so that it is not chance for any pair (Nemenyi 1963; Demsar 2006,
"Statistical Comparisons of Classifiers over Multiple Data Sets"). Both are taken from one simulation of what chance
does: the ranks of every block are permuted, 10,000 times from a fixed seed. That holds for few blocks and for ties,
where the usual chi-square and studentized range are approximations, and needs no tables of them, nor scipy.

Blocks of one problem differ in their seeds only, so what is concluded holds for these problems. For problems in general
there are as many blocks as problems: `problems_difference` is the critical difference of that question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolve.intervals import Lead, paired_lead

PERMUTATIONS = 10_000
SEED = 20061201
SAME_POINTS = 0.01
"""Scores that differ by less are a tie."""


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of arms.

    Attributes:
        ranks: arm -> mean rank over the blocks, the best first.
        blocks: how many.
        p: probability of mean ranks that differ as much, if all arms were alike.
        difference: how far two mean ranks must be apart to differ by more than chance, at 5 % for all pairs together.
        problems_difference: the same where problems, not blocks, are what was drawn; None with fewer than two.
    """

    ranks: Mapping[str, float]
    blocks: int
    p: float
    difference: float
    problems_difference: float | None


def rank(blocks: Mapping[tuple[str, int], Mapping[str, float]]) -> Ranking:
    """Rank arms. blocks: (problem, seed) -> arm -> score, each with the same arms; at least one block."""
    arms = list(next(iter(blocks.values())))
    table = np.array([_ranks([-scores[arm] for arm in arms]) for scores in blocks.values()])
    means = table.mean(axis=0)
    spread = _spread(table)
    middle = (len(arms) + 1) / 2
    found = float(((means - middle) ** 2).sum())
    p = (1 + int((spread[0] >= found - 1e-12).sum())) / (1 + PERMUTATIONS)
    by_problem: dict[str, list[np.ndarray]] = {}
    for (problem, _), row in zip(blocks, table, strict=True):
        by_problem.setdefault(problem, []).append(row)
    of_problems = np.array([_ranks(list(np.mean(rows, axis=0))) for rows in by_problem.values()])
    wide = float(np.quantile(_spread(of_problems)[1], 0.95)) if len(by_problem) > 1 else None
    order = np.argsort(means, kind="stable")
    ranked = {arms[place]: float(means[place]) for place in order}
    return Ranking(ranked, len(table), p, float(np.quantile(spread[1], 0.95)), wide)


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the ranks of values, 1 for the least; equal ones share the mean of theirs."""
    found = []
    for value in values:
        below = sum(other < value - SAME_POINTS for other in values)
        same = sum(abs(other - value) <= SAME_POINTS for other in values)
        found.append(below + (same + 1) / 2)
    return found


def _spread(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what mean ranks are when chance orders every block: sums of squares about the middle, and ranges.

    table: (blocks, arms) ranks. Returns two arrays of (PERMUTATIONS,).
    """
    rng = np.random.default_rng(SEED)
    count, arms = table.shape
    sums = np.zeros((PERMUTATIONS, arms))
    for row in table:
        sums += row[rng.random((PERMUTATIONS, arms)).argsort(axis=1)]
    means = sums / count
    return ((means - (arms + 1) / 2) ** 2).sum(axis=1), means.max(axis=1) - means.min(axis=1)


@dataclass(frozen=True)
class Versus:
    """An arm against another, block by block. lead: mean points that it is ahead by, paired over blocks."""

    wins: int
    ties: int
    losses: int
    lead: Lead


def versus(blocks: Mapping[tuple[str, int], Mapping[str, float]], arm: str, other: str) -> Versus:
    """Compare two arms. blocks: as of `rank`."""
    ahead = {f"{problem}/{seed}": scores[arm] - scores[other] for (problem, seed), scores in blocks.items()}
    lead = paired_lead(ahead, dict.fromkeys(ahead, 0.0))
    assert lead is not None
    wins = sum(points > SAME_POINTS for points in ahead.values())
    losses = sum(points < -SAME_POINTS for points in ahead.values())
    return Versus(wins, len(ahead) - wins - losses, losses, lead)
