"""The hit rate of a prefix cache that holds every earlier row: strings, and the characters that they share.

    hit = sum over i of max over j < i of lcp(s_i, s_j) / sum of len(s_i)        lcp: longest common prefix

in Unicode code points; the first row has no hit and counts in the denominator. In a trie of all strings, row i adds one
node for each character that no earlier row shares, so the characters missed are the nodes of the trie, whatever the
order of the rows. Sorted strings give the same count without a trie: a string shares with all before it what it shares
with its predecessor. So one sort and one comparison per row are exact; tests hold them against both definitions.

Plain Python, not simpy and hardly numpy: texts are sorted and compared, and nothing happens in time.

Source: Liu 2025 (Optimizing LLM Queries in Relational Data Analytics Workloads, MLSys), section 3; Cheng 2025
(arXiv 2510.06189), the public benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def row_strings(rows: Sequence[Sequence[str]], row_order: np.ndarray, column_order: np.ndarray) -> list[str]:
    """Return the strings of a table in the order of an answer.

    row_order: (n,) int, the row at each place.  column_order: (n, c) int, the columns of that row, in turn.
    """
    return [
        "".join([row[column] for column in columns])
        for row, columns in zip([rows[i] for i in row_order.tolist()], column_order.tolist(), strict=True)
    ]


def common_prefix(a: str, b: str) -> int:
    """Return how many characters two strings share from the start on."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    # The share is at least low and below high; doubling first, since most shares are short beside the strings.
    step = 16
    while low + step < high and a[low : low + step] == b[low : low + step]:
        low += step
        step *= 2
    high = min(high, low + step)
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def shared_with_predecessor(strings: Sequence[str]) -> np.ndarray:
    """Return of every string the characters that it shares with those before it in sorted order.

    Returns (n,) int64, in the order of `strings`. Their sum is the hits of the strings in any order (see above).
    """
    order = sorted(range(len(strings)), key=strings.__getitem__)
    shared = np.zeros(len(strings), dtype=np.int64)
    before = ""
    for index in order:
        text = strings[index]
        shared[index] = common_prefix(before, text)
        before = text
    return shared


def hit_rate(hits: int, characters: int) -> float:
    """Return hits / characters, 0 for a table without any character."""
    return hits / characters if characters else 0.0
