"""GGR, greedy group recursion, with the limits it was published with.

A group is all rows that hold a value in any column; its weight is (value's length)^2 * (cells that hold it - 1). The
heaviest group comes first, the value's cells in front of each of its rows; then the same for what is left of the
group's columns, and for the other rows. After 4 groups inside one another, after 2 side by side, or when no group
weighs 100,000, the rest is ordered by columns, by (mean length)^2 * (rows / distinct - 1) falling, and sorted.
Before: merged columns become one, joined in that order of columns; columns with more than 0.7 n distinct values are set
aside and come last, in that order; the others are put in that order and the rows sorted by them; then the table is
split in halves until they have at most 2,000 rows. After: the whole table is sorted by all columns.

Source: Liu 2025 (Optimizing LLM Queries in Relational Data Analytics Workloads, MLSys), algorithm 1 and section 4.2,
with the limits, and the sorting before the split, of the public benchmark's program (Cheng 2025, arXiv 2510.06189).
That program keeps numbers as numbers, so that 4 and 4.0 are one value to it, and the numbers of the rows are among its
values; here all are texts.
"""

import numpy as np

COL_STOP, ROW_STOP = 4, 2
LEAST_WEIGHT = 100_000
SET_ASIDE = 0.7
MOST_ROWS = 2000


def units_of(columns, merges):
    """Return lists of column numbers that stay together."""
    place = {name: number for number, name in enumerate(columns)}
    merged = [[place[name] for name in names] for names in merges]
    together = {number for unit in merged for number in unit}
    return [[number] for number in range(len(columns)) if number not in together] + merged


def falling(cells, length):
    """Return the columns of cells, (m, w), by (mean length)^2 * (rows / distinct - 1) falling."""
    m, w = cells.shape
    score = np.zeros(w)
    for j in range(w):
        distinct = np.unique(cells[:, j]).size
        if distinct < m:
            score[j] = length[cells[:, j]].mean() ** 2 * (m / distinct - 1.0)
    return np.argsort(-score, kind="stable")


def by_columns(rows, cells, units, length):
    """Order a block by columns. cells, units: (m, w), value and unit in each place. Returns rows and units ordered."""
    order = falling(cells, length)
    by = np.lexsort(cells[:, order[::-1]].T) if len(order) else np.arange(len(rows))
    return rows[by], units[by][:, order]


def recurse(rows, cells, units, length, col_stop, row_stop):
    """Return the rows in a new order, and the units in each, (m, w)."""
    m, w = cells.shape
    if m <= 1 or w == 0:
        return rows, units
    if col_stop >= COL_STOP or row_stop >= ROW_STOP:
        return by_columns(rows, cells, units, length)
    values, counts = np.unique(cells, return_counts=True)
    weight = length[values].astype(float) ** 2 * (counts - 1)
    best = int(weight.argmax())
    if weight[best] < LEAST_WEIGHT:
        return by_columns(rows, cells, units, length)
    holds = cells == values[best]
    inside = holds.any(axis=1)
    # The value's cells first, the others after them as they were.
    front = np.argsort(~holds[inside], axis=1, kind="stable")
    group_cells = np.take_along_axis(cells[inside], front, axis=1)
    group_units = np.take_along_axis(units[inside], front, axis=1)
    place = np.arange(int(inside.sum()))
    by, rest = recurse(place, group_cells[:, 1:], group_units[:, 1:], length, col_stop + 1, row_stop)
    head = group_units[by, :1]
    outside = ~inside
    other_rows, other_units = recurse(rows[outside], cells[outside], units[outside], length, col_stop, row_stop + 1)
    return (
        np.concatenate([rows[inside][by], other_rows]),
        np.concatenate([np.concatenate([head, rest], axis=1), other_units]),
    )


def halves(rows, cells, units, length):
    if len(rows) <= MOST_ROWS:
        return recurse(rows, cells, units, length, 0, 0)
    middle = len(rows) // 2
    parts = [halves(rows[s], cells[s], units[s], length) for s in (slice(middle), slice(middle, None))]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def numbered(texts, n):
    """Number the texts of columns, (n,) each, in their order, so that sorting numbers sorts texts.

    Returns the cells, (n, columns), and the length of each text.
    """
    known = sorted({text for column in texts for text in column})
    number_of = {text: number for number, text in enumerate(known)}
    length = np.array([len(text) for text in known])
    return np.array([[number_of[text] for text in column] for column in texts]).T.reshape(n, len(texts)), length


def reorder(columns, rows, merges):
    n = len(rows)
    by_column = falling(*numbered(list(map(list, zip(*rows, strict=True))), n)).tolist() if rows else []
    turn = {columns[number]: place for place, number in enumerate(by_column)}
    units = units_of(columns, [sorted(names, key=lambda name: turn.get(name, 0)) for names in merges])
    texts = [
        ["".join([row[number] for number in unit]) if len(unit) > 1 else row[unit[0]] for row in rows] for unit in units
    ]
    cells, length = numbered(texts, n)
    distinct = np.array([np.unique(cells[:, j]).size for j in range(len(units))])
    order = falling(cells, length)
    kept = order[distinct[order] <= SET_ASIDE * n]
    aside = order[distinct[order] > SET_ASIDE * n]
    first = np.lexsort(cells[:, kept[::-1]].T) if len(kept) else np.arange(n)
    row_order, unit_order = halves(first, cells[first][:, kept], np.tile(kept, (n, 1)), length)
    unit_order = np.concatenate([unit_order, np.tile(aside, (n, 1))], axis=1).astype(int)
    placed = np.take_along_axis(cells[row_order], unit_order, axis=1)
    by = np.lexsort(placed[:, ::-1].T)
    row_order, unit_order = row_order[by], unit_order[by]
    return row_order, columns_of(units, unit_order)


def columns_of(units, unit_order):
    """(n, units) -> (n, columns): the columns of each unit in turn."""
    n = len(unit_order)
    if all(len(unit) == 1 for unit in units):
        return np.array([unit[0] for unit in units])[unit_order]
    widest = max(map(len, units))
    padded = np.array([unit + [-1] * (widest - len(unit)) for unit in units])
    flat = padded[unit_order].reshape(n, -1)
    return flat[flat >= 0].reshape(n, -1)
