"""The hit rate: by hand, and against two slow definitions."""

from __future__ import annotations

import numpy as np
import pytest
from tables import hits_by_definition, hits_by_trie, original, random_table

from evaluators.llm_sql.prefix import common_prefix, hit_rate, row_strings, shared_with_predecessor


def hits(strings):
    return int(shared_with_predecessor(strings).sum())


@pytest.mark.parametrize(
    ("strings", "expected"),
    [
        (["abc", "abd", "abc"], 2 + 3),  # the third shares all with the first, two with the second
        (["abd", "b", "abc"], 0 + 2),  # the neighbour shares nothing, an earlier one does
        (["abcd", "ab"], 2),  # a string that is a prefix of another
        (["ab", "abcd"], 2),
        (["", "", "a"], 0),
        (["x"], 0),
        (["é😀1", "é😀2"], 2),  # code points, not bytes
        (["ab", "a" + "b"], 2),  # where the cells end does not matter
    ],
)
def test_hits_by_hand(strings, expected):
    assert hits(strings) == hits_by_definition(strings) == hits_by_trie(strings) == expected


def test_sorting_finds_what_the_definition_and_a_trie_find_on_random_tables():
    rng = np.random.default_rng(1)
    for _ in range(200):
        one = random_table(rng)
        _, columns = original(one)
        rows = rng.permutation(len(one.rows))
        columns = rng.permuted(columns, axis=1)
        strings = row_strings(one.rows, rows, columns)
        assert strings == [
            "".join(one.rows[row][column] for column in order) for row, order in zip(rows, columns, strict=True)
        ]
        assert hits(strings) == hits_by_definition(strings) == hits_by_trie(strings)


def test_the_order_of_the_rows_changes_no_hit():
    rng = np.random.default_rng(2)
    for _ in range(50):
        one = random_table(rng)
        _, columns = original(one)
        counts = {hits_by_definition(row_strings(one.rows, rng.permutation(len(one.rows)), columns)) for _ in range(5)}
        assert len(counts) == 1


def test_common_prefix_of_any_length():
    rng = np.random.default_rng(3)
    for length in [*range(70), 500, 1999, 2000]:
        text = "".join(rng.choice(list("ab😀"), length))
        for at in {0, length // 3, length - 1, length} - {-1}:
            other = text[:at] + "#" + text[at + 1 :]
            assert common_prefix(text, other) == (at if at < length else length)
            assert common_prefix(text[:at], text) == common_prefix(text, text[:at]) == at


def test_the_rate_of_a_table_without_characters_is_zero():
    assert hit_rate(0, 0) == 0.0
    assert hit_rate(2, 15) == 2 / 15
