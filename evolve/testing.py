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
import tempfile
import unittest
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evolve.bench import Bench, InProcess, InWorkers
from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Split, fresh_id, mean
from evolve.foreign import foreign
from evolve.picture import Map, Picture
from evolve.registry import Problem
from evolve.scoring import InstanceResult, Status
from evolve.search.claims import StrategyClaims as StrategyClaims  # for authors of strategies
from evolve.words import counted
from evolve.workers import Fresh
from evolve.workers.evaluation import VERIFIER

ABOUT_ZERO = 5.0
"""How far from 0 the seed may score: it is the naive baseline, and its CPU time may be part of its score."""

JUNK = ("'text'", "-1", "1e400", "float('nan')", "2**80", "[]", "{}", "[[[]]]", "[None] * 3", "b''", "True")
"""Answers, as source, that a verifier must be able to read without failing itself."""

UNITS = frozenset("s ms us ns min h d b kb mb gb tb bytes usd eur ticks tokens rps per w kwh j pct percent".split())
REASON = 800
"""Characters of a reason, which may list the ids of all instances."""


class EvaluatorClaims:
    """Inherit from it and give the fixture `problem`: a `Problem`, as `load_problem` returns it."""

    bench: Bench = InProcess()
    """Where programs are evaluated; `evolve check` has worker processes for it."""

    def test_every_split_has_instances(self, problem: Problem) -> None:
        """Train guides the search, validation picks the winner, test is scored once."""
        for split in dict.fromkeys((Split.TRAIN, Split.VALIDATION, Split.TEST, *problem.evaluator.splits)):
            problem.instances(split)  # which says best itself what is wrong

    def test_no_two_instances_of_any_splits_have_the_same_id(self, problem: Problem) -> None:
        """Ids name an instance in the archive, whatever its split."""
        ids = [instance.id for split in problem.evaluator.splits for instance in problem.instances(split)]
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        assert not twice, f"{len(twice)} ids are there twice, e.g. {twice[0]!r}"

    def test_the_seed_is_feasible_and_scores_about_zero_on_train(self, problem: Problem) -> None:
        """A run starts from the naive baseline, which is what a score of 0 means."""
        results = self.bench.evaluate(problem, [problem.seed], count=len(problem.instances(Split.TRAIN)))
        _require_ok(results)
        scores = [result.score for result in results if result.score is not None]
        assert scores, "no instance of train has a score"
        average = mean(scores)
        assert abs(average) <= ABOUT_ZERO, f"it scores {average:.2f}; expected 0, within {ABOUT_ZERO:g}"

    def test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures(self, problem: Problem) -> None:
        """Workers and a resumed run are other processes; hash seeds differ. Measured time may differ, if declared."""
        here = {
            split: tuple(instance.id for instance in problem.instances(split)) for split in problem.evaluator.splits
        }
        with InWorkers({"PYTHONHASHSEED": "271"}) as other:
            for split, ids in here.items():
                there = other.ids(problem, split)
                assert ids == there, f"{split}: {ids} here, {there} in another process"
            for split in (Split.TRAIN, Split.TEST):
                ours, theirs = (_facts(problem, bench, split) for bench in (self.bench, other))
                for name in ours:
                    assert ours[name] == theirs[name], (
                        f"{split} {name}: {ours[name]} here, {theirs[name]} in another process"
                    )

    def test_metrics_are_finite_and_there_is_feedback(self, problem: Problem) -> None:
        """Both reach prompts and tables."""
        (result,) = self.bench.evaluate(problem, [problem.seed])
        _require_ok([result])
        assert result.feedback, f"{result.instance_id}: no feedback"
        summary = self.bench.summarise(problem, Split.TRAIN, [result])
        assert not summary.fault, summary.fault

    def test_an_answer_of_none_is_infeasible_and_the_message_says_so(self, problem: Problem) -> None:
        """`Infeasible` with a sentence, which reaches the next prompt."""
        (result,) = self.bench.evaluate(problem, [answering(problem, "None")])
        assert result.status is Status.INFEASIBLE, f"status {result.status} ({_last_line(result)})"
        assert len(result.feedback.split()) >= 3, f"the message is {result.feedback!r}"

    def test_no_answer_makes_the_verifier_itself_fail(self, problem: Problem) -> None:
        """Junk is infeasible, or even an answer: never a bug of the problem."""
        results = self.bench.evaluate(problem, [answering(problem, junk) for junk in JUNK])
        for junk, result in zip(JUNK, results, strict=True):
            assert result.failure != VERIFIER, f"answer {junk}: {result.feedback}"

    def test_a_program_that_raises_gets_no_score(self, problem: Problem) -> None:
        """`CandidateFailure` must pass through `evaluate`: whoever raises on hard instances gains nothing."""
        (result,) = self.bench.evaluate(problem, [answering(problem, "1 / 0")])
        assert (result.status, result.score) == (Status.ERROR, None), f"status {result.status}, score {result.score}"
        assert "ZeroDivisionError" in result.feedback, f"the feedback lacks the exception: {result.feedback[:200]!r}"

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
        _require_ok(self.bench.evaluate(problem, [problem.seed], fresh=Fresh(1, 1)))

    def test_the_seed_can_be_drawn_and_junk_is_no_picture_and_no_fault(self, problem: Problem) -> None:
        """`evolve picture`: finite figures, a title and axes with labels; what `evaluate` refuses has no picture."""
        if type(problem.evaluator).picture is Evaluator.picture:
            raise unittest.SkipTest("the problem draws no pictures")
        found = self.bench.draw(problem, problem.seed)
        assert isinstance(found, Picture), found
        assert found.title, "the picture has no title"
        for panel in found.panels:
            assert isinstance(panel, Map) or panel.x_label, f"the panel {panel.title!r} has no x_label"
        junk = self.bench.draw(problem, answering(problem, "None"))
        assert isinstance(junk, str), "the answer None has a picture"
        assert "a bug of the problem" not in junk, junk

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
            _require_ok(self.bench.evaluate(problem, [problem.seed], data=Path(name)))


def scored(problem: Problem, source: str, split: Split = Split.TRAIN) -> InstanceResult:
    """Return what a program gets on the first instance of a split: status, score, metrics, feedback."""
    (result,) = InProcess().evaluate(problem, [source], split)
    return result


class Verdict(StrEnum):
    """What came of a claim. SKIPPED: the problem gives no occasion for it. NOTE: no claim, but worth knowing."""

    HOLDS = "holds"
    FAILS = "fails"
    SKIPPED = "skipped"
    NOTE = "note"


@dataclass(frozen=True)
class Checked:
    """One claim about a problem. reason: why it fails or is skipped."""

    claim: str
    verdict: Verdict
    reason: str = ""


NEEDED = ("every split has instances", "the seed is feasible and scores about zero on train")
"""Claims without which the others say nothing."""


def check(problem: Problem, announce: Callable[[str], None] = lambda text: None) -> Iterator[Checked]:
    """Test every claim, one after the other, without pytest. announce: called with each one before it is tested.

    Programs run in worker processes, so that a verifier that never ends, or ends its process, is a claim that fails.
    """
    claims = EvaluatorClaims()
    names = [name for name in vars(EvaluatorClaims) if name.startswith("test_")]
    with InWorkers() as bench:
        claims.bench = bench
        for number, name in enumerate(names, 1):
            claim = name.removeprefix("test_").replace("_", " ")
            announce(f"{number} of {len(names)}: {claim}")
            checked = _checked(claim, getattr(claims, name), problem)
            yield checked
            if checked.verdict is Verdict.FAILS and claim == NEEDED[0]:
                yield Checked("the other claims", Verdict.SKIPPED, "they need instances")
                return
            if claim == NEEDED[1]:
                (result,) = bench.evaluate(problem, [problem.seed])
                if result.failure == VERIFIER:
                    yield Checked("the other claims", Verdict.SKIPPED, "they need a verifier that works")
                    return
                yield _time_taken(problem, result, bench.limit_s(problem))
                yield from _without_unit(result)


def _checked(claim: str, test: Callable[[Problem], None], problem: Problem) -> Checked:
    try:
        with foreign(problem.evaluator.name):
            test(problem)
    except unittest.SkipTest as skipped:
        return Checked(claim, Verdict.SKIPPED, str(skipped))
    except (Exception, SystemExit) as error:  # foreign code: whatever it raises is a claim that fails
        kind = "" if isinstance(error, AssertionError | UsageError) else f"{type(error).__name__}: "
        return Checked(claim, Verdict.FAILS, kind + " ".join(str(error).split())[:REASON])
    return Checked(claim, Verdict.HOLDS)


def _time_taken(problem: Problem, result: InstanceResult, limit_s: float) -> Checked:
    count = len(problem.instances(Split.TRAIN))
    text = (
        f"{result.wall_s:.3g} s for the seed on {result.instance_id} (CPU of the program {result.cpu_s:.3g} s), "
        f"{counted(count, 'instance')} of train; one that takes longer than {limit_s:.0f} s is ended (evaluation_s)"
    )
    return Checked("time per evaluation", Verdict.NOTE, text)


def _without_unit(result: InstanceResult) -> Iterator[Checked]:
    bare = [name for name in result.metrics if not UNITS & set(name.split("_"))]
    if bare:
        yield Checked(
            "metrics have their unit in the name",
            Verdict.NOTE,
            f"{', '.join(bare)}: without one; right for counts, shares and ratios, else e.g. cost_usd, wait_s",
        )


def _facts(problem: Problem, bench: Bench, split: Split) -> dict[str, Any]:
    """Return what must be the same in every process of the seed on the first instance of a split."""
    timed = set(problem.evaluator.timed_metrics)
    (result,) = bench.evaluate(problem, [problem.seed], split)
    metrics = {name: x for name, x in result.metrics.items() if name not in timed}
    return {"status": result.status, "metrics": metrics, "score": None if "score" in timed else result.score}


def answering(problem: Problem, answer: str) -> str:
    """Return a program that answers every call with the same expression. What the seed has as a class becomes one."""
    if not (problem.evaluator.in_sandbox and problem.language.runs_in_sandbox):
        raise unittest.SkipTest(f"the programs are {problem.evaluator.language}: there are no calls to answer")
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


def _require_ok(results: Sequence[InstanceResult]) -> None:
    """Raise AssertionError unless there is a result, and each is ok."""
    assert results, "there is no result"
    for result in results:
        assert result.status is Status.OK, f"the seed on {result.instance_id}: {result.status} ({_last_line(result)})"
