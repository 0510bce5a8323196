"""Shapes of a learning rate over a run, as shares of its peak; u = t/T is the share of the budget that is used.

Sources: cosine, Loshchilov and Hutter 2017; linear, Defazio et al. 2023 ("When, Why and How Much?"), who also derive
the refined schedule; warm-up, stable, decay (WSD), Hu et al. 2024; UBA, the unified budget-aware schedule, whose phi of
2 is the cosine and whose phi near 0 is a constant rate; REX, Chen et al. 2022.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np

Shape = Callable[[float], float]
"""u in [0, 1) -> share of the peak, 0 to 1."""


def constant(_: float) -> float:
    """Return 1."""
    return 1.0


def linear(u: float) -> float:
    """Return 1 - u."""
    return 1.0 - u


def cosine(u: float) -> float:
    """Return half a cosine, from 1 to 0."""
    return 0.5 * (1.0 + math.cos(math.pi * u))


def uba(phi: float, u: float) -> float:
    """Return 2 (1 + c) / (2 phi + (2 - phi) (1 + c)) with c = cos(pi u)."""
    c = math.cos(math.pi * u)
    return 2.0 * (1.0 + c) / (2.0 * phi + (2.0 - phi) * (1.0 + c))


def steps(u: float) -> float:
    """Return 1, from a half of the budget on .1, from three quarters on .01."""
    return 1.0 if u < 0.5 else 0.1 if u < 0.75 else 0.01


def warmed_linear(u: float) -> float:
    """Return a linear rise over the first tenth of the budget, then a linear decay."""
    return u / 0.1 if u < 0.1 else (1.0 - u) / 0.9


def wsd(u: float) -> float:
    """Return a rise over a twentieth, a stay, and a linear decay over the last fifth."""
    return min(1.0, u / 0.05, (1.0 - u) / 0.2)


def rex(u: float) -> float:
    """Return (1 - u) / (1 - u / 2)."""
    return (1.0 - u) / (1.0 - 0.5 * u)


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "linear": linear,
        "cosine": cosine,
        "uba_0.5": partial(uba, 0.5),
        "uba_1": partial(uba, 1.0),
        "uba_5": partial(uba, 5.0),
        "steps": steps,
        "warmed_linear": warmed_linear,
        "wsd": wsd,
    }
)
"""Among which the reference is chosen. UBA of phi 2 is the cosine."""


def refined(norms: Sequence[float], width: int = 25) -> list[float]:
    """Return the refined schedule of a run from the gradient norms of an earlier one, as shares of its peak.

    norms: (T,) > 0.  width: steps, of the median that they are smoothed by.  w = norms^-2 and
    rate_t = w_t * (sum of w_p over p > t), scaled to a peak of 1 (Defazio et al. 2023, algorithm 1).
    """
    values, half = np.asarray(norms), width // 2
    smooth = np.array([np.median(values[max(0, t - half) : t + half + 1]) for t in range(len(values))])
    weights = smooth**-2.0
    later = weights.sum() - np.cumsum(weights)
    rates = weights * later
    return list((rates / rates.max()).tolist())
