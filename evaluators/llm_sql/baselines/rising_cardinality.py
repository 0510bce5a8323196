"""One order of columns for all rows: those with few distinct values first; then the rows sorted.

Source: Liu 2025 (Optimizing LLM Queries in Relational Data Analytics Workloads, MLSys), section 4.2, fixed field
orders by column statistics. Merged columns count as one.
"""

import numpy as np


def units_of(columns, merges):
    """Return lists of column numbers that stay together."""
    place = {name: number for number, name in enumerate(columns)}
    merged = [[place[name] for name in names] for names in merges]
    together = {number for unit in merged for number in unit}
    return [[number] for number in range(len(columns)) if number not in together] + merged


def reorder(columns, rows, merges):
    def distinct(unit):
        return len({tuple([row[number] for number in unit]) for row in rows})

    units = sorted(units_of(columns, merges), key=distinct)
    order = [number for unit in units for number in unit]
    row_order = sorted(range(len(rows)), key=lambda i: [rows[i][number] for number in order])
    return np.array(row_order, dtype=int), np.tile(np.array(order), (len(rows), 1))
