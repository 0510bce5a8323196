"""What scores 0 and 100 on a day, USD.

Naive: the static threshold of 80 % with minimum migration time (`baselines/thr_08.py`). Reference: the bound
`cost_bound_usd`. Those of the built-in days are kept in reference.json, which
`python -m evaluators.cloud_balancing.reference` writes; those of a user's data and of fresh days are found when they
are first needed, about 0.3 s for 60 VMs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.cloud_balancing.baselines import thr_08
from evaluators.cloud_balancing.cloud import Cloud, cost_bound_usd
from evaluators.cloud_balancing.simulation import lived
from evaluators.cloud_balancing.workload import Case
from evaluators.kept_figures import computed_once, differ, digest_of_files, far_apart
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """Costs of a day, USD."""

    naive: float
    reference: float

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the day to have a score."""
        return differ(self.naive, self.reference)


def worth_drawing(found: Figures) -> bool:
    """Return whether an own day tells programs apart."""
    return far_apart(found.naive, found.reference)


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in days."""
    return read_reference(STORED, "days", Figures)


def digest(case: Case) -> str:
    """Return a hash of the day that its figures are computed from."""
    return case.cloud.digest


def programs_digest() -> str:
    """Return a hash of the naive program."""
    return digest_of_files((Path(str(thr_08.__file__)),))


def figures_of(case: Case) -> Figures:
    """Return the figures of a day: kept ones where there are, else found now."""
    kept = stored().figures.get(case.id)
    return kept if kept is not None else _found(case.cloud)


@functools.lru_cache(maxsize=1024)
def _found(cloud: Cloud) -> Figures:
    kept = stored().with_digest(cloud.digest)
    if kept is not None:
        return kept
    key = f"{cloud.digest}-{programs_digest()}"
    return computed_once("cloud_balancing", key, Figures, "a day", lambda: of_cloud(cloud))


def compute(case: Case) -> Figures:
    """Find the figures of a day."""
    return of_cloud(case.cloud)


def of_cloud(cloud: Cloud) -> Figures:
    """Find the figures of a cloud."""
    return Figures(lived(cloud, thr_08.Policy(cloud.info).rebalance).cost_usd, cost_bound_usd(cloud))
