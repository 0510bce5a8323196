"""Shared prefixes down a table: what each row shares with the one before it. No simpy: nothing happens in time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from evaluators.llm_sql.prefix import common_prefix, hit_rate, row_strings, shared_with_predecessor
from evaluators.llm_sql.table import Table
from evolve.picture import Bar, Bars, Line, Matrix, Picture, Series

ROWS_SHOWN = 120


def drawn(name: str, table: Table, row_order: np.ndarray, column_order: np.ndarray) -> Picture:
    """Return what of each cell is shared with the row before, down a part of the table, and the hits row by row.

    row_order: (n,) int, the row at each place.  column_order: (n, c) int, the columns of that row, in turn.
    """
    strings = row_strings(table.rows, row_order, column_order)
    hits = int(shared_with_predecessor(strings).sum())
    found = hit_rate(hits, table.characters)
    shares = [0.0]
    for before, text in pairwise(strings):
        shares.append(common_prefix(before, text) / len(text) if text else 0.0)
    first = _busiest(shares)
    shown = range(first, min(first + ROWS_SHOWN, len(strings)))
    values = []
    for place in shown:
        left = common_prefix(strings[place - 1], strings[place]) if place else 0
        row, cells = table.rows[int(row_order[place])], []
        for column in column_order[place].tolist():
            size = len(row[column])
            cells.append(100.0 * min(left, size) / size if size else (100.0 if left else 0.0))
            left = max(left - size, 0)
        values.append(tuple(cells))
    used = np.bincount(column_order[:, 0], minlength=len(table.columns))
    bars = tuple(Bar(table.columns[int(c)], float(used[c])) for c in np.argsort(-used, kind="stable")[:12] if used[c])
    points = tuple((float(place), 100.0 * share) for place, share in enumerate(shares))
    return Picture(
        f"{name}: {100 * found:.2f} % of the characters are hits",
        (
            Matrix(
                f"Rows {first} to {first + len(values) - 1}: what a cell shares with the row before",
                "place in the row",
                "row",
                "shared (%)",
                tuple(f"{place}" for place in shown),
                tuple(f"{place + 1}" for place in range(len(table.columns))),
                tuple(values),
                low=0.0,
                high=100.0,
            ),
            Series("Down the table", "row, in the order of the answer", "shared (%)", (Line("row", points, "dots"),)),
            Bars("Which column comes first", "rows", bars),
        ),
        "Dark cells are in the cache already: a row is read up to where its dark cells end.",
    )


def _busiest(shares: list[float]) -> int:
    """Return the first row of the part of the table in which rows differ most in what they share."""
    windows = range(0, max(len(shares) - ROWS_SHOWN, 0) + 1, ROWS_SHOWN)
    return max(windows, key=lambda at: float(np.std(shares[at : at + ROWS_SHOWN])))
