"""What every problem keeps to: a test class to inherit from, and the same claims for `evolve check`.

    from evolve.registry import load_problem
    from evolve.testing import EvaluatorClaims

    class TestMine(EvaluatorClaims):
        @pytest.fixture
        def problem(self):
            return load_problem("./my_problem")

That is all; pytest itself is not imported here. A claim that a problem gives no occasion for is skipped.
"""

from __future__ import annotations

import ast
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evolve.evaluator import Evaluator, Outcome, Split, fresh_id
from evolve.registry import Problem, load_problem
from evolve.scoring import InstanceResult, Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

ABOUT_ZERO = 5.0
"""How far from 0 the seed may score: it is the naive baseline, and its CPU time may be part of its score."""

JUNK = ("'text'", "-1", "1e400", "float('nan')", "2**80", "[]", "{}", "[[[]]]", "[None] * 3", "b''", "True")
"""Answers, as source, that a verifier must be able to read without failing itself."""


class EvaluatorClaims:
    """Inherit from it and give the fixture `problem`: a `Problem`, as `load_problem` returns it."""

    def test_no_two_instances_of_any_splits_have_the_same_id(self, problem: Problem) -> None:
        """Ids name an instance in the archive, whatever its split."""
        ids = [instance.id for split in problem.evaluator.splits for instance in problem.instances(split)]
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        assert not twice, f"{len(twice)} ids are there twice, e.g. {twice[0]!r}"

    def test_every_split_has_instances(self, problem: Problem) -> None:
        """Train guides the search, validation picks the winner, test is scored once."""
        for split in dict.fromkeys((Split.TRAIN, Split.VALIDATION, Split.TEST, *problem.evaluator.splits)):
            assert len(problem.instances(split)), f"{split} has no instance"

    def test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures(self, problem: Problem) -> None:
        """Workers and a resumed run are other processes; hash seeds differ. Measured time may differ, if declared."""
        options = problem.evaluator.options.model_dump_json()
        done = subprocess.run(
            [sys.executable, "-m", "evolve.testing", problem.ref, options],
            env={**os.environ, "PYTHONHASHSEED": "271"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"another process fails: {done.stderr.strip().splitlines()[-1:]}"
        here, there = json.loads(json.dumps(facts_of(problem))), json.loads(done.stdout)
        for place in here:
            assert here[place] == there[place], f"{place}: {here[place]} here, {there[place]} in another process"

    def test_the_seed_is_feasible_and_scores_about_zero_on_train(self, problem: Problem) -> None:
        """A run starts from the naive baseline, which is what a score of 0 means."""
        results = _evaluated(problem, problem.seed, len(problem.instances(Split.TRAIN)))
        scores = [result.score for result in results if result.score is not None]
        assert scores, "no instance of train has a score"
        mean = math.fsum(scores) / len(scores)
        assert abs(mean) <= ABOUT_ZERO, f"it scores {mean:.2f}; expected 0, within {ABOUT_ZERO:g}"

    def test_metrics_are_finite_and_there_is_feedback(self, problem: Problem) -> None:
        """Both reach prompts and tables."""
        (result,) = _evaluated(problem, problem.seed, 1)
        assert result.feedback, f"{result.instance_id}: no feedback"
        summary = problem.evaluator.summarise(Split.TRAIN, [Outcome(result.score, result.metrics, result.feedback)])
        for name, value in {**result.metrics, **summary}.items():
            assert math.isfinite(value), f"metric {name} is {value}"

    def test_an_answer_of_none_is_infeasible_and_the_message_says_so(self, problem: Problem) -> None:
        """`Infeasible` with a sentence, which reaches the next prompt."""
        result = _run(problem, answering(problem, "None"))
        assert result.status is Status.INFEASIBLE, f"status {result.status} ({_last_line(result)})"
        assert len(result.feedback.split()) >= 3, f"the message is {result.feedback!r}"

    def test_no_answer_makes_the_verifier_itself_fail(self, problem: Problem) -> None:
        """Junk is infeasible, or even an answer: never a bug of the problem."""
        instance = problem.instances(Split.TRAIN)[0]
        with _sandbox(problem) as sandbox:
            for junk in JUNK:
                result = evaluate_instance(problem.evaluator, sandbox, answering(problem, junk), instance)
                assert result.failure != "verifier", f"answer {junk}: {_last_line(result)}"

    def test_a_program_that_raises_gets_no_score(self, problem: Problem) -> None:
        """`CandidateFailure` must pass through `evaluate`: whoever raises on hard instances gains nothing."""
        result = _run(problem, answering(problem, "1 / 0"))
        assert (result.status, result.score) == (Status.ERROR, None), f"status {result.status}, score {result.score}"
        assert "ZeroDivisionError" in result.feedback, f"the exception is not told: {result.feedback[:200]!r}"

    def test_options_are_frozen_and_refuse_unknown_keys(self, problem: Problem) -> None:
        """They are recorded in the run; a typo must not pass for a setting."""
        cls = problem.evaluator.Options
        assert cls.model_config.get("frozen"), f"{cls.__name__} is not frozen"
        try:
            cls.model_validate({"no_such_option": 1})
        except ValidationError:
            return
        raise AssertionError(
            f'{cls.__name__} takes unknown keys: model_config = ConfigDict(frozen=True, extra="forbid")'
        )

    def test_the_statement_names_what_a_program_must_define(self, problem: Problem) -> None:
        """The statement is all that a model reads."""
        for name in problem.evaluator.defines:
            assert name in problem.statement, f"problem.md does not name {name}"

    def test_fresh_instances_are_new_and_hang_on_their_seed_alone(self, problem: Problem) -> None:
        """`--fresh N`: named by `fresh_id`, none of the own ones, the first ones whatever the count, scored."""
        if type(problem.evaluator).fresh is Evaluator.fresh:
            raise unittest.SkipTest("the problem draws no fresh instances")
        two, one = (problem.evaluator.fresh(Split.TRAIN, seed, 3 - seed) for seed in (1, 2))
        for seed, drawn in ((1, two), (2, one)):
            found = [instance.id for instance in drawn]
            wanted = [fresh_id(Split.TRAIN, seed, index) for index in range(3 - seed)]
            assert found == wanted, f"fresh(train, {seed}, {3 - seed}) gives {found}, expected {wanted}"
        again = problem.evaluator.fresh(Split.TRAIN, 1, 1)
        assert again[0] == two[0], "the first of one fresh instance is not the first of two"
        with _sandbox(problem) as sandbox:
            result = evaluate_instance(problem.evaluator, sandbox, problem.seed, two[0])
        assert result.status is Status.OK, f"the seed on {result.instance_id}: {result.status} ({result.feedback})"

    def test_what_is_written_is_read_back_and_scored(self, problem: Problem) -> None:
        """`evolve data`, then `--data`."""
        if type(problem.evaluator).write is Evaluator.write:
            raise unittest.SkipTest("the problem writes no data files")
        instances = problem.instances(Split.TRAIN)
        with tempfile.TemporaryDirectory() as name:
            files = problem.evaluator.write(instances, Path(name))
            there = {file for file in Path(name).rglob("*") if file.is_file()}
            assert set(files) == there, f"write() returns {len(files)} files and writes {len(there)}"
            again = problem.evaluator.load(Path(name))
            assert len(again) == len(instances), f"{len(instances)} instances are written, {len(again)} read"
            with _sandbox(problem) as sandbox:
                result = evaluate_instance(problem.evaluator, sandbox, problem.seed, again[0])
        assert result.status is Status.OK, f"the seed on {result.instance_id}: {result.status} ({result.feedback})"


class Verdict(StrEnum):
    """What came of a claim. SKIPPED: the problem gives no occasion for it."""

    HOLDS = "holds"
    FAILS = "fails"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Checked:
    """One claim about a problem. reason: why it fails or is skipped."""

    claim: str
    verdict: Verdict
    reason: str = ""


def check(problem: Problem) -> Iterator[Checked]:
    """Test every claim, one after the other, without pytest."""
    claims = EvaluatorClaims()
    for name in vars(EvaluatorClaims):
        if name.startswith("test_"):
            test: Callable[[Problem], None] = getattr(claims, name)
            claim = name.removeprefix("test_").replace("_", " ")
            try:
                test(problem)
            except unittest.SkipTest as skipped:
                yield Checked(claim, Verdict.SKIPPED, str(skipped))
            except Exception as error:  # foreign code: whatever it raises is a claim that fails
                kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
                yield Checked(claim, Verdict.FAILS, kind + " ".join(str(error).split()))
            else:
                yield Checked(claim, Verdict.HOLDS)


def facts_of(problem: Problem) -> dict[str, Any]:
    """Return what must be the same in every process: all ids, and the seed on the first instance of train and test."""
    facts: dict[str, Any] = {}
    timed = set(problem.evaluator.timed_metrics)
    with _sandbox(problem) as sandbox:
        for split in problem.evaluator.splits:
            instances = problem.instances(split)
            facts[split] = [instance.id for instance in instances]
            if split not in (Split.TRAIN, Split.TEST) or not instances:
                continue
            result = evaluate_instance(problem.evaluator, sandbox, problem.seed, instances[0])
            facts[f"{split} status"] = result.status
            facts[f"{split} metrics"] = {name: x for name, x in result.metrics.items() if name not in timed}
            facts[f"{split} score"] = None if "score" in timed else result.score
    return facts


def answering(problem: Problem, answer: str) -> str:
    """Return a program that answers every call with the same expression. What the seed has as a class becomes one."""
    program = []
    for node in ast.parse(problem.seed).body:
        if isinstance(node, ast.ClassDef) and node.name in problem.evaluator.defines:
            methods = [m.name for m in node.body if isinstance(m, ast.FunctionDef) and m.name != "__init__"]
            body = [f"    def {name}(self, *given): return {answer}" for name in methods]
            program += [f"class {node.name}:", "    def __init__(self, *given): pass", *body]
        elif isinstance(node, ast.FunctionDef) and node.name in problem.evaluator.defines:
            program.append(f"def {node.name}(*given): return {answer}")
    return "\n".join(program) + "\n"


def _last_line(result: InstanceResult) -> str:
    """Return the end of a feedback, which may be a traceback."""
    return (result.feedback.strip().splitlines() or [""])[-1]


def _sandbox(problem: Problem) -> Sandbox:
    return Sandbox(problem.evaluator.limits, tuple(problem.evaluator.libraries))


def _run(problem: Problem, program: str) -> InstanceResult:
    with _sandbox(problem) as sandbox:
        return evaluate_instance(problem.evaluator, sandbox, program, problem.instances(Split.TRAIN)[0])


def _evaluated(problem: Problem, program: str, count: int) -> list[InstanceResult]:
    """Evaluate a program on the first instances of train, all of them feasible."""
    results = []
    with _sandbox(problem) as sandbox:
        for instance in problem.instances(Split.TRAIN)[:count]:
            result = evaluate_instance(problem.evaluator, sandbox, program, instance)
            assert result.status is Status.OK, f"{result.instance_id}: {result.status} ({result.feedback.strip()})"
            results.append(result)
    return results


if __name__ == "__main__":
    print(json.dumps(facts_of(load_problem(sys.argv[1], json.loads(sys.argv[2])))))
