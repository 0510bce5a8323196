"""The order of the rows of a table, and of the cells in each row."""

import numpy as np

# EVOLVE-BLOCK-START
# All columns stay where they are; groups of rows with one value may have orders of columns of their own.
LEVELS = 1  # how many columns, one after the other, split the table into groups that order the others for themselves
SMALLEST_GROUP = 8  # a group of fewer rows keeps the order of the table


def priority(place, mean_length, repeats, distinct_share):
    """Columns with the highest come first. repeats: share of the rows that have another row's value."""
    return -place


def ordered(rows, columns, texts, length):
    """Order columns for some rows, those that come first first."""

    def rank(column):
        values = texts[column][rows]
        distinct = len(np.unique(values))
        return priority(column, length[column][rows].mean(), 1.0 - distinct / len(rows), distinct / len(rows))

    return sorted(columns, key=rank, reverse=True)


def arrange(rows, columns, texts, length, level):
    """Returns the columns of each row in turn, (len(rows), len(columns))."""
    order = ordered(rows, columns, texts, length)
    arranged = np.tile(np.array(order, dtype=int), (len(rows), 1))
    if level < LEVELS and len(order) > 1:
        values = texts[order[0]][rows]
        by = np.argsort(values, kind="stable")
        edges = np.flatnonzero(np.diff(values[by])) + 1
        for group in np.split(by, edges):
            if len(group) >= SMALLEST_GROUP:
                arranged[group, 1:] = arrange(rows[group], order[1:], texts, length, level + 1)
    return arranged


def reorder(columns, rows, merges):
    # Merged columns are one unit: a list of column numbers that stay together, in this order.
    place = {name: number for number, name in enumerate(columns)}
    units = [[place[name] for name in names] for names in merges]
    merged = {number for unit in units for number in unit}
    units = sorted([*units, *([number] for number in range(len(columns)) if number not in merged)])

    # A number for each text of a unit, so that numpy can compare them.
    texts = []
    length = []
    for unit in units:
        joined = ["".join([row[number] for number in unit]) for row in rows]
        known = {text: number for number, text in enumerate(dict.fromkeys(joined))}
        texts.append(np.array([known[text] for text in joined]))
        length.append(np.array([len(text) for text in joined]))
    order = arrange(np.arange(len(rows)), list(range(len(units))), texts, length, 0)
    flat = [[number for unit in row for number in units[unit]] for row in order.tolist()]
    return np.arange(len(rows)), np.array(flat, dtype=int).reshape(len(rows), len(columns))


# EVOLVE-BLOCK-END
