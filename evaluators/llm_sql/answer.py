"""Reads a candidate's answer: an order of the rows and, for each, an order of its cells. Anything else is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from evaluators.llm_sql.table import Table
from evolve.evaluator import Infeasible, index_array


def checked_orders(answer: Any, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of rows, (n,) int64, and of columns at each place, (n, c) int64.

    Raises Infeasible that names the row or column, its places and how many are missing.
    """
    n, c = len(table.rows), len(table.columns)
    if not isinstance(answer, list) or len(answer) != 2:
        what = f"a list of {len(answer)}" if isinstance(answer, list) else type(answer).__name__
        if isinstance(answer, np.ndarray):
            what = f"one array of shape {answer.shape}"
        raise Infeasible(
            f"the answer is {what}, expected a pair: row_order of shape ({n},) and column_order of shape ({n}, {c})"
        )
    row_order = _indices(answer[0], (n,), n, "row_order", "the row at place")
    column_order = _indices(answer[1], (n, c), c, "column_order", "the column at (place of the row, place in the row)")
    _check_rows(row_order, n)
    _check_columns(column_order, row_order, table)
    _check_merges(column_order, row_order, table)
    return row_order, column_order


def _indices(answer: Any, shape: tuple[int, ...], upper: int, name: str, what: str) -> np.ndarray:
    try:
        return index_array(answer, shape, upper, what)
    except Infeasible as refused:
        raise Infeasible(f"{name}: {refused}") from None


def _check_rows(row_order: np.ndarray, n: int) -> None:
    times = np.bincount(row_order, minlength=n)
    if (times == 1).all():
        return
    row = int((times > 1).argmax())
    places = np.flatnonzero(row_order == row)[:2].tolist()
    missing = np.flatnonzero(times == 0)
    raise Infeasible(
        f"row {row} is in row_order {times[row]} times, first at places {places[0]} and {places[1]}; "
        f"{len(missing)} of {n} rows are missing, the first of them row {missing[0]}"
    )


def _check_columns(column_order: np.ndarray, row_order: np.ndarray, table: Table) -> None:
    c = len(table.columns)
    wrong = (np.sort(column_order, axis=1) != np.arange(c)).any(axis=1)
    if not wrong.any():
        return
    place = int(wrong.argmax())
    times = np.bincount(column_order[place], minlength=c)
    twice, missing = int((times > 1).argmax()), np.flatnonzero(times == 0)
    raise Infeasible(
        f"column_order[{place}] (row {row_order[place]}) has column {twice} ({table.columns[twice]!r}) {times[twice]} "
        f"times and lacks {len(missing)} of {c} columns, the first of them {missing[0]} "
        f"({table.columns[missing[0]]!r}); so do {int(wrong.sum())} of {len(row_order)} rows in all"
    )


def _check_merges(column_order: np.ndarray, row_order: np.ndarray, table: Table) -> None:
    """Refuse an answer in which merged columns are apart, or not in the order of the first place in every other one."""
    if not table.merged_places or not len(column_order):
        return
    place_of = np.argsort(column_order, axis=1)
    for unit in table.merged_places:
        for before, after in pairwise(sorted(unit, key=lambda column: int(place_of[0, column]))):
            wrong = place_of[:, after] != place_of[:, before] + 1
            if wrong.any():
                place = int(wrong.argmax())
                why = ", as it does at the first place" if place else ""
                raise Infeasible(
                    f"column_order[{place}] (row {row_order[place]}) splits merged columns: "
                    f"{table.columns[after]!r} must come right after {table.columns[before]!r}{why}; they are at "
                    f"places {place_of[place, after]} and {place_of[place, before]}; "
                    f"so in {int(wrong.sum())} of {len(row_order)} rows"
                )
