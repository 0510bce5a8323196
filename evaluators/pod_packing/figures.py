"""What scores 0 and 100 on a case: values of placements, see cluster.py.

Naive: the default scheduler (`baselines/default.py`). Reference: of our own cases the optimum if CP-SAT proved it (17
of 48), else the bound on it that is known; kept in reference.json, which `python -m evaluators.pod_packing.reference`
writes. Of a user's own files and of fresh cases what `baselines/repair_search.py` finds, which is near it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluators.kept_figures import differ, digest_of_files, far_apart
from evaluators.pod_packing.baselines import default, repair_search
from evaluators.pod_packing.cluster import Cluster, value
from evaluators.pod_packing.workload import Case
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / name for name in ("default.py", "repair_search.py"))
TRIALS = 4 * repair_search.TRIALS
LEAST_PODS = 1.5
"""An own case is redrawn when less is to be gained than so many pods of the lowest priority are worth."""


@dataclass(frozen=True)
class Figures:
    """Values, 1 at most. proved: whether the reference is the optimum."""

    naive: float
    reference: float
    proved: bool = False

    @property
    def tells(self) -> bool:
        """Return whether the case can be scored."""
        return differ(1 - self.naive, 1 - self.reference)


def worth_drawing(case: Case, found: Figures) -> bool:
    """Return whether a drawn case tells programs apart."""
    least = LEAST_PODS * float(case.cluster.worth.min())
    return far_apart(1 - found.naive, 1 - found.reference) and found.reference - found.naive >= least


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in cases."""
    return read_reference(STORED, "cases", Figures)


def digest(case: Case) -> str:
    """Return a hash of the case that its figures are computed from."""
    return case.cluster.digest


def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return digest_of_files(PROGRAMS)


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now."""
    return _found(case.cluster)


@functools.lru_cache(maxsize=1024)
def _found(cluster: Cluster) -> Figures:
    return stored().with_digest(cluster.digest) or of_cluster(cluster)


def compute(case: Case) -> Figures:
    """Find the figures of a case without a solver."""
    return of_cluster(case.cluster)


def of_cluster(cluster: Cluster) -> Figures:
    """Find the figures of a cluster without a solver."""
    return Figures(value(cluster, by_default(cluster)), value(cluster, searched(cluster)))


@functools.lru_cache(maxsize=16)
def searched(cluster: Cluster) -> np.ndarray:
    """Return (n,) int: where the search places each pod that knows no limit of CPU time."""
    placed: np.ndarray = repair_search.place(cluster.node, cluster.pod, cluster.moves_allowed, TRIALS)
    return placed


@functools.lru_cache(maxsize=256)
def by_default(cluster: Cluster) -> np.ndarray:
    """Return (n,) int: where the default scheduler places each pod."""
    placed: np.ndarray = default.place(cluster.node, cluster.pod, cluster.moves_allowed)
    return placed
