"""Small tables, programs that order them, and the definitions spelled out slowly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import seeds
from evaluators import llm_sql
from evaluators.llm_sql.table import Table
from evaluators.llm_sql.workload import TableInstance

FOLDER = Path(llm_sql.__file__).parent
BASELINES = {path.stem: path.read_text() for path in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(seeds.__file__).parent / "llm_sql.py").read_text()


def table(rows, merges=(), columns=None):
    names = columns or tuple("abcdefghijklmnopqrstuvwxyz"[: len(rows[0])])
    return Table(tuple(names), [list(row) for row in rows], tuple(tuple(m) for m in merges))


def instance(rows, merges=()):
    return TableInstance("public/small", read=table(rows, merges))


def original(one):
    n, c = len(one.rows), len(one.columns)
    return np.arange(n), np.tile(np.arange(c), (n, 1))


def random_table(rng, most_rows=12, most_columns=5, merge=False):
    """A table of few short texts, so that rows share much, also across the borders of cells."""
    n, c = int(rng.integers(1, most_rows + 1)), int(rng.integers(1, most_columns + 1))
    stock = ["", "a", "b", "ab", "ba", "aab", "é", "é😀", "abab", "bb"]
    rows = [[stock[i] for i in rng.integers(int(rng.integers(1, len(stock))) + 1, size=c)] for _ in range(n)]
    merges = []
    if merge and c >= 2:
        merges = [tuple("abcde"[c - 2 : c])]
    return table(rows, merges)


def hits_by_definition(strings):
    """Sum over i of the longest prefix that s_i shares with an earlier string, character by character."""

    def lcp(a, b):
        shared = 0
        while shared < min(len(a), len(b)) and a[shared] == b[shared]:
            shared += 1
        return shared

    return sum(max((lcp(strings[i], strings[j]) for j in range(i)), default=0) for i in range(len(strings)))


def hits_by_trie(strings):
    """What a trie that takes in one string after the other finds of each."""
    trie: dict = {}
    hits = 0
    for text in strings:
        node, known = trie, True
        for character in text:
            known = known and character in node
            hits += known
            node = node.setdefault(character, {})
    return hits
