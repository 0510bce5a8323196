"""`evolve check`: a plug-in that breaks the contract is told which claim fails and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve

BROKEN = """
import os
import random

from pydantic import BaseModel

from evolve.evaluator import Evaluator, Instance, Outcome


class Own(Evaluator):
    name = "own"
    summary = "A test"
    defines = ("f",)
    Options = type("Options", (BaseModel,), {})

    def instances(self, split):
        return [Instance("0")]

    def evaluate(self, candidate, instance):
        try:
            answer = candidate.call("f")
        except Exception:
            return Outcome(0.0)
        return Outcome(80.0 + answer, {"x": float(os.environ.get("PYTHONHASHSEED") == "271"), "y": 1.0})

    def write(self, instances, folder):
        (folder / "a").write_text("")
        return []
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "evaluator.py").write_text(BROKEN)
    (tmp_path / "problem.md").write_text("# Own\n")
    (tmp_path / "seed.py").write_text("def f():\n    return 1.0\n")
    return tmp_path


def test_each_broken_claim_is_named_with_its_reason(folder: Path) -> None:
    said = evolve("check", folder, "--json")
    claims = {entry["claim"]: entry["reason"] for entry in said.json["claims"] if entry["verdict"] == "fails"}
    assert said.code == 1 and said.json["holds"] is False
    blamed = "the verifier failed on this answer (a bug of the problem): "
    for claim, reason in {
        "no two instances of any splits have the same id": "1 ids are there twice, e.g. '0'",
        "the seed is feasible and scores about zero on train": "it scores 81.00; expected 0, within 5",
        "metrics are finite and there is feedback": "0: no feedback",
        "an answer of none is infeasible and the message says so": f"status error ({blamed}TypeError: unsupported",
        "no answer makes the verifier itself fail": f"answer 'text': {blamed}TypeError",
        "a program that raises gets no score": "status ok, score 0.0",
        "options are frozen and refuse unknown keys": "Options is not frozen",
        "the statement names what a program must define": "problem.md does not name f",
        "what is written is read back and scored": "write() returns 0 files and writes 1",
    }.items():
        assert claims.pop(claim).startswith(reason), claim
    assert list(claims) == ["another process has the same instances and gives the seed the same figures"]


def test_what_another_process_sees_otherwise_is_told(folder: Path) -> None:
    (folder / "evaluator.py").write_text(BROKEN.replace('[Instance("0")]', '[Instance(f"{split}/0")]'))
    said = evolve("check", folder)
    line = next(line for line in said.out.splitlines() if "another process" in line)
    assert line.startswith("FAILS ")
    assert "train metrics: {'x': 0.0, 'y': 1.0} here, {'x': 1.0, 'y': 1.0} in another process" in line
    assert said.code == 1 and said.out.splitlines()[-1].startswith("own: ")


def test_the_smallest_problem_keeps_to_the_contract() -> None:
    said = evolve("check", TRIVIAL)
    assert said.code == 0 and said.out.endswith("trivial keeps to the contract\n")
    assert "skipped what is written is read back and scored: the problem writes no data files" in said.out


def test_instances_that_are_none_fail_one_claim_and_end_the_check(folder: Path) -> None:
    (folder / "evaluator.py").write_text(BROKEN.replace('[Instance("0")]', "(Instance(str(i)) for i in range(3))"))
    said = evolve("check", folder)
    assert said.out.splitlines() == [
        "FAILS   every split has instances: own: instances(Split.TRAIN) must return a list of Instance, "
        "it returned a generator.",
        "skipped the other claims: they need instances",
        "own: 1 of 2 claims fails",
    ]


@pytest.mark.parametrize("deed", ["return 3.5", "import os; os._exit(0)"])
def test_a_verifier_that_does_not_work_fails_one_claim_and_ends_the_check(folder: Path, deed: str) -> None:
    broken = BROKEN.replace("return Outcome(80.0", f"{deed}\n        return Outcome(80.0")
    (folder / "evaluator.py").write_text(broken.replace('[Instance("0")]', '[Instance(f"{split}/0")]'))
    said = evolve("check", folder)
    reason = {
        "return 3.5": "evaluate must return an Outcome, it returned 3.5",
        "import os; os._exit(0)": "the verifier ended its own process (a bug of the problem): it exited with code 0",
    }[deed]
    failed = [line for line in said.out.splitlines() if line.startswith("FAILS")]
    assert len(failed) == 1 and reason in failed[0]
    assert said.out.splitlines()[-2] == "skipped the other claims: they need a verifier that works"


def test_the_time_of_an_evaluation_and_metrics_without_a_unit_are_noted(folder: Path) -> None:
    notes = {
        c["claim"]: c["reason"] for c in evolve("check", folder, "--json").json["claims"] if c["verdict"] == "note"
    }
    assert "s for the seed on 0 (CPU of the program " in notes["time per evaluation"]
    assert "1 instance of train" in notes["time per evaluation"]
    assert notes["metrics have their unit in the name"].startswith("x, y: without one")


@pytest.mark.parametrize(
    ("instead", "wrong"),
    [
        ('defines = "order"', 'defines = "order" is a string; write defines = ("order",)'),
        ('name = "One Machine!"', "name = 'One Machine!': letters, digits, _ and - only"),
        ('timed_metrics = "cpu_s"', 'timed_metrics = "cpu_s" is a string; write timed_metrics = ("cpu_s",)'),
        ('defines = ("my order",)', "defines names 'my order', which no program can define"),
        ('splits = ("train",)', "splits = ('train',): expected a tuple of Split"),
        ("evaluation_s = 0", "evaluation_s = 0: expected seconds, above 0"),
        ("limits = 10", "limits = 10: expected Limits"),
    ],
)
def test_class_attributes_of_the_wrong_shape_are_refused_in_one_line(folder: Path, instead: str, wrong: str) -> None:
    (folder / "evaluator.py").write_text(BROKEN.replace("    Options", f"    {instead}\n    Options"))
    said = evolve("check", folder)
    assert said.code == 2 and said.out == ""
    assert wrong in said.err and said.err.count("\n") == 1
