"""The two figures that a score hangs on, per instance: the makespan of the naive and of the reference order.

Naive: `baselines/as_given.py`. Reference: `baselines/smf_local_search.py`, whose search is a fixed number of
evaluations (3-5 s) and reads no clock, so the figure is the same on every machine. Those of the built-in instances are
kept in reference.json, which `python -m evaluators.txn_scheduling.reference` writes. Those of a user's files are found
when they are first needed and kept in the user's cache folder, under the hash of transactions and programs.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from evaluators.kept_figures import keep, recall
from evaluators.txn_scheduling.baselines import as_given, smf_local_search
from evaluators.txn_scheduling.mechanics import Transaction, makespan
from evaluators.txn_scheduling.workload import Workload
from evolve.evaluator import Split

STORED = Path(__file__).with_name("reference.json")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / name for name in ("as_given.py", "smf_local_search.py"))

Schedule: TypeAlias = Callable[[Sequence[Transaction]], list[int]]
_NAIVE: Schedule = as_given.schedule
_REFERENCE: Schedule = smf_local_search.schedule

LEAST_GAP = 0.01
"""An instance on which naive and reference differ by less than this share of naive says nothing and has no score."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """Makespans, ticks."""

    naive: int
    reference: int

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the instance to have a score."""
        return self.naive - self.reference >= LEAST_GAP * self.naive


@dataclass(frozen=True)
class Stored:
    """What reference.json holds.

    programs: hash of the naive and the reference program.  attempts: of every own split, how often each of its
    instances was redrawn.  digests, figures: by instance id, the hash of the transactions that the figures belong to,
    and the figures.
    """

    programs: str
    attempts: dict[Split, tuple[int, ...]]
    digests: dict[str, str]
    figures: dict[str, Figures]


@functools.cache
def stored() -> Stored:
    """Return the figures of the built-in instances."""
    content = json.loads(STORED.read_text(encoding="utf-8"))
    rows = content["instances"]
    return Stored(
        content["programs"],
        {Split(split): tuple(attempts) for split, attempts in content["attempts"].items()},
        {id_: row["digest"] for id_, row in rows.items()},
        {id_: Figures(row["naive"], row["reference"]) for id_, row in rows.items()},
    )


def digest(transactions: Sequence[Transaction]) -> str:
    """Return a hash of the transactions that figures are computed from."""
    facts = [(t.length, [tuple(op) for op in t.ops]) for t in transactions]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@functools.cache
def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in PROGRAMS)).hexdigest()[:16]


def compute(transactions: Sequence[Transaction]) -> Figures:
    """Find the figures of an instance: 3-5 s."""
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
    for id_, kept in stored().digests.items():
        if kept == own:  # one of ours, written by `evolve data`
            return stored().figures[id_]
    key = f"{own}-{programs_digest()}"
    known = _cached(key)
    if known is None:
        began = time.perf_counter()
        known = compute(instance.transactions)
        _log.info("txn_scheduling: reference of %s computed in %.1f s", instance.id, time.perf_counter() - began)
        keep("txn_scheduling", key, asdict(known))
    return known


def _cached(key: str) -> Figures | None:
    facts = recall("txn_scheduling", key) or {}
    try:
        return Figures(int(facts["naive"]), int(facts["reference"]))
    except (KeyError, TypeError, ValueError):
        return None
