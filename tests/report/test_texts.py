"""Small texts: curves, figures, patches, JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from evolve.archive import Improvement, RunStatus, Trial
from evolve.report import figures
from evolve.report.atomic import write_text
from evolve.report.changes import unified_diff
from evolve.report.documents import plain, to_json, to_json_line
from evolve.report.run_report import Cell, curve_of, last_line
from evolve.report.sparkline import sparkline
from evolve.scoring import Status


def test_a_sparkline_ends_with_the_last_value_whatever_its_width() -> None:
    rising = list(range(1000))
    for width in (1, 2, 7, 40):
        line = sparkline(rising, width)
        assert len(line) == width and (width == 1 or line[-1] == "█")
    assert sparkline([0, 1, 2, 7], 10) == "▁▂▃█"
    assert sparkline([0, 7], 10, unicode=False) == "_#"
    assert sparkline([5.0, 5.0], 10) == "▁▁"
    assert sparkline([], 10) == ""


def test_the_best_score_stays_where_it_is_until_a_better_one_comes() -> None:
    seed, better = Improvement(0, Trial(0, None), 1.0, 0.0, 0.0, 0.0), Improvement(3, Trial(4, 0), 3.0, 2.0, 0.0, 0.0)
    assert curve_of([seed, better], 4) == (1.0, 1.0, 1.0, 3.0, 3.0)
    assert curve_of([seed], 0) == (1.0,)
    assert curve_of([], 0) == ()


def test_json_has_null_where_there_is_no_finite_number() -> None:
    facts = {"a": math.nan, "b": [math.inf, 1.5], "c": (None, True), Status.OK: Cell(Status.ERROR, -math.inf)}
    assert json.loads(to_json(facts)) == {
        "a": None,
        "b": [None, 1.5],
        "c": [None, True],
        "ok": {"status": "error", "score": None, "interval": None},
    }
    assert plain(np.float64("nan")) is None and plain(RunStatus.STOPPED) == "stopped"
    assert "\n" not in to_json_line({"text": "two\nlines \ud800"})


def test_what_has_no_form_in_json_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(TypeError, match="set has no form in JSON"):
        to_json({1, 2})


def test_a_cell_never_shows_a_score_without_ok() -> None:
    assert figures.cell_text(Cell(Status.OK, 12.345)) == "12.35"
    assert figures.cell_text(Cell(Status.INFEASIBLE, None)) == "infeasible"
    assert figures.cell_text(Cell(Status.TIMEOUT, 50.0)) == "timeout"
    assert figures.cell_text(Cell()) == "-"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (figures.duration_text(9.26), "9.3 s"),
        (figures.duration_text(59.97), "1 min 00 s"),
        (figures.duration_text(3600 * 2 + 301), "2 h 05 min"),
        (figures.seconds_text(0.0123), "12.3 ms"),
        (figures.seconds_text(0.9996), "1 s"),
        (figures.seconds_text(1234.5), "1234 s"),
        (figures.bytes_text(31_862_784), "31.9 MB"),
        (figures.usd_text(0), "$0.00"),
        (figures.usd_text(0.0042), "$0.0042"),
        (figures.usd_text(12.345), "$12.35"),
        (figures.figure_text(119.0345387654), "119.035"),
        (figures.figure_text(41.0), "41"),
        (figures.figure_text(math.nan), "not finite"),
    ],
)
def test_figures_read_as_a_person_writes_them(said: str, text: str) -> None:
    assert said == text


def test_a_patch_names_both_programs_and_marks_a_missing_last_newline() -> None:
    patch = unified_diff("a = 1\nb = 2\n", "a = 1\nb = 3", "x.py", "y.py")
    assert patch.splitlines() == [
        "--- a/x.py",
        "+++ b/y.py",
        "@@ -1,2 +1,2 @@",
        " a = 1",
        "-b = 2",
        "+b = 3",
        "\\ No newline at end of file",
    ]
    assert unified_diff("same\n", "same\n", "x", "y") == ""


def test_a_failure_is_told_by_the_line_that_says_what_happened() -> None:
    assert last_line("Traceback ...\n  File x\nZeroDivisionError: division by zero\n\n") == (
        "ZeroDivisionError: division by zero"
    )
    assert last_line("") == ""


def test_a_file_is_replaced_at_once_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "f.txt", "old")
    write_text(tmp_path / "deep" / "f.txt", "new \ud800")
    assert (tmp_path / "deep" / "f.txt").read_text() == "new ?"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["f.txt"]
