"""The figures that a score depends on, per table: the hit rates of the naive and of the reference order, and a bound.

Naive: `baselines/original.py`. Reference: `baselines/ggr_local_search.py`, whose number of trials depends on the table
alone, so the figure is the same on every machine. Those of the built-in instances are kept in reference.json, which
`python -m evaluators.llm_sql.reference` writes. Those of a user's files are found when they are first needed and kept
in the user's cache folder, under the hash of the table and of the programs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from evaluators.kept_figures import computed_once, differ, digest_of_files, far_apart
from evaluators.llm_sql.baselines import ggr_local_search, original
from evaluators.llm_sql.bound import least_missed
from evaluators.llm_sql.feedback import beginnings
from evaluators.llm_sql.prefix import hit_rate, row_strings, shared_with_predecessor
from evaluators.llm_sql.table import Table
from evaluators.llm_sql.workload import TableInstance
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
_FOLDER = Path(__file__).parent
PROGRAMS = (*(_FOLDER / "baselines" / name for name in ("original.py", "ggr_local_search.py")), _FOLDER / "bound.py")

Reorder: TypeAlias = Callable[[list[str], list[list[str]], list[list[str]]], Any]
_NAIVE: Reorder = original.reorder
_REFERENCE: Reorder = ggr_local_search.reorder


@dataclass(frozen=True)
class Figures:
    """Hit rates, 0 to 1. bound: no order has a higher one.  reference_did: what columns its rows begin with."""

    naive: float
    reference: float
    bound: float
    reference_did: str = ""

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the instance to have a score."""
        return differ(1.0 - self.naive, 1.0 - self.reference)

    @property
    def far_apart(self) -> bool:
        """Return whether they differ enough for an instance of our own."""
        return far_apart(1.0 - self.naive, 1.0 - self.reference)


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in instances."""
    return read_reference(STORED, "instances", Figures)


def programs_digest() -> str:
    """Return a hash of the programs that figures are computed by."""
    return digest_of_files(PROGRAMS)


def answer_of(table: Table, reorder: Reorder) -> tuple[Any, Any]:
    """Return the orders that a program of ours gives, run in this process: rows (n,), and columns (n, columns)."""
    rows, columns = reorder(list(table.columns), table.rows, [list(names) for names in table.merges])
    return rows, columns


def hit_rate_of(table: Table, rows: Any, columns: Any) -> float:
    """Return the hit rate of an order."""
    return hit_rate(int(shared_with_predecessor(row_strings(table.rows, rows, columns)).sum()), table.characters)


def compute(table: Table) -> Figures:
    """Find the figures of a table: some seconds."""
    bound = hit_rate(table.characters - least_missed(table), table.characters)
    naive, (rows, columns) = answer_of(table, _NAIVE), answer_of(table, _REFERENCE)
    reference = hit_rate_of(table, rows, columns)
    return Figures(hit_rate_of(table, *naive), reference, bound, beginnings(table, columns))


def figures_of(instance: TableInstance) -> Figures:
    """Return the figures of an instance: kept ones where there are, else from the user's cache, else found now."""
    kept = stored().figures.get(instance.id) if instance.read is None else None
    return kept if kept is not None else _of_table(instance.table)


@functools.lru_cache(maxsize=64)
def _of_table(table: Table) -> Figures:
    key = f"{table.digest}-{programs_digest()}"
    return computed_once("llm_sql", key, Figures, f"a table of {len(table.rows)} rows", lambda: compute(table))
