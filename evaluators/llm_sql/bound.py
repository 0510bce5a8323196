"""How high no hit rate can be: an upper bound for every order of rows and of cells within rows.

Take the windows of k characters inside the texts of a row, a merge being one text. Say a row shares its first p
characters with an earlier one. A window inside these p characters is in the earlier row, too: inside one of its texts,
or across one of the at most b = (texts in a row) - 1 borders between them, each of which at most k - 1 windows cross.
Hence all but b (k - 1) of the windows that a row has and no earlier row has inside a text end behind p, and at most
len - p windows do: the row misses at least (its new windows) - b (k - 1) characters. Over all rows, whatever
their order, the new windows are at least the distinct windows of the table; and a window that only one row has is new
in that row. So, for every k,

    missed >= distinct windows - rows * b (k - 1)
    missed >= sum over rows of max(0, windows that only this row has - b (k - 1))

and the longest row, or the first, misses all of its own. The bound is the best of these. Two windows with the same hash
are counted as one, which can only make it weaker.
"""

from __future__ import annotations

import numpy as np

from evaluators.llm_sql.table import Table

WINDOWS = (6, 13, 24)
"""Lengths that are tried, characters."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def least_missed(table: Table) -> int:
    """Return a number of characters that every answer misses at least."""
    merged = {column for unit in table.merged_places for column in unit}
    units = [(column,) for column in range(len(table.columns)) if column not in merged] + list(table.merged_places)
    texts = [["".join([row[column] for column in unit]) for unit in units] for row in table.rows]
    lengths = np.array([[len(text) for text in row] for row in texts], dtype=np.int64).reshape(len(texts), len(units))
    if not lengths.size:
        return 0
    borders = max(0, int((lengths > 0).sum(axis=1).max()) - 1)
    running = "".join([text for row in texts for text in row])
    code_points = np.frombuffer(running.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    best = int(lengths.sum(axis=1).max())
    for k in WINDOWS:
        hashes, row_of = _windows(code_points, lengths, k)
        if not hashes.size:
            break
        order = np.argsort(hashes, kind="stable")
        hashes, row_of = hashes[order], row_of[order]
        first = np.concatenate([[True], hashes[1:] != hashes[:-1]])
        starts = np.flatnonzero(first)
        across = borders * (k - 1)
        # Rows of equal windows are in rising order, so one row has them all when its first and last are the same.
        ends = np.concatenate([starts[1:], [len(hashes)]]) - 1
        own = row_of[starts[row_of[starts] == row_of[ends]]]
        only_here = np.bincount(own, minlength=len(lengths))
        best = max(best, len(starts) - len(lengths) * across, int(np.maximum(only_here - across, 0).sum()))
    return best


def _windows(code_points: np.ndarray, lengths: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a hash of every window of k characters inside a text, and the row that it is in, in the order of rows."""
    ends = np.cumsum(lengths.ravel())
    inside = np.ones(len(code_points), dtype=bool)
    for back in range(1, k):  # a window must not start within k - 1 characters of its text's end
        places = ends - back
        inside[places[(lengths.ravel() >= back) & (places >= 0)]] = False
    starts = np.flatnonzero(inside)
    hashes = np.zeros(len(starts), dtype=np.uint64)
    for offset in range(k):
        hashes = (hashes + code_points[starts + offset].astype(np.uint64) + np.uint64(1)) * _FACTOR
        hashes ^= hashes >> np.uint64(29)
    rows = np.searchsorted(np.cumsum(lengths.sum(axis=1)), starts, side="right")
    return hashes, rows
