"""The verifier: what it refuses, what it scores and says, the statement's example, and that files are read whole."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import rcpsp
from evaluators.rcpsp import Rcpsp
from evaluators.rcpsp.evaluator import RcpspOptions, decoded
from evaluators.rcpsp.project import ProjectInstance, make_project
from evaluators.rcpsp.public_format import parsed, read_projects, written
from evolve.evaluator import CandidateFailure, Infeasible, Split, UsageError
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(rcpsp.__file__).parent
SEED = (Path(seeds.__file__).parent / "rcpsp.py").read_text()
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
STATEMENT = (FOLDER / "problem.md").read_text()
PROJECT = make_project([3, 4, 2, 5], [[2], [2], [2], [1]], [3], [[2], [3], [], []])
CASE = ProjectInstance("data/0", lambda: PROJECT)
FEASIBLE = Rcpsp(RcpspOptions(kind="feasible"))


def answered(answer, case=CASE, evaluator=None):
    return (evaluator or Rcpsp()).evaluate(InProcess(f"def schedule(project): return {answer}"), case)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "the answer is None, expected"),
        ([["serial"], [0, 1, 2, 3]], "expected \\('serial' or"),
        (["backward", [0, 1, 2, 3]], "'backward'"),
        (["serial", [0, 1, 2]], "priorities are 3 list, expected a list of 4 numbers"),
        (["serial", [0, 1, 2, float("nan")]], "the priority of task 3 is nan"),
        (["serial", [0, 1, True, 3]], "the priority of task 2 is True"),
        (["parallel", [0, 1, "2", 3]], "the priority of task 2 is '2'"),
        (["parallel", [0, 1, float("-inf"), 3]], "task 2 is -inf"),
        (["serial", [0, 1, 10**400, 3]], "task 2 is 1000"),
        (["serial", np.zeros((4, 1))], r"float64 of shape \(4, 1\)"),
        (["serial", np.zeros(4, dtype=bool)], "priorities are bool"),
        (["start", [0, 3, 7.0, 7]], "float"),
        (["start", [0, 3, -1, 7]], "start of task 2 is -1, expected 0..14"),
        (["start", [0, 3, 7, 2**62]], "start of task 3 is 4611686018427387904"),
        (["start", [0, 3, 7]], "a list of 3 where 4 belong"),
    ],
)
def test_an_answer_that_is_no_schedule_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        decoded(answer, CASE)


def test_starts_that_break_a_rule_make_the_program_infeasible_with_its_text():
    with pytest.raises(Infeasible, match="t=0: resource 0 needs 4 of 3: tasks 0, 1"):
        answered(("start", [0, 0, 4, 4]))
    with pytest.raises(Infeasible, match="task 2 starts at 2, before task 0 ends at 3"):
        answered(("start", [0, 3, 2, 7]))


def test_priorities_and_their_starts_score_alike_and_the_figures_are_ours():
    by_rank, by_start = answered(("serial", [0, 2, 1, 3])), answered(("start", [0, 5, 3, 9]))
    assert by_rank == by_start
    assert by_rank.metrics["makespan_ticks"] == 14
    assert by_rank.metrics["bound_ticks"] == 9
    assert answered(("serial", [0, 1, 2, 3])).metrics["makespan_ticks"] == 12


def test_feedback_names_who_waits_for_what_behind_whom_in_500_characters():
    text = answered(("serial", [0, 2, 1, 3])).feedback
    assert "4 tasks end at 14 (best known 9, task order 12, no schedule below 9)" in text
    assert "the chain that ends last waits 5 ticks for resources, in 1 places" in text
    assert "task 1, whose predecessors had ended, waited 5 ticks for resource 0 behind task 2 (lasts 2, 0 succ" in text
    for split in (Split.TRAIN, Split.PUBLIC):
        for case in Rcpsp().instances(split)[::9]:
            assert len(Rcpsp().evaluate(InProcess(SEED), case).feedback) <= 500


def test_a_feasible_project_scores_a_hundred_or_nothing_and_says_what_is_broken():
    case = FEASIBLE.instances(Split.TRAIN)[1]
    outcome = FEASIBLE.evaluate(InProcess(SEED), case)
    assert (outcome.score, outcome.metrics["met_share"]) == (0.0, 0.0)
    assert re.match(r"\d+ rules broken: task \d+ ends at \d+, its deadline is \d+: \d+ ticks late", outcome.feedback)
    met = FEASIBLE.evaluate(InProcess(SOURCES["sampled_lft_justified"]), case)
    assert (met.score, met.feedback) == (100.0, "every constraint is met.")
    late = answered(("start", [FEASIBLE.instances(Split.TRAIN)[1].horizon] * case.project.tasks), case, FEASIBLE)
    assert late.score == 0.0


def test_the_example_of_the_statement_runs_and_gives_what_it_shows():
    (block,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)
    scope: dict = {}
    exec(block, scope)
    shown = scope["project"]
    case = ProjectInstance(
        "data/0", partial(make_project, *(shown[k] for k in ("duration", "demand", "capacity")), shown["successors"])
    )
    assert case.project.predecessors == shown["predecessors"]
    starts = decoded(list(scope["schedule"](SimpleNamespace(**shown))), case)
    assert starts == scope["starts"]
    assert max(s + d for s, d in zip(starts, shown["duration"], strict=True)) == scope["makespan"]


@pytest.mark.slow
def test_every_baseline_runs_within_its_limits_in_the_sandbox_and_none_sees_the_verifier():
    largest = max(Rcpsp().instances(Split.TEST), key=lambda case: case.project.tasks)
    with Sandbox(Rcpsp.limits) as sandbox:
        for name, source in SOURCES.items():
            result = evaluate_instance(Rcpsp(), sandbox, source, largest)
            assert result.status is Status.OK, (name, result.feedback)
        with sandbox.start("def schedule(p): p.capacity[0] = 10**6; return 'serial', [0] * len(p.duration)") as one:
            before = list(largest.project.capacity)
            Rcpsp().evaluate(one, largest)
            assert largest.project.capacity == before
        with pytest.raises(CandidateFailure), sandbox.start("def schedule(p):\n  while True: pass") as one:
            Rcpsp().evaluate(one, largest)


# Files


def test_what_is_written_is_read_back():
    for case in Rcpsp().instances(Split.TRAIN)[:4]:
        again = parsed(written(case.project))
        assert again == case.project


def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path):
    good = written(PROJECT).splitlines()
    for change, message in [
        (lambda rows: rows[:1], "ends before the capacity of resource 0"),
        (lambda rows: ["x 1", *rows[1:]], "line 1: the number of tasks is 'x'"),
        (lambda rows: [*rows[:3], rows[3].replace("3", "-3", 1), *rows[4:]], "line 4: the duration of task 2 is '-3'"),
        (lambda rows: [*rows, "7"], "line 9: '7' comes after the last task"),
        (lambda rows: [*rows[:3], "3 9 1 4", *rows[4:]], "task 2 needs 9 of resource 0, which has 3"),
        (lambda rows: [*rows[:3], "0 1 1 4", *rows[4:]], "task 2 has no duration"),
        (lambda rows: [*rows[:2], "1 0 2 2 3", *rows[3:]], "task 1 is the first: expected a dummy"),
        (lambda rows: [*rows[:3], "3 2 1 77", *rows[4:]], "line 4: a successor of task 2 is '77'"),
        (lambda rows: [*rows[:5], "2 2 1 2", *rows[6:]], "is its own successor"),
        (lambda rows: ["²", *rows[1:]], "is no text of numbers"),
    ]:
        file = tmp_path / "one.rcp"
        file.write_text("\n".join(change(good)) + "\n", encoding="utf-8")
        with pytest.raises(UsageError, match=r"rcpsp: .*one\.rcp") as error:
            read_projects(file)
        assert message in str(error.value)
    for path, message in ((tmp_path / "none", "does not exist"), (Path(__file__).parent, "has no \\*.rcp")):
        with pytest.raises(UsageError, match=message):
            read_projects(path)


def test_a_feasible_project_has_no_place_in_the_format(tmp_path):
    with pytest.raises(UsageError, match="no place for downtime"):
        FEASIBLE.write(FEASIBLE.instances(Split.TRAIN), tmp_path)
    with pytest.raises(UsageError, match="no public projects of kind 'feasible'"):
        FEASIBLE.instances(Split.PUBLIC)
