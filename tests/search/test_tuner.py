"""Numbers of elites are tuned without a model; what was tried follows from what was told."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import loop
from evolve.archive import Store, tape_of
from evolve.config import RunConfig
from evolve.loop.replaying import tape_clients
from evolve.mutate.tuning import numbers, tuned
from evolve.scoring import Status
from evolve.search import Lineage, Tuner
from evolve.trial import Selection, Trial

PROBLEM = trivial_problem()
SOURCE = '''"""Text."""
import numpy as np
WIDTH = 3
RATE: float = -0.5  # kept
def f(xs, n=4):
    DEPTH = 7
    a = np.zeros(12) + xs[5]
    return a * 2.5 + (1 if n > 30 else 0)
'''


def test_named_constants_come_first_and_indices_shapes_and_small_counts_stay_as_they_are() -> None:
    found = [(number.name, number.value) for number in numbers(SOURCE)]
    assert found == [("WIDTH", 3), ("RATE", -0.5), ("DEPTH", 7), ("", 2.5), ("", 30)]


def test_a_program_with_other_numbers_differs_in_nothing_else() -> None:
    child = tuned(SOURCE, [math.log(2), math.log(3), -9.0, 0.0, math.log(1.1), 5.0])
    expected = SOURCE.replace("WIDTH = 3", "WIDTH = 6").replace("-0.5", "-1.5").replace("DEPTH = 7", "DEPTH = 1")
    assert child.source == expected.replace("n > 30", "n > 33")
    assert child.idea == "WIDTH: 3 -> 6, RATE: -0.5 -> -1.5, DEPTH: 7 -> 1, line 8: 30 -> 33"


def test_only_what_an_evolve_block_holds_is_tuned() -> None:
    source = "A = 5.0\n# EVOLVE-BLOCK-START\nB = 6.0\n# EVOLVE-BLOCK-END\nC = 7.0\n"
    assert [number.name for number in numbers(source)] == ["B"]
    assert numbers("def f(:\n") == ()


def tune(evaluate: dict[str, float], trials: int, count: int = 2) -> tuple[Tuner, float]:
    """Tune towards the given point in log units; return the tuner and the best score."""
    lineage = Lineage()
    tuner = Tuner(lineage, 1.0, trials, 3, lambda id: count)
    goal = list(evaluate.values())
    best = -sum(g * g for g in goal)
    seed = Trial(0, None, status=Status.OK, score=best)
    lineage.tell(seed)
    tuner.tell(seed)
    for step in range(1, trials + 1):
        subject = tuner.subject(0)
        assert subject is not None and subject[0] == 0
        tuner.begun(Selection(step, 0, (), "", subject[1], "builtin", "tune"))
        score = -sum((v - g) ** 2 for v, g in zip(tuner.values(step), goal, strict=False))
        trial = Trial(step, 0, asked="tune", status=Status.OK, score=score)
        lineage.tell(trial)
        tuner.tell(trial)
        best = max(best, score)
    return tuner, best


def test_tuning_comes_near_the_best_numbers() -> None:
    _, best = tune({"a": 0.9, "b": -0.6}, 60)
    assert best > -0.01, "it began at -1.17"


def test_a_program_of_its_own_making_is_not_tuned_again() -> None:
    tuner, _ = tune({"a": 0.9, "b": -0.6}, 12)
    assert tuner.subject(0) is None


def test_one_number_alone_can_be_tuned() -> None:
    assert tune({"a": 0.8}, 24, count=1)[1] > -0.02


def test_trials_that_the_race_stops_say_by_how_much_they_were_worse() -> None:
    """Every trial is stopped after the first of two instances, and still the best numbers are found."""
    lineage, goal = Lineage(), (0.9, -0.6)
    tuner = Tuner(lineage, 1.0, 80, 3, lambda id: 2, lambda ids: dict.fromkeys(ids, (-1.17, -9.0)))
    for part in (lineage, tuner):
        part.tell(Trial(0, None, status=Status.OK, score=-5.085, scores=(-1.17, -9.0)))
    points = []
    for step in range(1, 81):
        subject = tuner.subject(0)
        assert subject is not None
        tuner.begun(Selection(step, 0, (), "", subject[1], "builtin", "tune"))
        points.append(tuner.values(step))
        far = sum((v - g) ** 2 for v, g in zip(points[-1], goal, strict=True))
        trial = Trial(step, 0, asked="tune", status=Status.OUTRUN, scores=(-far,))
        lineage.tell(trial)
        tuner.tell(trial)
    late = [sum(point[k] for point in points[-20:]) / 20 for k in range(2)]
    assert math.dist(late, goal) < 0.2, "at (0, 0) it began 1.08 away"


def config(evaluations: int, deterministic: bool = False) -> RunConfig:
    flags = {"mutation__tune": 0.5, "mutation__tune_evaluations": 8, "search__lag": 3}
    return configured(evaluations, seed=5, deterministic=deterministic, **flags)


def run(folder: Path, evaluations: int, resume: bool = False, deterministic: bool = True) -> None:
    clients, pool = {"m": HashModel()}, QuickPool(evaluations)
    made = config(evaluations, deterministic)
    asyncio.run(loop.run(folder, made, PROBLEM, resume=resume, pool=pool, clients=clients))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(folder, 40)
    return folder


class TestRuns:
    """A run that tunes is resumed and replayed like any other; trials are programs, and call no model."""

    def test_trials_are_evaluations_of_the_budget_and_call_nobody(self, whole: Path) -> None:
        with Store.open(whole) as store:
            trials = [program for program in store.programs() if program.kind == "tune"]
            assert 10 <= len(trials) <= 30 and store.summary().evaluations == 40
            assert all(store.model_call(program.id) is None for program in trials)
            assert all(program.idea.startswith("X: ") for program in trials)
            best = max(trials, key=lambda program: program.score or 0.0)
            bases = [store.program(id) for id in {program.parent_id for program in trials} if id is not None]
            assert best.score is not None and any(base and base.score and base.score < best.score for base in bases)

    @pytest.mark.parametrize("first", [9, 15, 21])
    def test_stopped_in_the_middle_it_ends_as_if_it_had_not_been(self, first: int, whole: Path, tmp_path: Path) -> None:
        run(tmp_path / "parts", first)
        run(tmp_path / "parts", 40, resume=True)
        assert archive_digest(tmp_path / "parts") == archive_digest(whole)

    def test_it_is_replayed_at_another_speed(self, tmp_path: Path) -> None:
        run(tmp_path / "run", 40, deterministic=False)
        with Store.open(tmp_path / "run") as store:
            tape = tape_of(store)
            assert "builtin" in tape.mutators
        clients, pool = tape_clients(tape), QuickPool(9, 30)
        asyncio.run(loop.run(tmp_path / "again", config(40), PROBLEM, pool=pool, clients=clients, tape=tape))
        assert archive_digest(tmp_path / "again") == archive_digest(tmp_path / "run")
