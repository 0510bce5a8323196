"""Figures that a score depends on, per instance: the makespan of the naive and of the reference order, and a bound.

Naive: `baselines/as_given.py`. Reference: the better one of `baselines/smf_local_search.py` and
`baselines/insertion_search.py`, whose searches are of a fixed number of steps (5-8 s each) and read no clock, so the
figure is the same on every machine. For the public workloads orders are known that took hours, and what was proved of
them (best_orders.json): there the best known order is the reference. Those of the built-in instances are
kept in reference.json, which `python -m evaluators.txn_scheduling.reference` writes. Those of a user's files are found
when they are first needed and kept in the user's cache folder, under the hash of transactions and programs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from evaluators.kept_figures import computed_once, differ, digest_of, digest_of_files, far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.txn_scheduling.baselines import as_given, insertion_search, smf, smf_local_search
from evaluators.txn_scheduling.bound import bound_and_key
from evaluators.txn_scheduling.feedback import chain_in_words
from evaluators.txn_scheduling.mechanics import Transaction, makespan, schedule
from evaluators.txn_scheduling.workload import Workload

STORED = Path(__file__).with_name("reference.json")
BEST_ORDERS = Path(__file__).parent / "best_orders.json"
_NAMES = ("as_given", "smf_local_search", "insertion_search")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / f"{name}.py" for name in _NAMES)

Schedule: TypeAlias = Callable[[Sequence[Transaction]], list[int]]
_NAIVE: Schedule = as_given.schedule
_REFERENCES: tuple[Schedule, ...] = (smf_local_search.schedule, insertion_search.schedule)


@dataclass(frozen=True)
class Figures:
    """Makespans, ticks. reference_did: what the critical chain of the reference's order is made of, in words."""

    naive: int
    reference: int
    reference_did: str = ""

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the instance to have a score."""
        return differ(self.naive, self.reference)

    @property
    def far_apart(self) -> bool:
        """Return whether they differ enough for an instance of our own."""
        return far_apart(self.naive, self.reference)


def tells_enough(instance: Workload) -> bool:
    """Return whether naive and reference differ enough for an instance of our own.

    The greedy order that a reference begins with mostly answers that; else the references are searched for.
    """
    transactions = instance.transactions
    naive, greedy = (makespan(transactions, order(transactions)) for order in (_NAIVE, smf.schedule))
    return far_apart(naive, greedy) or figures_of(instance).far_apart


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in instances."""
    return read_reference(STORED, "instances", Figures)


def digest(transactions: Sequence[Transaction]) -> str:
    """Return a hash of the transactions that figures are computed from."""
    facts = [(t.length, [tuple(op) for op in t.ops]) for t in transactions]
    return digest_of(facts)


def programs_digest() -> str:
    """Return a hash of the naive and the reference programs."""
    return digest_of_files(PROGRAMS)


@dataclass(frozen=True)
class Known:
    """What is known of a set of transactions. order: the best found.  bound: ticks that no order is below, or 0."""

    order: tuple[int, ...]
    bound: int = 0


@functools.cache
def best_orders() -> dict[str, Known]:
    """Return what is known of the public workloads, by the hash of their transactions."""
    content = json.loads(BEST_ORDERS.read_text(encoding="utf-8"))
    return {hashed: Known(tuple(row["order"]), row["proved_bound"]) for hashed, row in content.items()}


def compute(instance: Workload) -> Figures:
    """Find the figures of an instance: 10-15 s."""
    transactions = instance.transactions
    known = best_orders().get(digest(transactions))
    orders = [known.order] if known is not None else [search(transactions) for search in _REFERENCES]
    best = min((schedule(transactions, order) for order in orders), key=lambda placed: max(p.end for p in placed))
    return Figures(
        makespan(transactions, _NAIVE(transactions)), max(placed.end for placed in best), chain_in_words(best)
    )


@functools.lru_cache(maxsize=1024)
def bound_of(instance: Workload) -> tuple[int, str]:
    """Return a makespan, in ticks, that no order of an instance is below, and why, in words."""
    ticks, key = bound_and_key(instance.transactions)
    known = best_orders().get(digest(instance.transactions))
    if known is not None and known.bound > ticks:
        return known.bound, "proved by search"
    if key is None:
        return ticks, "the longest transaction"
    return ticks, f"key {key} alone"


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
