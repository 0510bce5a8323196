"""What scores 0 and 100 on a case, vCPU in fragments: no move at all, and the bound `least_fragments`.

Both are sums over the hosts, found in a millisecond; reference.json, which `python -m evaluators.vm_rescheduling.
reference` writes, keeps those of the built-in cases and how often each was drawn again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import differ, far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.vm_rescheduling.cluster import Cluster, fragments, least_fragments
from evaluators.vm_rescheduling.workload import Case, Family

STORED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """vCPU in fragments before the moves, and the least that any plan could leave. free: vCPU that are free."""

    naive: int
    reference: int
    free: int

    @property
    def tells(self) -> bool:
        """Return whether the case can be scored: something is to be gained."""
        return differ(self.naive, self.reference)


def file_of(family: Family) -> Path:
    """Return where the figures of a family's built-in cases are kept."""
    return STORED if family == "standard" else STORED.with_name(f"reference_{family}.json")


@functools.cache
def stored(family: Family = "standard") -> Stored[Figures]:
    """Return the figures of the built-in cases."""
    return read_reference(file_of(family), "cases", Figures)


def digest(case: Case) -> str:
    """Return a hash of the case that its figures are computed from."""
    return case.cluster.digest


def figures_of(case: Case) -> Figures:
    """Return the figures of a case."""
    return of_cluster(case.cluster)


compute = figures_of


def of_cluster(cluster: Cluster) -> Figures:
    """Return the figures of a cluster."""
    free = cluster.pm.cpu_free
    return Figures(fragments(free), least_fragments(cluster), int(free.sum()))


def worth_drawing(found: Figures) -> bool:
    """Return whether a drawn case tells programs apart."""
    return far_apart(found.naive, found.reference)
