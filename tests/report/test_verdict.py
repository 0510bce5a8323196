"""Whether the run beat its seed, in plain words that are true."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from evolve.archive import CallTotals, RunStatus
from evolve.config import RunConfig
from evolve.evaluator import Split
from evolve.intervals import Interval, Lead
from evolve.report.judgement import verdict
from evolve.report.run_report import Cell, ProgramRow, RunReport
from evolve.report.tables import result_table
from evolve.scoring import Status


def report(*rows: ProgramRow) -> RunReport:
    return RunReport(
        Path("r"), "e", ".py", RunConfig(), RunStatus.FINISHED, "", 1, 1, CallTotals(), True, 1.0, 0.0, None, True,
        None, None, rows, (), (), (),
    )  # fmt: skip


def row(role: str, id: int, test: Cell) -> ProgramRow:
    train = Cell(Status.OK, 10.0 * (id > 0))
    return ProgramRow(role, role, id, {Split.TRAIN: train, Split.VALIDATION: train, Split.TEST: test})


def ok(score: float) -> Cell:
    return Cell(Status.OK, score)


@pytest.mark.parametrize(
    ("seed", "best", "beats", "words"),
    [
        (ok(1.0), ok(4.5), True, "it beats the seed: program 7 is 3.50 points above it (4.50 against 1.00)"),
        (ok(1.0), ok(1.2), True, "it beats the seed by a little only: program 7 is 0.20 points above it"),
        (ok(1.0), ok(0.0), False, "it does not beat the seed: program 7 is 1.00 points below it"),
        (ok(1.0), ok(1.0), False, "it does not beat the seed: program 7 is level with it at 1.00"),
        (ok(1.0), Cell(Status.INFEASIBLE), False, "it does not beat the seed: program 7 is infeasible"),
        (Cell(Status.TIMEOUT), ok(2.0), True, "it beats the seed: program 7 is at 2.00 while the seed is timeout"),
        (
            ok(1.0),
            Cell(),
            None,
            "Program 7 is 10.00 points above the seed (10.00 against 0.00) on train; the problem has no test split.",
        ),
    ],
)
def test_the_verdict_is_about_test_and_never_flatters(seed: Cell, best: Cell, beats: bool | None, words: str) -> None:
    both = report(row("seed", 0, seed), row("best", 7, best))
    assert both.beats_seed_on_test() is beats
    assert words in verdict(both)


def test_before_a_run_ends_it_says_that_test_is_still_to_come() -> None:
    running = dataclasses.replace(report(row("seed", 0, Cell()), row("best", 7, Cell())), status=RunStatus.RUNNING)
    assert "on train; the test split is scored at the end." in verdict(running)


def test_a_run_that_found_nothing_says_so() -> None:
    alone = report(row("seed", 0, ok(1.0)))
    assert verdict(alone) == "No program better than the seed was found."
    assert alone.beats_seed_on_test() is False
    assert verdict(report()) == "Nothing is scored yet."


def test_the_verdict_names_the_best_baseline_on_test_and_the_gap_to_train() -> None:
    both = report(
        row("seed", 0, ok(0.0)), row("baseline", -1, ok(38.51)), row("baseline", -2, ok(2.0)), row("best", 7, ok(30.2))
    )
    assert "it beats the seed" in verdict(both)
    assert "The best baseline there, baseline, has 38.51: the program is 8.31 points BELOW it." in verdict(both)
    assert "On train the program scored 10.00, 20.20 points below its test score." in verdict(both)
    assert "The best baseline's score rises by 38.51 from train to test." in verdict(both)
    assert both.points_above_baseline() == pytest.approx(30.2 - 38.51) and both.train_above_test() == 10.0 - 30.2


def test_the_verdict_says_what_the_best_program_cannot_be_told_from_and_how_few_instances_there_are() -> None:
    doubtful, certain, few = Lead(3.5, -1.0, 8.0, 24), Lead(9.0, 4.0, 14.0, 24), Lead(9.0, 4.0, 14.0, 4)
    rows = [
        row("seed", 0, ok(1.0)),
        row("baseline", -1, ok(2.0)),
        row("baseline", -2, ok(-9.0)),
        row("best", 7, ok(4.5)),
    ]
    both = report(
        *(replace(one, lead_of_best=lead) for one, lead in zip(rows[:3], (doubtful, doubtful, certain), strict=True)),
        rows[3],
    )
    assert "it is not distinguishable from the seed: program 7 is 3.50 points above it" in verdict(both)
    assert "95% interval -1.00 to 8.00" in verdict(both)
    assert "It is not distinguishable from baseline baseline." in verdict(both)
    alone = report(replace(rows[0], lead_of_best=few), rows[3])
    assert "it beats the seed" in verdict(alone) and "over 4 instances, too few to tell it from chance." in verdict(
        alone
    )
    surely = report(replace(rows[0], lead_of_best=certain), rows[3])
    assert "it beats the seed" in verdict(surely) and "95% interval 4.00 to 14.00" in verdict(surely)


def test_a_figure_of_the_result_table_is_never_cut_at_80_columns() -> None:
    console = Console(width=80, file=io.StringIO())
    low = Lead(-76.14, -88.5, -62.9, 24)
    wide = replace(row("baseline", -1, ok(-76.14)), name="a_baseline_with_a_long_name")
    interval = replace(ok(-76.14), interval=Interval(-76.14, -88.53, -62.91))
    wide = replace(wide, splits={**wide.splits, Split.TEST: interval}, lead_of_best=low)
    console.print(result_table(report(row("seed", 0, ok(0.0)), wide, row("best", 7, ok(4.5)))))
    said = console.file.getvalue()
    assert "…" not in said and "-76.14 [-88.5, -62.9]" in said and "+76.14" in said
