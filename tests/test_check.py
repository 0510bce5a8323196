"""`evolve check`: a plug-in that breaks the contract is told which claim fails and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve

from evolve.bench import InProcess
from evolve.registry import load_problem
from evolve.testing import EvaluatorClaims
from evolve.testing.headroom import order_of_baselines

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
        "wrong answers are infeasible with a message that names item and amount": f"text for its first value: {blamed}",
        "ten attacks on the verifier gain nothing": "a program that reads the problem's files is let",
        "what is written is read back and scored": "write() returns 0 files and writes 1",
    }.items():
        assert claims.pop(claim).startswith(reason), claim
    told = {entry["claim"]: entry["advice"] for entry in said.json["claims"] if entry["verdict"] == "fails"}
    assert all(told.values()), "each says what to do"
    assert list(claims) == ["another process has the same instances and gives the seed the same figures"]


def test_what_another_process_sees_otherwise_is_told(folder: Path) -> None:
    (folder / "evaluator.py").write_text(BROKEN.replace('[Instance("0")]', '[Instance(f"{split}/0")]'))
    said = evolve("check", folder)
    line = next(line for line in said.out.splitlines() if "another process" in line)
    assert line.startswith("FAILS ")
    assert "train metrics: {'x': 0.0, 'y': 1.0} here, {'x': 1.0, 'y': 1.0} in another process" in line
    assert said.code == 1 and said.out.splitlines()[-1].startswith("own: ")


CARELESS = """
from pathlib import Path

from evolve.evaluator import Evaluator, Infeasible, Instance, Outcome, Record


class Info(Record):
    size: int


class Careless(Evaluator):
    name, summary, defines = "careless", "A test", ("pick",)

    def instances(self, split):
        return [Instance(f"{split}/0")]

    def evaluate(self, candidate, instance):
        (Path(__file__).parents[1] / "elsewhere").write_text("x")
        answer = candidate.call("pick", Info(3))
        if not isinstance(answer, list):
            raise Infeasible("that is wrong")
        return Outcome(10.0 * (len(answer) - 1), {}, "more would be better")
"""
STATEMENT = """# Careless

Write `pick(info, more) -> list`. `info.sizes` says how many.

```python
pick(None)  # [7]: the one there is
```
"""


def test_a_careless_problem_is_told_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "careless"
    folder.mkdir()
    (folder / "evaluator.py").write_text(CARELESS)
    (folder / "problem.md").write_text(STATEMENT)
    (folder / "seed.py").write_text('def pick(info):\n    return ["a"]\n')
    (folder / "baselines").mkdir()
    (folder / "baselines" / "two.py").write_text("def pick(info):\n    return [1, 2]\n")
    said = evolve("check", folder, "--json")
    claims = {entry["claim"]: entry["reason"] for entry in said.json["claims"] if entry["verdict"] in ("fails", "note")}
    assert "with nan for its first number is taken and scores 0.0" in claims.pop(
        "wrong answers are infeasible with a message that names item and amount"
    )
    for claim, reason in {
        "the example of the statement runs and gives its answer": "block 1: the statement says [7], the "
        "program answers ['a']",
        "names in the statement exist": "problem.md has pick(info, more), the seed pick(info); problem.md names "
        "info.sizes, and no record of the problem has 'sizes'",
        "a small change of the seed can change the score": "no small change of the seed moves the score on train",
        "the verifier touches no files elsewhere and no network": f"it writes {tmp_path}/elsewhere",
        "baselines on train, validation and test": "train: best two 10.00; validation: best two 10.00; test: best two "
        "10.00. All splits order them alike",
    }.items():
        assert claims.pop(claim) == reason, claim
    assert "in 3 runs" in claims.pop("time per evaluation")
    assert set(claims) <= {"no answer makes the verifier itself fail"}


def test_where_all_instances_take_too_long_the_first_ones_stand_for_a_split(tmp_path: Path) -> None:
    (tmp_path / "evaluator.py").write_text(
        CARELESS.replace('[Instance(f"{split}/0")]', '[Instance(f"{split}/{k}") for k in range(3)]').replace(
            '        (Path(__file__).parents[1] / "elsewhere").write_text("x")\n', ""
        )
    )
    (tmp_path / "problem.md").write_text("# Careless\n")
    (tmp_path / "seed.py").write_text('def pick(info):\n    return ["a"]\n')
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "two.py").write_text("def pick(info):\n    return [1, 2]\n")
    with InProcess() as bench:
        problem = load_problem(str(tmp_path))
        assert order_of_baselines(problem, bench).startswith("train: best two 10.00; validation: best two 10.00;")
        assert order_of_baselines(problem, bench, 1e-9).startswith(
            "train (first 1 of 3 instances, for the time they take): best two 10.00; validation (first 1 of 3"
        )


def test_an_answer_that_is_worth_more_with_a_part_too_many_is_found(tmp_path: Path) -> None:
    (tmp_path / "evaluator.py").write_text(
        CARELESS.replace("answer, list)", "answer, list) or answer[:1] != ['a']").replace("is wrong", "is wrong: 0")
    )
    (tmp_path / "problem.md").write_text("# Careless\n\nWrite `pick(info) -> list`.\n")
    (tmp_path / "seed.py").write_text('def pick(info):\n    return ["a"]\n')
    with pytest.raises(AssertionError, match="with one part too many is taken and scores 10"):
        EvaluatorClaims().test_wrong_answers_are_infeasible_with_a_message_that_names_item_and_amount(
            load_problem(str(tmp_path))
        )


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
        "        return a list of at least one Instance for each split.",
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
