"""The public format: texts as pandas reads them, merges as published, and clear words for what is no table."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path

import pytest
from tables import original, table

from evaluators.llm_sql import LlmSql
from evaluators.llm_sql.evaluator import PUBLISHED_ORIGINAL
from evaluators.llm_sql.prefix import hit_rate, row_strings, shared_with_predecessor
from evaluators.llm_sql.public_format import PUBLISHED_MERGES, read_table, read_tables, write_tables
from evaluators.llm_sql.workload import TableInstance
from evolve.evaluator import Split, UsageError

pytest.importorskip("pandas", reason="needs pandas: pip install 'evolve[tables]'")

DATA = os.environ.get("EVOLVE_LLM_SQL_DATA", "")


def csv_file(folder, text, name="t", merges=None):
    path = folder / f"{name}.csv"
    path.write_text(text, encoding="utf-8")
    if merges is not None:
        (folder / f"{name}.merges.json").write_text(json.dumps(merges))
    return path


def lines(text):
    return text.replace(" / ", "\n") + "\n"


def texts(folder, text, merges=None):
    return read_table(csv_file(folder, lines(text), merges=merges)).rows


@pytest.mark.parametrize(
    ("text", "merges", "strings", "hits", "percent"),
    [
        ("a,b,c / 1,x,2.50 / 1,x,3 / 2,y,2.5", None, ["1x2.5", "1x3.0", "2y2.5"], 2, 13.333333333333334),
        ("a,b / 1,0.5 / 1,0.25 / 2,0.5", None, ["1.00.5", "1.00.25", "2.00.5"], 5, 26.31578947368421),
        ("a,b / 10,5 / 10,6", None, ["105", "106"], 2, 33.33333333333333),
        ("a,b,c / 1,True,NA / ,False,u / 3,True,null", None, ["1.0True", "Falseu", "3.0True"], 0, 0),
        (
            "id,body,t / 7,,q / 7,zz,q / 8,zz,r",
            [["id", "body"]],
            ["q7nan", "q7zz", "r8zz"],
            2,
            15.384615384615385,
        ),
        ("a,b / é😀,1 / é😀,2", None, ["é😀1", "é😀2"], 2, 33.33333333333333),
    ],
)
def test_the_worked_examples(tmp_path, text, merges, strings, hits, percent):
    one = read_table(csv_file(tmp_path, lines(text), merges=merges))
    found = row_strings(one.rows, *original(one))
    assert found == strings
    assert shared_with_predecessor(found).sum() == hits
    assert 100 * hit_rate(hits, one.characters) == pytest.approx(percent, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b / 007,x / 7,y", [["7", "x"], ["7", "y"]]),  # whole numbers without holes
        ("a,b / 1,x / ,y", [["1.0", "x"], ["", "y"]]),  # a hole makes them floats
        ("a,b / 1e16,x / 2.50,y", [["1e+16", "x"], ["2.5", "y"]]),
        ('a,b / "1,000",x / 2,y', [["1,000", "x"], ["2", "y"]]),  # text stays text, and so do numbers beside it
        ("a,b / True,x / False,y", [["True", "x"], ["False", "y"]]),
        ("a,b / TRUE,x / yes,y", [["TRUE", "x"], ["yes", "y"]]),
        ("a,b / True,1 / False,2", [["True", "1"], ["False", "2"]]),
        ("a,b / 1,2.5 / 3,", [["1.0", "2.5"], ["3.0", ""]]),  # all numbers, one of them a float
        ("a,b / N/A,x / nan,y / -,z", [["", "x"], ["", "y"], ["-", "z"]]),
        ("a,b / NULL,x / None,y / n/a,z", [["", "x"], ["", "y"], ["", "z"]]),
        ("a,b / 9223372036854775808,x / 1,y", [["9223372036854775808", "x"], ["1", "y"]]),
        ('a,b / " p ",x / "",y', [[" p ", "x"], ["", "y"]]),
    ],
)
def test_cells_read_as_pandas_reads_them(tmp_path, text, rows):
    assert texts(tmp_path, text) == rows


def test_the_text_of_a_cell_is_str_of_it_in_the_row_as_pandas_hands_out_rows(tmp_path):
    """The public benchmark's own words, `row.fillna("").astype(str)`, over the rows of a frame."""
    import pandas

    for text in (
        "a,b / 1,0.5 / 2,",
        "a,b,c / 1,x,True / 2,,False / 3,y,True",
        "a,b / 1,2 / 3,4",
        "a,b,c / 0.1,1e-7,3 / 1e22,5,6",
        "a,b,c / True,1.5,q / ,2,r",
        "a,b / True,1.5 / False,2",
    ):
        path = csv_file(tmp_path, lines(text))
        frame = pandas.read_csv(path, low_memory=False)
        slow = [["" if pandas.isna(value) else str(value) for value in row.tolist()] for _, row in frame.iterrows()]
        assert read_table(path).rows == slow
        joined = ["".join(row.astype(object).fillna("").astype(str).values) for _, row in frame.iterrows()]
        assert ["".join(row) for row in slow] == joined


def test_merged_columns_are_joined_as_they_sit_among_themselves_and_come_last(tmp_path):
    import pandas

    path = csv_file(tmp_path, lines("p,t,q / 1,x,0.5 / 2,,1 / 3,y,"), merges=[["q", "p"]])
    one = read_table(path)
    assert one.columns == ("t", "q", "p") and one.merges == (("q", "p"),)
    assert one.rows == [["x", "0.5", "1.0"], ["", "1.0", "2.0"], ["y", "nan", "3.0"]]
    frame = pandas.read_csv(path, low_memory=False)
    published = frame[["q", "p"]].apply(lambda row: "".join([f"{v}" for v in row]), axis=1)
    assert ["".join(row[1:]) for row in one.rows] == published.tolist()


def test_numbers_beside_a_merged_column_keep_their_own_type(tmp_path):
    one = read_table(csv_file(tmp_path, lines("a,b,c,d / 1,0.5,x,y / 2,0.25,x,z"), merges=[["c", "d"]]))
    assert one.rows[0] == ["1", "0.5", "x", "y"]
    numbers = read_table(csv_file(tmp_path, lines("a,b,c,d / 1,0.5,3,4 / 2,0.25,3,5"), merges=[["c", "d"]]))
    assert numbers.rows[0] == ["1", "0.5", "3", "4"]


def test_the_published_merges_go_by_the_name_of_the_file(tmp_path):
    text = lines("PostId,x,Body / 1,u,b")
    assert read_table(csv_file(tmp_path, text, "BIRD")).merges == (("PostId", "Body"),)
    assert read_table(csv_file(tmp_path, text, "other")).merges == ()
    assert read_table(csv_file(tmp_path, text, "BIRD", merges=[])).merges == ()
    assert set(PUBLISHED_MERGES) == {"movies", "beer", "bird", "pdmx", "products"}
    assert [len(names) for names in PUBLISHED_MERGES["pdmx"]] == [2, 6]
    with pytest.raises(
        UsageError, match=r"movies.csv has the name of a published table, but there is no column 'movie"
    ):
        read_table(csv_file(tmp_path, text, "movies"))


@pytest.mark.parametrize(
    ("text", "merges", "message"),
    [
        ("", None, r"t\.csv is no CSV table with a line of column names: No columns"),
        ("a,b\n", None, r"t\.csv has no rows below its line of column names"),
        ("a,b\n1,2\n1,2,3\n", None, r"t\.csv is no CSV table.*line 3"),
        ("a,b\n1,2,3\n", None, r"t\.csv: line 2 has more cells than line 1"),
        ("a,b\n0,x,y\n1,x,z\n2,w,z\n", None, r"t\.csv: line 2 has more cells than line 1"),
        ("a,b\n1,x,y\n4,x,z\n", None, r"t\.csv: line 2 has more cells than line 1"),
        ("a,b\n1,2\n", [["a", "z"]], r"t\.merges\.json, but there is no column 'z'\.$"),
        ("a,b\n1,2\n", [["a", "b"], ["b", "a"]], r"column 'b' is merged twice"),
        ("a,b\n1,2\n", [["a"]], r"expected lists of two or more column names"),
        ("a,b\n1,2\n", {"a": "b"}, r"expected lists of two or more column names"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line_that_names_the_file(tmp_path, text, merges, message):
    with pytest.raises(UsageError, match=message) as said:
        read_table(csv_file(tmp_path, text, merges=merges))
    assert "\n" not in str(said.value) and str(tmp_path) in str(said.value)


def test_a_file_or_folder_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(UsageError, match=r"none\.csv cannot be read \(No such file or directory\)"):
        LlmSql().load(tmp_path / "none.csv")
    with pytest.raises(UsageError, match=r"holds no \.csv file"):
        LlmSql().load(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(UsageError, match=r"b\.csv is not UTF-8"):
        LlmSql().load(tmp_path)
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    for broken in ("[[", 100_000 * "["):
        (tmp_path / "b.merges.json").write_text(broken)
        with pytest.raises(UsageError, match=r"b\.merges\.json cannot be read as JSON"):
            LlmSql().load(tmp_path)


def test_without_pandas_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"--data needs pandas.*pip install 'evolve\[tables\]'$"):
        LlmSql().load(csv_file(tmp_path, "a,b\n1,2\n"))
    assert LlmSql().instances(Split.TRAIN), "nothing else needs it"


def test_a_folder_is_read_in_the_order_of_its_names_and_a_file_alone(tmp_path):
    for name in ("b", "a"):
        csv_file(tmp_path, f"x,y\n{name},2\n", name)
    (tmp_path / "notes.txt").write_text("no table")
    assert [one.id for one in LlmSql().load(tmp_path)] == ["public/a", "public/b"]
    assert [one.table.rows for one in LlmSql().load(tmp_path / "b.csv")] == [[["b", "2"]]]


def test_written_tables_are_read_back_to_the_same_texts(tmp_path):
    own = [one for split in (Split.TRAIN, Split.VALIDATION, Split.TEST) for one in LlmSql().instances(split)]
    families = {one.recipe.family: one for one in sorted(own, key=lambda one: -one.recipe.rows)}
    check_round_trip(list(families.values()), tmp_path)


@pytest.mark.slow
def test_every_drawn_table_is_read_back_to_the_same_texts(tmp_path):
    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        check_round_trip(LlmSql().instances(split), tmp_path / split)


def check_round_trip(instances, folder):
    written = LlmSql().write(instances, folder)
    assert sorted(folder.iterdir()) == sorted(written) and len(written) == 2 * len(instances)
    # Files come back in the order of splits and numbers: validation/8 before validation/10.
    in_order = sorted(instances, key=lambda one: (one.id.split("/")[0], int(one.id.split("/")[1])))
    for before, after in zip(in_order, LlmSql().load(folder), strict=True):
        assert after.table.digest == before.table.digest


def test_what_was_read_from_a_file_is_written_as_it_was(tmp_path):
    text = lines('id,body,t / 7,,q / 7,zz,q / 8,"z, ""z""",r / 9,é😀,')
    (one,) = LlmSql().load(csv_file(tmp_path, text, merges=[["id", "body"]]))
    LlmSql().write([one], tmp_path / "again")
    (again,) = LlmSql().load(tmp_path / "again")
    assert (again.id, again.table.digest) == (one.id, one.table.digest)


def test_texts_with_line_ends_and_quotes_survive(tmp_path):
    one = table([["a\nb", 'say "x"', "1,5"], ["c", "'", ""]])
    write_tables([("t", one)], tmp_path)
    assert read_tables(tmp_path)[0][1].rows == one.rows


def test_the_public_tables_are_not_bundled_and_the_error_says_how_to_give_them():
    with pytest.raises(UsageError, match=r"not bundled; give a folder of them with --data PATH \(movies\.csv"):
        LlmSql().instances(Split.PUBLIC)


@pytest.mark.skipif(not DATA, reason="the five public tables are not bundled: EVOLVE_LLM_SQL_DATA names their folder")
def test_the_public_tables_in_their_original_order_have_the_published_hit_rate():
    tables = read_tables(Path(DATA))
    assert sorted(name.lower() for name, _ in tables) == sorted(PUBLISHED_MERGES)
    rates = [
        hit_rate(int(shared_with_predecessor(row_strings(t.rows, *original(t))).sum()), t.characters) for _, t in tables
    ]
    assert math.fsum(rates) / 5 == pytest.approx(PUBLISHED_ORIGINAL, rel=1e-9)


def test_an_instance_needs_a_table_or_a_recipe():
    with pytest.raises(ValueError, match="has neither a table nor a recipe"):
        _ = TableInstance("train/0").table
