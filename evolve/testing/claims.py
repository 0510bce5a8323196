"""The claims about a problem, as a test class."""

from __future__ import annotations

import re
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evolve.bench import Bench, InProcess, InWorkers
from evolve.evaluator import Evaluator, Split, fresh_id, mean
from evolve.picture import Map, Picture
from evolve.registry import Problem
from evolve.scoring import InstanceResult, Status
from evolve.testing.headroom import is_moved_by_changes
from evolve.testing.programs import ATTACKS, JUNK, WRONG, answering, answering_wrongly, attacking
from evolve.testing.statement import FORM, wrong_examples, wrong_names
from evolve.testing.touching import touched_by
from evolve.workers import Fresh
from evolve.workers.evaluation import VERIFIER

ABOUT_ZERO = 5.0
"""How far from 0 the seed may score: it is the naive baseline, and its CPU time may be part of its score."""

NAMED = re.compile(r"""[0-9'"\[{]|\b(nan|None|NoneType|float|int|str|list|tuple|dict)\b""")
"""What a message has that names an item, an amount, or the type of what is there."""
GAIN = 5.0
"""How much more than the seed an attack may score where CPU time is part of the score."""


class EvaluatorClaims:
    """Inherit from it and give the fixture `problem`: a `Problem`, as `load_problem` returns it."""

    bench: Bench = InProcess()
    """Where programs are evaluated; `evolve check` has worker processes for it."""

    def test_every_split_has_instances(self, problem: Problem) -> None:
        """Train guides the search, validation picks the winner, test is scored once.

        To mend it: return a list of at least one Instance for each split.
        """
        for split in dict.fromkeys((Split.TRAIN, Split.VALIDATION, Split.TEST, *problem.evaluator.splits)):
            problem.instances(split)  # which says best itself what is wrong

    def test_no_two_instances_of_any_splits_have_the_same_id(self, problem: Problem) -> None:
        """Ids name an instance in the archive, whatever its split.

        To mend it: begin every id with its split: Instance(f"{split}/{number}").
        """
        ids = [instance.id for split in problem.evaluator.splits for instance in problem.instances(split)]
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        assert not twice, f"{len(twice)} ids are there twice, e.g. {twice[0]!r}"

    def test_the_seed_is_feasible_and_scores_about_zero_on_train(self, problem: Problem) -> None:
        """A run starts from the naive baseline, which is what a score of 0 means.

        To mend it: let relative_score's naive figure be that of the seed's own answer.
        """
        results = self.bench.evaluate(problem, [problem.seed], count=len(problem.instances(Split.TRAIN)))
        _require_ok(results)
        scores = [result.score for result in results if result.score is not None]
        assert scores, "no instance of train has a score"
        average = mean(scores)
        assert abs(average) <= ABOUT_ZERO, f"it scores {average:.2f}; expected 0, within {ABOUT_ZERO:g}"

    def test_another_process_has_the_same_instances_and_gives_the_seed_the_same_figures(self, problem: Problem) -> None:
        """Workers and a resumed run are other processes; hash seeds differ. Measured time may differ, if declared.

        To mend it: draw from random.Random(instance.id), sort sets, and name measured figures in timed_metrics.
        """
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
        """Both reach prompts and tables.

        To mend it: return finite figures, and a feedback that names what the program should do better where.
        """
        (result,) = self.bench.evaluate(problem, [problem.seed])
        _require_ok([result])
        assert result.feedback, f"{result.instance_id}: no feedback"
        summary = self.bench.summarise(problem, Split.TRAIN, [result])
        assert not summary.fault, summary.fault

    def test_an_answer_of_none_is_infeasible_and_the_message_says_so(self, problem: Problem) -> None:
        """`Infeasible` with a sentence, which reaches the next prompt.

        To mend it: check the answer's type first: index_array does, for whole numbers.
        """
        (result,) = self.bench.evaluate(problem, [answering(problem, "None")])
        assert result.status is Status.INFEASIBLE, f"status {result.status} ({_last_line(result)})"
        assert len(result.feedback.split()) >= 3, f"the message is {result.feedback!r}"

    def test_no_answer_makes_the_verifier_itself_fail(self, problem: Problem) -> None:
        """Junk is infeasible, or even an answer: never a bug of the problem.

        To mend it: read no part of an answer before its type is checked; raise Infeasible.
        """
        results = self.bench.evaluate(problem, [answering(problem, junk) for junk in JUNK])
        for junk, result in zip(JUNK, results, strict=True):
            assert result.failure != VERIFIER, f"answer {junk}: {result.feedback}"

    def test_wrong_answers_are_infeasible_with_a_message_that_names_item_and_amount(self, problem: Problem) -> None:
        """The seed's own answers, spoiled: the message is what a model mends its program by.

        To mend it: check type, shape and range of every answer, as `index_array` does, and raise `Infeasible` with the
        item and the figure: f"machine {m} holds {held} GB, capacity {capacity} GB".
        """
        programs = [problem.seed, *(answering_wrongly(problem, wrong) for wrong in WRONG.values())]
        seed, *results = self.bench.evaluate(problem, programs)
        for what, result in zip(WRONG, results, strict=True):
            assert result.failure != VERIFIER, f"{what}: {result.feedback}"
            if result.status is Status.OK and ("part" not in what or _gains(problem, result, seed)):
                raise AssertionError(f"an answer with {what} is taken and scores {result.score}")
            if result.status is Status.INFEASIBLE:
                assert NAMED.search(result.feedback), (
                    f"{what}: the message names no item and no amount: {result.feedback!r}"
                )

    def test_ten_attacks_on_the_verifier_gain_nothing(self, problem: Problem) -> None:
        """A program may do what it likes, and gets no more than the seed, as which it answers.

        To mend it: compute the score from the answers alone, and let programs run in the sandbox.
        """
        programs = [problem.seed, *(attacking(problem, attack) for attack in ATTACKS.values())]
        seed, *results = self.bench.evaluate(problem, programs)
        reaching = ("reads", "looks", "opens", "starts", "leaves")
        for what, result in zip(ATTACKS, results, strict=True):
            assert result.failure != VERIFIER, f"a program that {what}: {result.feedback}"
            assert result.status is not Status.OK or not what.startswith(reaching), f"a program that {what} is let"
            assert not _gains(problem, result, seed), f"a program that {what} scores {result.score}, not {seed.score}"

    def test_the_example_of_the_statement_runs_and_gives_its_answer(self, problem: Problem) -> None:
        """A model believes the example before the words.

        To mend it: run it and write its answer down.
        """
        wrong = wrong_examples(problem)
        if wrong is None:
            raise unittest.SkipTest(f"the statement has no example that can be run here: {FORM}")
        assert not wrong, "; ".join(wrong)

    def test_names_in_the_statement_exist(self, problem: Problem) -> None:
        """Parameters as the seed has them, attributes as the problem's records have them.

        To mend it: write them in problem.md as they are in the code.
        """
        wrong = wrong_names(problem)
        assert not wrong, "; ".join(wrong)

    def test_a_small_change_of_the_seed_can_change_the_score(self, problem: Problem) -> None:
        """Otherwise no search finds a first step.

        To mend it: let the seed decide by a number or an order that a small change moves, e.g. min(..., key=rank).
        """
        if not problem.language.runs_in_sandbox:
            raise unittest.SkipTest("the built-in mutator changes Python only")
        assert is_moved_by_changes(problem, self.bench), "no small change of the seed moves the score on train"

    def test_the_verifier_touches_no_files_elsewhere_and_no_network(self, problem: Problem) -> None:
        """What it needs lies in its folder, so that a run is the same on every machine.

        To mend it: put data files beside evaluator.py and open them by `Path(__file__).parent`.
        """
        evaluator, bench = problem.evaluator, InProcess()

        def work() -> None:
            for split in (Split.TRAIN, Split.TEST):
                evaluator.instances(split)
            bench.evaluate(problem, [problem.seed])

        found = touched_by(problem.folder, work)
        assert not found, f"it {'; '.join(found)}"

    def test_a_program_that_raises_gets_no_score(self, problem: Problem) -> None:
        """`CandidateFailure` must pass through `evaluate`: whoever raises on hard instances gains nothing.

        To mend it: catch no exception around candidate.call.
        """
        (result,) = self.bench.evaluate(problem, [answering(problem, "1 / 0")])
        assert (result.status, result.score) == (Status.ERROR, None), f"status {result.status}, score {result.score}"
        assert "ZeroDivisionError" in result.feedback, f"the feedback lacks the exception: {result.feedback[:200]!r}"

    def test_options_are_frozen_and_refuse_unknown_keys(self, problem: Problem) -> None:
        """They are recorded in the run; a typo must not pass for a setting.

        To mend it: give Options model_config = ConfigDict(frozen=True, extra="forbid").
        """
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
        """The statement is all that a model reads.

        To mend it: name each function or class of `defines` in problem.md.
        """
        for name in problem.evaluator.defines:
            assert name in problem.statement, f"problem.md does not name {name}"

    def test_fresh_instances_are_new_and_hang_on_their_seed_alone(self, problem: Problem) -> None:
        """`--fresh N`: named by `fresh_id`, none of the own ones, the first ones whatever the count, scored.

        To mend it: draw each one from fresh_id(split, seed, index) alone.
        """
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
        """`evolve picture`: finite figures, a title and axes with labels; what `evaluate` refuses has no picture.

        To mend it: let picture check the answer as evaluate does, and give every panel its labels.
        """
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
        """`evolve data`, then `--data`.

        To mend it: let load read what write writes, and write return its files.
        """
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


def _facts(problem: Problem, bench: Bench, split: Split) -> dict[str, Any]:
    """Return what must be the same in every process of the seed on the first instance of a split."""
    timed = set(problem.evaluator.timed_metrics)
    (result,) = bench.evaluate(problem, [problem.seed], split)
    metrics = {name: x for name, x in result.metrics.items() if name not in timed}
    return {"status": result.status, "metrics": metrics, "score": None if "score" in timed else result.score}


def _gains(problem: Problem, result: InstanceResult, seed: InstanceResult) -> bool:
    """Whether a program scores more than the seed, beyond what its CPU time may be worth."""
    spare = GAIN if "score" in problem.evaluator.timed_metrics else 0.0
    return result.score is not None and seed.score is not None and result.score > seed.score + spare


def _last_line(result: InstanceResult) -> str:
    """Return the end of a feedback, which may be a traceback."""
    return (result.feedback.strip().splitlines() or [""])[-1]


def _require_ok(results: Sequence[InstanceResult]) -> None:
    """Raise AssertionError unless there is a result, and each is ok."""
    assert results, "there is no result"
    for result in results:
        assert result.status is Status.OK, f"the seed on {result.instance_id}: {result.status} ({_last_line(result)})"
