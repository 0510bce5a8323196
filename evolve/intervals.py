"""95 % intervals of means over instances, by the bootstrap, and of the difference of two programs on the same ones.

An expanded percentile interval: of few values, the plain percentiles of bootstrap means are too narrow, by the factor
sqrt((n - 1) / n) and by what separates Student's t from the normal distribution; the percentiles are moved outwards so
that the interval has, for normal values, the width of the t interval. 10,000 draws from a fixed seed: the same values
have the same interval. Instances are taken as independent; where several are cut from one trace it is too narrow.
Source: Hesterberg 2015 (The American Statistician 69:4), "What Teachers Should Know about the Bootstrap", section 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
FEWEST = 6
"""Instances without which no difference is certain: even if one program is ahead on each of five, chance does that in
one case of 16 (2 / 2^5), and the bootstrap of so few values has hardly any other values to draw."""
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval; both ends are the mean where there are fewer than two values."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Lead(Interval):
    """The mean difference of two programs over the instances that both have a score on. count: of these.

    One comparison: nobody has widened it for others that are made beside it.
    """

    count: int

    @property
    def is_certain(self) -> bool:
        """Whether the two can be told apart: the interval leaves 0 out, and there are enough instances."""
        return self.count >= FEWEST and not self.low <= 0 <= self.high


def paired_lead(one: Mapping[str, float], other: Mapping[str, float]) -> Lead | None:
    """Return by how much a program's mean is above another's. Both: instance -> score. None: no instance is shared."""
    ahead = [score - other[instance] for instance, score in one.items() if instance in other]
    if not ahead:
        return None
    found = mean_interval(ahead)
    return Lead(found.mean, found.low, found.high, len(ahead))


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean of values, one per instance, with its interval. values: at least one.

    To compare two programs, give the differences of their scores, instance by instance.
    """
    return _interval(_resampled_means(values, 0), _mean(values), len(values))


def drop_interval(before: Sequence[float], after: Sequence[float]) -> Interval:
    """Return how much the mean falls from one set of instances to another, with its interval. Both: at least one."""
    fallen = _resampled_means(before, 0) - _resampled_means(after, 1)
    return _interval(fallen, _mean(before) - _mean(after), min(len(before), len(after)))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _resampled_means(values: Sequence[float], stream: int) -> np.ndarray:
    """Return the means of RESAMPLES draws with replacement; the same for the same values."""
    array = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng([20150812, stream]).integers(0, len(array), (RESAMPLES, len(array)))
    means: np.ndarray = array[drawn].mean(axis=1)
    return means


def _interval(means: np.ndarray, mean: float, count: int) -> Interval:
    if count < 2:
        return Interval(mean, mean, mean)
    wide = _student(count - 1) * math.sqrt(count / (count - 1))
    outside = _NORMAL.cdf(-wide)
    low, high = np.quantile(means, [outside, 1 - outside])
    return Interval(mean, float(low), float(high))


def _student(freedom: int) -> float:
    """Return the quantile of Student's t that leaves 2.5 % above it: 12.71 at 1 degree of freedom, 1.96 at many.

    From 3 degrees on an expansion, right to 1 %. Source: Abramowitz & Stegun 1964, 26.7.5.
    """
    if freedom < 3:
        return (12.706, 4.303)[freedom - 1]
    z = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + terms[0] / freedom + terms[1] / freedom**2 + terms[2] / freedom**3
