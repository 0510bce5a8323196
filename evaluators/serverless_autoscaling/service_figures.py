"""What scores 0 and 100 on an hour of a service: whole units of cost, on a logarithmic scale.

Naive: Knative's autoscaler as it is set by default (`baselines/kpa.py`). Reference: who knows all requests and the knee
(service.py); it is no bound. Costs differ by a factor of 3 to 200, so that each halving counts alike.
"""

from __future__ import annotations

import functools
import math

from evaluators.kept_figures import far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.serverless_autoscaling.baselines import kpa
from evaluators.serverless_autoscaling.figures import STORED, Figures
from evaluators.serverless_autoscaling.service import Hour, digest, serve, with_foresight
from evolve.evaluator import relative_score

STORED_HOURS = STORED.with_name("reference_concurrency.json")


@functools.cache
def stored_hours() -> Stored[Figures]:
    """Return the figures of the built-in hours."""
    return read_reference(STORED_HOURS, "hours", Figures)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process, by digest: an id says which hour was meant, not which draw of it."""


def figures_of_hour(hour: Hour) -> Figures:
    """Return the figures of an hour: kept ones where there are, else found now."""
    kept = stored_hours().figures.get(hour.id)
    if kept is not None:
        return kept
    key = digest(hour)
    if key not in _FOUND:
        _FOUND[key] = compute_hour(hour)
    return _FOUND[key]


def hour_tells_apart(_: Hour, found: Figures) -> bool:
    """Return whether a drawn hour tells programs apart: it is drawn again where it does not."""
    return far_apart(found.naive, found.reference)


def compute_hour(hour: Hour) -> Figures:
    """Find the figures of an hour."""
    return Figures(serve(hour.load, kpa.Scaler(hour.load.info()).decide).cost, with_foresight(hour.load))


def score_of_hour(figures: Figures, cost: int) -> float:
    """Return 100 * log(naive / cost) / log(naive / reference), at least -100."""
    return relative_score(math.log(figures.naive), math.log(figures.reference), math.log(cost))
