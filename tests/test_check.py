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
        return [Instance("0")] * (split != "test")

    def evaluate(self, candidate, instance):
        try:
            answer = candidate.call("f")
        except Exception:
            return Outcome(0.0)
        return Outcome(80.0 + answer, {"x": float(os.environ.get("PYTHONHASHSEED") == "271"), "y": 1e308 * 10})

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
    for claim, reason in {
        "no two instances of any splits have the same id": "1 ids are there twice, e.g. '0'",
        "every split has instances": "test has no instance",
        "the seed is feasible and scores about zero on train": "it scores 81.00; expected 0, within 5",
        "metrics are finite and there is feedback": "0: no feedback",
        "an answer of none is infeasible and the message says so": "status error (TypeError: unsupported operand",
        "no answer makes the verifier itself fail": "answer 'text': TypeError",
        "a program that raises gets no score": "status ok, score 0.0",
        "options are frozen and refuse unknown keys": "Options is not frozen",
        "the statement names what a program must define": "problem.md does not name f",
        "what is written is read back and scored": "write() returns 0 files and writes 1",
    }.items():
        assert claims.pop(claim).startswith(reason), claim
    assert list(claims) == ["another process has the same instances and gives the seed the same figures"]


def test_what_another_process_sees_otherwise_is_told(folder: Path) -> None:
    broken = BROKEN.replace('[Instance("0")] * (split != "test")', '[Instance(f"{split}/0")]')
    (folder / "evaluator.py").write_text(broken.replace("1e308 * 10", "1.0"))
    said = evolve("check", folder)
    line = next(line for line in said.out.splitlines() if "another process" in line)
    assert line.startswith("FAILS ")
    assert "train metrics: {'x': 0.0, 'y': 1.0} here, {'x': 1.0, 'y': 1.0} in another process" in line
    assert said.code == 1 and said.out.splitlines()[-1].startswith("own: ")


def test_the_smallest_problem_keeps_to_the_contract() -> None:
    said = evolve("check", TRIVIAL)
    assert said.code == 0 and said.out.endswith("trivial keeps to the contract\n")
    assert "skipped what is written is read back and scored: the problem writes no data files" in said.out
