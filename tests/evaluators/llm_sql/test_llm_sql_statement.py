"""What the model reads is true: the example runs and gives the answer it shows."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tables import FOLDER, hits_by_definition, table

from evaluators.llm_sql import LlmSql
from evaluators.llm_sql.answer import checked_orders
from evaluators.llm_sql.prefix import row_strings

STATEMENT = (FOLDER / "problem.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)


def test_the_example_runs_and_gives_the_answer_and_the_hit_rate_it_shows():
    shown: dict = {}
    exec(BLOCK, shown)
    rows, columns = shown["reorder"](shown["columns"], shown["rows"], shown["merges"])
    assert (rows.tolist(), columns.tolist()) == (shown["row_order"], shown["column_order"])
    one = table(shown["rows"], shown["merges"], shown["columns"])
    strings = row_strings(one.rows, *checked_orders([rows, columns], one))
    assert strings == shown["strings"]
    assert hits_by_definition(strings) / one.characters == shown["hit_rate"]


def test_the_other_order_shares_what_the_statement_says():
    shown: dict = {}
    exec(BLOCK, shown)
    one = table(shown["rows"], shown["merges"], shown["columns"])
    columns = np.array([[1, 2, 3, 0], [3, 1, 2, 0], [1, 2, 3, 0]])
    strings = row_strings(one.rows, *checked_orders([np.arange(3), columns], one))
    assert f"`{strings[0]}` and `{strings[2]}`, which share nine characters" in STATEMENT
    assert hits_by_definition(strings) == 9


def test_the_limits_are_those_that_are_in_force():
    limits = LlmSql.limits
    sentence = f"{limits.cpu_s:g} s of CPU and {limits.memory_mb} MB"
    assert sentence in " ".join(STATEMENT.split())


@pytest.mark.parametrize("term", ["1 - hit_rate + 0.05 * min(CPU seconds per 10,000 rows, 10) / 10", "code points"])
def test_the_formula_is_there(term):
    assert term in STATEMENT
