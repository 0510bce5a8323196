"""The figures that a score hangs on, per table: the hit rates of the naive and of the reference order, and a bound.

Naive: `baselines/original.py`. Reference: `baselines/ggr_local_search.py`, whose number of trials hangs on the table
alone, so the figure is the same on every machine. Those of the built-in instances are kept in reference.json, which
`python -m evaluators.llm_sql.reference` writes. Those of a user's files are found when they are first needed and kept
in the user's cache folder, under the hash of the table and of the programs.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from evaluators.kept_figures import keep, recall
from evaluators.llm_sql.baselines import ggr_local_search, original
from evaluators.llm_sql.bound import least_missed
from evaluators.llm_sql.prefix import hit_rate, row_strings, shared_with_predecessor
from evaluators.llm_sql.table import Table
from evaluators.llm_sql.workload import TableInstance
from evolve.evaluator import Split

STORED = Path(__file__).with_name("reference.json")
_FOLDER = Path(__file__).parent
PROGRAMS = (*(_FOLDER / "baselines" / name for name in ("original.py", "ggr_local_search.py")), _FOLDER / "bound.py")

Reorder: TypeAlias = Callable[[list[str], list[list[str]], list[list[str]]], Any]
_NAIVE: Reorder = original.reorder
_REFERENCE: Reorder = ggr_local_search.reorder

LEAST_GAP = 0.01
"""An instance on which naive and reference differ by less than this share of naive's x says nothing; no score."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """Hit rates, 0 to 1. bound: no order has a higher one."""

    naive: float
    reference: float
    bound: float

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the instance to have a score."""
        return self.reference - self.naive >= LEAST_GAP * (1.0 - self.naive) > 0


@dataclass(frozen=True)
class Stored:
    """What reference.json holds.

    programs: hash of what the figures are computed by.  attempts: of every own split, how often each of its instances
    was redrawn.  digests, figures: by instance id, the hash of the table that the figures belong to, and the figures.
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
        {id_: Figures(row["naive"], row["reference"], row["bound"]) for id_, row in rows.items()},
    )


@functools.cache
def programs_digest() -> str:
    """Return a hash of the programs that figures are computed by."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in PROGRAMS)).hexdigest()[:16]


def hit_rate_of(table: Table, reorder: Reorder) -> float:
    """Return the hit rate of a program's order, run in this process."""
    rows, columns = reorder(list(table.columns), table.rows, [list(names) for names in table.merges])
    return hit_rate(int(shared_with_predecessor(row_strings(table.rows, rows, columns)).sum()), table.characters)


def compute(table: Table) -> Figures:
    """Find the figures of a table: some seconds."""
    bound = hit_rate(table.characters - least_missed(table), table.characters)
    return Figures(hit_rate_of(table, _NAIVE), hit_rate_of(table, _REFERENCE), bound)


def figures_of(instance: TableInstance) -> Figures:
    """Return the figures of an instance: kept ones where there are, else from the user's cache, else found now."""
    kept = stored().figures.get(instance.id) if instance.read is None else None
    return kept if kept is not None else _of_table(instance.table)


@functools.lru_cache(maxsize=64)
def _of_table(table: Table) -> Figures:
    key = f"{table.digest}-{programs_digest()}"
    known = _cached(key)
    if known is None:
        began = time.perf_counter()
        known = compute(table)
        _log.info(
            "llm_sql: reference of a table of %d rows computed in %.1f s", len(table.rows), time.perf_counter() - began
        )
        keep("llm_sql", key, asdict(known))
    return known


def _cached(key: str) -> Figures | None:
    facts = recall("llm_sql", key) or {}
    try:
        return Figures(float(facts["naive"]), float(facts["reference"]), float(facts["bound"]))
    except (KeyError, TypeError, ValueError):
        return None
