"""GGR without its limits, and with another first column for a group where that saves more. The reference.

Groups inside one another to the last column and side by side to the last row, every row in one of them. A group takes
the columns that are the same in all its rows first, which costs nothing. Then GGR's choice, the column of the heaviest
value, is one candidate among the CANDIDATES columns that save most at once; each is tried: what it saves together
with the best DEPTH - 1 columns after it. The best one splits the group by its values; rows that share their value with
nobody try again with the other columns. All of it is done twice, the second time with alike columns (flags, ratings)
sorted within each row first, so that rows with the same values in other columns share them; the better one is the
answer. The number of trials hangs on the table alone: no clock, no chance.

Source: Liu 2025 (Optimizing LLM Queries in Relational Data Analytics Workloads, MLSys), algorithm 1, for the groups;
the trials and the sorting of alike columns are this program's own.
"""

from itertools import pairwise

import numpy as np

CANDIDATES = 4
DEPTH = 3
SMALL_GROUP = 24  # rows up to which the column that saves most at once is taken untried
ALIKE_VALUES = 40  # distinct values up to which columns may be alike
ALIKE = 0.5  # share of cells with a value that the other column has, too


def units_of(columns, merges):
    """Return lists of column numbers that stay together."""
    place = {name: number for number, name in enumerate(columns)}
    merged = [[place[name] for name in names] for names in merges]
    together = {number for unit in merged for number in unit}
    return [[number] for number in range(len(columns)) if number not in together] + merged


def saved(keys, size, length):
    """What each column saves when rows with the same key stand together. keys: (m, w), value + part * size."""
    keys = np.sort(keys, axis=0)
    return np.where(keys[1:] == keys[:-1], length[keys[1:] % size], 0).sum(axis=0)


def tried(cells, first, size, length):
    """What a group saves that is split by column `first`, then by the best columns after it. cells: (m, w)."""
    part = cells[:, first]
    total = saved(part[:, None], size, length)[0]
    left = np.delete(cells, first, axis=1)
    for _ in range(DEPTH - 1):
        if left.shape[1] == 0:
            break
        _, part = np.unique(part, return_inverse=True)
        keys = part[:, None] * size + left
        gains = saved(keys, size, length)
        best = int(gains.argmax())
        total += gains[best]
        part = keys[:, best]
        left = np.delete(left, best, axis=1)
    return total


def heaviest(cells, size, length):
    """The column in which GGR's heaviest value is held most often."""
    values, counts = np.unique(cells, return_counts=True)
    value = values[int((length[values].astype(float) ** 2 * (counts - 1)).argmax())]
    return int((cells == value).sum(axis=0).argmax())


def chosen_column(cells, size, length):
    """The column that a group is split by, None when no column saves anything."""
    gains = saved(cells, size, length)
    best = int(gains.argmax())
    if gains[best] <= 0:
        return None
    if len(cells) <= SMALL_GROUP:
        return best
    trials = [int(column) for column in np.argsort(-gains, kind="stable")[:CANDIDATES] if gains[column] > 0]
    trials += [column for column in [heaviest(cells, size, length)] if column not in trials and gains[column] > 0]
    return max(trials, key=lambda column: tried(cells, column, size, length))


def arrange(cells, length):
    """Order a table of numbered values. cells: (n, w).  Returns the row order (n,) and the places' columns (n, w)."""
    n, w = cells.shape
    size = len(length)
    order = np.empty((n, w), dtype=np.int64)
    sequence = []
    fallback = np.argsort(-saved(cells, size, length) if n else np.zeros(w), kind="stable")

    def settle(rows, columns, place):
        while True:
            if len(rows) == 1 or len(columns) == 0:
                order[rows, place:] = columns
                sequence.append(rows)
                return
            block = cells[rows[:, None], columns]
            same = (block == block[0]).all(axis=0)
            if same.any():
                settled = int(same.sum())
                order[rows, place : place + settled] = columns[same]
                columns, place = columns[~same], place + settled
                if len(rows) > 2:
                    continue
            if len(rows) == 2:
                order[rows, place:] = columns
                sequence.append(rows)
                return
            column = chosen_column(block, size, length)
            if column is None:
                order[rows, place:] = columns
                sequence.append(rows)
                return
            values = block[:, column]
            by = np.argsort(values, kind="stable")
            edges = np.flatnonzero(np.diff(values[by])) + 1
            edges = [0, *edges.tolist(), len(by)]
            alone = []
            rest = np.delete(columns, column)
            for start, end in pairwise(edges):
                members = rows[by[start:end]]
                if end - start == 1:
                    alone.append(members)
                    continue
                order[members, place] = columns[column]
                settle(members, rest, place + 1)
            if not alone:
                return
            rows = np.concatenate(alone)

    settle(np.arange(n), fallback, 0)
    return (np.concatenate(sequence) if n else np.arange(0)), order


def alike_columns(cells, length):
    """Return lists of columns that hold much the same few values."""
    values = [set(np.unique(column).tolist()) for column in cells.T]
    few = [j for j in range(len(values)) if len(values[j]) <= ALIKE_VALUES]
    sets = []
    for j in few:
        for members in sets:
            known = np.array(sorted(values[members[0]]))
            if np.isin(cells[:, j], known).mean() >= ALIKE and values[members[0]] & values[j]:
                members.append(j)
                break
        else:
            sets.append([j])
    return [members for members in sets if len(members) > 1]


def within_rows_sorted(cells, length):
    """Sort alike columns within each row, the most frequent value first. Returns the cells and each one's column."""
    n, w = cells.shape
    column = np.tile(np.arange(w), (n, 1))
    moved = cells.copy()
    counts = np.bincount(cells.ravel(), minlength=len(length))
    for members in alike_columns(cells, length):
        block = cells[:, members]
        by = np.lexsort((block, -counts[block]), axis=1)
        moved[:, members] = np.take_along_axis(block, by, axis=1)
        column[:, members] = np.array(members)[by]
    return moved, column


def shared(cells, row_order, order, length):
    """Characters that each row shares with the one before it, in whole cells, over all rows."""
    placed = np.take_along_axis(cells[row_order], order[row_order], axis=1)
    same = np.logical_and.accumulate(placed[1:] == placed[:-1], axis=1)
    return int((same * length[placed[1:]]).sum())


def reorder(columns, rows, merges):
    units = units_of(columns, merges)
    n = len(rows)
    texts = [
        ["".join([row[number] for number in unit]) for row in rows] if len(unit) > 1 else [row[unit[0]] for row in rows]
        for unit in units
    ]
    known = sorted({text for column in texts for text in column})
    number_of = {text: number for number, text in enumerate(known)}
    length = np.array([len(text) for text in known], dtype=np.int64)
    cells = np.array([[number_of[text] for text in column] for column in texts], dtype=np.int64).T.reshape(
        n, len(units)
    )
    cells = np.ascontiguousarray(cells)
    row_order, order = arrange(cells, length)
    moved, column = within_rows_sorted(cells, length)
    if (moved != cells).any():
        other_rows, other = arrange(moved, length)
        if shared(moved, other_rows, other, length) > shared(cells, row_order, order, length):
            row_order, order = other_rows, np.take_along_axis(column, other, axis=1)
    return row_order, columns_of(units, order[row_order])


def columns_of(units, unit_order):
    """(n, units) -> (n, columns): the columns of each unit in turn."""
    n = len(unit_order)
    if all(len(unit) == 1 for unit in units):
        return np.array([unit[0] for unit in units])[unit_order]
    widest = max(map(len, units))
    padded = np.array([unit + [-1] * (widest - len(unit)) for unit in units])
    flat = padded[unit_order].reshape(n, -1)
    return flat[flat >= 0].reshape(n, -1)
