"""The two figures that a score depends on, per instance: the makespan of the naive and of the reference order.

Naive: `baselines/as_given.py`. Reference: `baselines/smf_local_search.py`, whose search is a fixed number of
evaluations (3-5 s) and reads no clock, so the figure is the same on every machine. Those of the built-in instances are
kept in reference.json, which `python -m evaluators.txn_scheduling.reference` writes. Those of a user's files are found
when they are first needed and kept in the user's cache folder, under the hash of transactions and programs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from evaluators.kept_figures import computed_once, differ, digest_of, digest_of_files
from evaluators.reference_file import Stored, read_reference
from evaluators.txn_scheduling.baselines import as_given, smf_local_search
from evaluators.txn_scheduling.mechanics import Transaction, makespan
from evaluators.txn_scheduling.workload import Workload

STORED = Path(__file__).with_name("reference.json")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / name for name in ("as_given.py", "smf_local_search.py"))

Schedule: TypeAlias = Callable[[Sequence[Transaction]], list[int]]
_NAIVE: Schedule = as_given.schedule
_REFERENCE: Schedule = smf_local_search.schedule


@dataclass(frozen=True)
class Figures:
    """Makespans, ticks."""

    naive: int
    reference: int

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the instance to have a score."""
        return differ(self.naive, self.reference)


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in instances."""
    return read_reference(STORED, "instances", Figures)


def digest(transactions: Sequence[Transaction]) -> str:
    """Return a hash of the transactions that figures are computed from."""
    facts = [(t.length, [tuple(op) for op in t.ops]) for t in transactions]
    return digest_of(facts)


def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return digest_of_files(PROGRAMS)


def compute(instance: Workload) -> Figures:
    """Find the figures of an instance: 3-5 s."""
    transactions = instance.transactions
    return Figures(
        makespan(transactions, _NAIVE(transactions)),
        makespan(transactions, _REFERENCE(transactions)),
    )


def figures_of(instance: Workload) -> Figures:
    """Return the figures of an instance: kept ones where there are, else from the user's cache, else found now."""
    kept = stored().figures.get(instance.id)
    return kept if kept is not None else _of_file(instance)


@functools.lru_cache(maxsize=1024)
def _of_file(instance: Workload) -> Figures:
    own = digest(instance.transactions)
    kept = stored().with_digest(own)
    if kept is not None:
        return kept
    return computed_once(
        "txn_scheduling", f"{own}-{programs_digest()}", Figures, instance.id, lambda: compute(instance)
    )
