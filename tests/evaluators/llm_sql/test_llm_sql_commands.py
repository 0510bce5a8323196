"""The commands that a user types: tables of their own are scored, and what is wrong with them is said in a line."""

from __future__ import annotations

import pytest
from command_line import evolve
from tables import FOLDER

pytest.importorskip("pandas", reason="needs pandas: pip install 'evolve[tables]'")

SORTED = str(FOLDER / "baselines" / "rising_cardinality.py")


def test_a_folder_of_tables_is_scored_and_each_is_named(tmp_path):
    rows = "\n".join(f"{i},{'same text ' * 3},{i % 3}" for i in range(10, 40))
    (tmp_path / "shop.csv").write_text(f"id,text,kind\n{rows}\n")
    (tmp_path / "few.csv").write_text("a,b\nx,y\nv,w\n")
    done = evolve("score", "llm_sql", SORTED, "--data", str(tmp_path), "--json")
    assert done.code == 0, done.err
    by_id = {one["id"]: one for one in done.json["instances"]}
    assert list(by_id) == ["public/few", "public/shop"]
    assert by_id["public/few"]["score"] is None, "no order of it shares anything"
    # The text first: 29 times its 30 characters. Then the kind: 27 times. Then the id: in each kind, ten of them with
    # the first digits 1 to 3, so 7 share theirs.
    assert by_id["public/shop"]["metrics"]["hit_rate"] == pytest.approx((29 * 30 + 27 + 3 * 7) / (30 * 33))
    assert by_id["public/shop"]["score"] > 90
    assert "adrs_score" not in done.json["metrics"]


def test_a_broken_table_ends_the_command_with_one_line(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n1,2,3\n")
    done = evolve("score", "llm_sql", SORTED, "--data", str(tmp_path))
    assert done.code == 2
    assert "t.csv" in done.err and "line 3" in done.err
