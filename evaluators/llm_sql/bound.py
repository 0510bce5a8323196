"""How high no hit rate can be: an upper bound for every order of rows and of cells within rows.

The characters missed are the nodes of the trie of all strings (`prefix.py`). The path to a node at depth k or more ends
in one window of k characters; a window that occurs in a cell of the table occurs in the string of its row whatever the
order of the cells, and of the columns within a merge, so the path to some node ends in it. Two windows need two nodes,
hence, for every k,

    missed >= distinct windows of k characters inside cells + min(k - 1, longest row)

where the last term is the nodes above depth k: at least one for every depth that the longest row has. The bound is the
best over some k. Two windows with the same hash count as one, which can only make it weaker.
"""

from __future__ import annotations

import numpy as np

from evaluators.llm_sql.table import Table

WINDOWS = (3, 5, 7, 10, 14, 20, 28)
"""Lengths that are tried, characters."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def least_missed(table: Table) -> int:
    """Return a number of characters that every answer misses at least."""
    # A text that comes twice has no window that it has not once.
    texts = list(dict.fromkeys(text for row in table.rows for text in row))
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    longest = int(table.lengths.sum(axis=1).max(initial=0))
    code_points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    missed = [np.unique(_windows(code_points, lengths, k)).size + min(k - 1, longest) for k in WINDOWS]
    return max(longest, *missed)


def _windows(code_points: np.ndarray, lengths: np.ndarray, k: int) -> np.ndarray:
    """Return a hash of every window of k characters inside a text. code_points: (characters,) uint64, of all texts."""
    inside = np.ones(len(code_points), dtype=bool)
    ends = np.cumsum(lengths)
    for back in range(1, k):  # a window must not start within the last k - 1 characters of its text
        inside[(ends - back)[lengths >= back]] = False
    starts = np.flatnonzero(inside)
    hashes = np.zeros(len(starts), dtype=np.uint64)
    for offset in range(k):
        hashes = (hashes + code_points[starts + offset] + np.uint64(1)) * _FACTOR
        hashes ^= hashes >> np.uint64(29)
    return hashes
