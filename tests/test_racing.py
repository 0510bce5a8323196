"""Claims about racing: who is stopped, who never is, and that nobody takes a part for the whole."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loop_parts import HashModel, Killed, archive_digest, configured, kill_after, let_live
from rich.console import Console

from evolve import loop
from evolve.archive import Fate, Program, Role, Store
from evolve.audit.flags import failures_clustered
from evolve.config import RacingConfig, RunConfig
from evolve.evaluator import Split
from evolve.racing import INFORMED, Race, RaceOrder, make_race, race_order
from evolve.registry import Problem, load_problem
from evolve.report import RunFolder, describe, run_document
from evolve.report.screens import print_program, print_run
from evolve.scoring import InstanceResult, Status, Summary, put_together
from evolve.workers import Fresh, LocalWorkers

INSTANCES = 8
PLUGIN = f"""
from evolve.evaluator import Evaluator, Instance, Outcome

class Series(Evaluator):
    name, summary, defines = "series", "find 42, on many instances that differ in difficulty", ("answer",)

    def instances(self, split):
        return [Instance(f"{{split}}/{{i}}") for i in range({INSTANCES})]

    def evaluate(self, candidate, instance):
        i = int(instance.id.partition("/")[2])
        x = candidate.call("answer")
        return Outcome(100 * (1 - abs(x - 42) / 41) + (7 * i) % 5, {{"distance": abs(x - 42)}}, "not 42")
"""
ELITES = {"search__strategy": "islands", "search__islands": 1, "search__elites": 4}


@pytest.fixture
def series(tmp_path: Path) -> Problem:
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "evaluator.py").write_text(PLUGIN)
    (folder / "seed.py").write_text("X = 1.0\n\n\ndef answer() -> float:\n    return X\n")
    (folder / "problem.md").write_text("Find the number.")
    return load_problem(str(folder))


class RacingPool:
    """Scores the series problem by reading the line `X = ...`, and races as a worker does, after a random while."""

    notices: tuple[str, ...] = ()

    def __init__(self, speed_seed: int = 0) -> None:
        self.rng = random.Random(speed_seed)
        self.evaluated: list[str] = []

    async def __aenter__(self) -> RacingPool:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def evaluate(
        self,
        source: str,
        split: Split,
        indices: Sequence[int],
        *,
        stop_at_failure: bool = False,
        race: Race | None = None,
        fresh: Fresh | None = None,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[InstanceResult, None]:
        for _ in range(self.rng.randint(0, 6)):
            await asyncio.sleep(0)
        self.evaluated.append(source)
        found = re.search(r"^X = (.*)$", source, re.MULTILINE)
        distance = abs(float(found[1] if found else 1.0) - 42)
        scores: list[float] = []
        for i in indices:
            scores.append(max(-100.0, 100 * (1 - distance / 41) + (7 * i) % 5))
            yield InstanceResult(f"{split}/{i}", Status.OK, scores[-1], {"distance": distance})
            if race is not None and race.is_lost(scores):
                break

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        return Summary({"distance": results[0].metrics["distance"]})


def evolve(
    folder: Path, problem: Problem, config: RunConfig, speed: int = 0, resume: bool = False, *watch: RunFolder
) -> RacingPool:
    pool = RacingPool(speed)
    clients = {"m": HashModel(speed)}
    asyncio.run(loop.run(folder, config, problem, watch, resume=resume, pool=pool, clients=clients))
    return pool


def race(bar: Sequence[float | None], **config: float) -> Race:
    made = make_race(bar, RacingConfig.model_validate(config), is_timed=False)
    assert made is not None
    return made


def instances_run(against: Race, scores: Sequence[float | None]) -> int:
    """How many instances a program with these scores is run on."""
    return next((k for k in range(1, len(scores) + 1) if against.is_lost(scores[:k])), len(scores))


# -- the rule ----------------------------------------------------------------------------------------------------


def test_a_program_that_is_no_worse_on_any_instance_is_never_stopped() -> None:
    rng = random.Random(1)
    for _ in range(500):
        bar = [rng.uniform(-100, 150) for _ in range(rng.randint(4, 30))]
        scores = [score + rng.choice([0.0, 0.0, 1e-9, 200 * rng.random()]) for score in bar]
        assert instances_run(race(bar), scores) == len(bar)


def test_a_hopeless_program_is_stopped_after_the_fewest_instances() -> None:
    bar = [50.0, 20.0, 80.0, 55.0, 40.0, 61.0, 44.0, 70.0]
    assert instances_run(race(bar), [-100.0] * 8) == 3
    assert instances_run(race(bar, min_instances=5), [-100.0] * 8) == 5


def test_a_program_behind_by_little_or_only_now_and_then_is_run_to_the_end() -> None:
    bar = [50.0] * 12
    assert instances_run(race(bar), [49.0] * 12) == 12
    assert instances_run(race(bar), [50.0 - 10 * (i == 2) for i in range(12)]) == 12
    swinging = [50.0 + (60 if i % 2 else -62) for i in range(12)]
    assert instances_run(race(bar), swinging) == 12


def test_the_bound_is_the_one_of_a_sample_without_replacement() -> None:
    """By hand: differences -10, -20, -30 on 3 of 12; mean -20, s = sqrt(100 + 100), error s * sqrt(9 / 36) = 7.07."""
    bar, scores = [0.0] * 12, [-10.0, -20.0, -30.0]
    assert race(bar, standard_errors=20 / 7.07 - 0.01).is_lost(scores)
    assert not race(bar, standard_errors=20 / 7.07 + 0.01).is_lost(scores)


def test_a_problem_of_few_instances_is_never_raced() -> None:
    for count in (1, 2, 3):
        assert make_race([50.0] * count, RacingConfig(), is_timed=False) is None
    assert make_race([50.0] * 12, RacingConfig(enabled=False), is_timed=False) is None


def test_the_first_instances_of_a_race_are_spread_over_all() -> None:
    assert race_order(8) == [0, 4, 2, 6, 1, 5, 3, 7]
    for count in range(1, 70):
        assert sorted(race_order(count)) == list(range(count))
    assert {index // 8 for index in race_order(32)[:4]} == {0, 1, 2, 3}


def test_instances_that_tell_programs_apart_come_first_once_there_are_programs_to_learn_from() -> None:
    order = RaceOrder(8)
    assert list(order.current) == race_order(8)
    for number in range(INFORMED):
        order.tell([50.0, 50.0 + number, 50.0, 50.0 + 3 * number, 50.0, 50.0, 50.0, 50.0 - 2 * number])
        order.tell([None] * 8)  # a failure, a program that was stopped: neither says anything
        order.tell([0.0, 100.0])
        order.tell([0.0, 100.0] * 8)  # of an evaluator that has other instances since
    assert list(order.current) == [3, 7, 1, 0, 4, 2, 6, 5]


def simulated_races(order_of: str, spread: float, count: int = 16, races: int = 500) -> tuple[float, float]:
    """Race programs of known scores; return the share of better ones that are stopped, and of instances run on worse.

    spread: of how much programs differ on one instance and on another, standard deviation of its logarithm.
    """
    rng = np.random.default_rng(5)
    better = wrong = worse = 0
    used = 0.0
    for _ in range(races):
        scale = np.exp(rng.normal(0.0, spread, count))
        scale /= scale.mean()
        level = rng.normal(0.0, 20.0, count)

        def program(quality: float, scale: np.ndarray = scale, level: np.ndarray = level) -> np.ndarray:
            found: np.ndarray = level + (quality + rng.normal(0.0, 12.0, count)) * scale
            return found

        order = RaceOrder(count)
        for _ in range(2 * INFORMED):
            order.tell(program(rng.normal(0.0, 12.0)).tolist())
        places = list(order.current if order_of == "learnt" else race_order(count))
        bar, child = program(rng.normal(12.0, 12.0)), program(rng.normal(0.0, 12.0))
        stopped = instances_run(race(bar[places].tolist()), child[places].tolist())
        if child.mean() > bar.mean():
            better += 1
            wrong += stopped < count
        elif child.mean() < bar.mean() - 5:
            worse += 1
            used += stopped / count
    return wrong / better, used / worse


@pytest.mark.parametrize("spread", [0.0, 0.75, 1.5])
def test_a_better_program_is_stopped_in_three_of_a_hundred_races_at_most(spread: float) -> None:
    wrong, used = simulated_races("learnt", spread)
    assert wrong <= 0.03
    assert used < 0.6


def test_where_instances_differ_the_learnt_order_errs_less_than_a_blind_one_and_stops_sooner() -> None:
    learnt, blind = simulated_races("learnt", 1.5), simulated_races("blind", 1.5)
    assert learnt[0] < blind[0] and learnt[1] < blind[1]


def test_instances_without_a_score_do_not_count() -> None:
    bar = [None, 50.0, None, 50.0, 50.0, 50.0, 50.0]
    assert instances_run(race(bar), [None, -100.0, None, -100.0, -100.0, -100.0, -100.0]) == 5


def test_where_scores_are_measured_times_a_program_gets_a_margin() -> None:
    bar, scores = [50.0] * 100, [30.0] * 100
    exact = make_race(bar, RacingConfig(), is_timed=False)
    timed = make_race(bar, RacingConfig(), is_timed=True)
    assert exact is not None and timed is not None
    assert instances_run(exact, scores) == 3
    assert not timed.is_lost([48.5] * 95) and exact.is_lost([48.5] * 95)


# -- in the workers ----------------------------------------------------------------------------------------------


def test_a_worker_stops_a_lost_race_and_no_other(series: Problem) -> None:
    against = race([90.0] * INSTANCES)

    async def go() -> list[list[InstanceResult]]:
        async with LocalWorkers(series.ref, {}, 1) as pool:
            sources = ("def answer(): return 1.0", "def answer(): return 42.0")
            how: dict[str, Any] = {"stop_at_failure": True, "race": against}
            return [[r async for r in pool.evaluate(s, Split.TRAIN, range(INSTANCES), **how)] for s in sources]

    bad, good = asyncio.run(go())
    assert [r.instance_id for r in bad] == ["train/0", "train/1", "train/2"]
    assert len(good) == INSTANCES
    score = put_together(Split.TRAIN, bad, INSTANCES, Summary())
    assert (score.status, score.score, score.metrics, score.complete) == (Status.OUTRUN, None, {}, False)
    assert bad[0].metrics == {"distance": 41.0}


# -- in a run ----------------------------------------------------------------------------------------------------


def outrun(store: Store) -> list[Program]:
    return [program for program in store.programs(Role.CHILD) if program.status is Status.OUTRUN]


def test_outrun_children_would_not_have_been_elites_and_are_recorded_as_a_part(series: Problem, tmp_path: Path) -> None:
    evolve(tmp_path / "run", series, configured(60, **ELITES))
    with Store.open(tmp_path / "run") as store:
        stopped = outrun(store)
        assert len(stopped) > 10 and store.summary().evaluations == 60
        for program in stopped:
            selection = store.selection(program.id)
            assert selection is not None and selection.fate is Fate.SCORED and selection.bar_id is not None
            bar = store.program(selection.bar_id)
            results = store.evaluations(program.id, Split.TRAIN)
            assert bar is not None and bar.score is not None
            assert 3 <= len(results) < INSTANCES and all(r.status is Status.OK and r.metrics for r in results)
            assert (program.score, program.failure, program.metrics) == (None, "", {})
            found = re.search(r"^X = (.*)$", program.source, re.MULTILINE)
            assert found is not None and 100 * (1 - abs(float(found[1]) - 42) / 41) < bar.score


def test_an_outrun_program_is_no_parent_no_inspiration_no_bar_no_winner_and_no_step_of_the_curve(
    series: Problem, tmp_path: Path
) -> None:
    evolve(tmp_path / "run", series, configured(60, **ELITES))
    with Store.open(tmp_path / "run") as store:
        stopped = {program.id for program in outrun(store)}
        used = {id for s in store.selections() for id in (s.parent_id, *s.inspirations, s.bar_id)}
        assert stopped and not stopped & used
        best = store.best()
        assert best is not None and best.id not in stopped
        assert not stopped & {*(p.id for p in store.top(99)), *(one.trial.id for one in store.improvements())}
        assert not stopped & {figures.program_id for figures in store.split_figures()}
        assert {score for id, score in store.curve() if id in stopped} == {None}


def test_an_outrun_program_is_known_and_not_evaluated_again(series: Problem, tmp_path: Path) -> None:
    class FewNumbers(HashModel):
        def __init__(self) -> None:
            super().__init__(values=60)

    pool = RacingPool()
    config = configured(50, **ELITES)
    asyncio.run(loop.run(tmp_path / "run", config, series, pool=pool, clients={"m": FewNumbers()}))
    with Store.open(tmp_path / "run") as store:
        train = [p.source for p in store.programs() if p.status is not None]
        stopped = {program.id for program in outrun(store)}
        repeats = {int(s.note.split()[-1]) for s in store.selections() if s.fate is Fate.DUPLICATE}
    assert stopped & repeats
    assert len(set(train)) == len(train)


def test_racing_can_be_turned_off(series: Problem, tmp_path: Path) -> None:
    evolve(tmp_path / "run", series, configured(60, **ELITES, racing__enabled=False))
    with Store.open(tmp_path / "run") as store:
        assert outrun(store) == [] and {s.bar_id for s in store.selections()} == {None}


@pytest.mark.parametrize("deterministic", [False, True])
def test_killed_after_any_commit_a_run_with_racing_ends_as_if_undisturbed(
    series: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    config = configured(16, deterministic=deterministic, search__lag=2, **ELITES)
    evolve(tmp_path / "whole", series, config)
    with Store.open(tmp_path / "whole") as store:
        assert outrun(store) and store.summary().evaluations == 16

    for survived in range(20, 72, 9):
        folder = tmp_path / str(survived)
        kill_after(survived, monkeypatch)
        with pytest.raises(Killed):
            evolve(folder, series, config)
        let_live(monkeypatch)
        with Store.open(folder) as store:
            bars = {s.step: s.bar_id for s in store.selections()}
        evolve(folder, series, config, survived, True)
        with Store.open(folder) as store:
            assert {s.step: s.bar_id for s in store.selections() if s.step in bars} == bars
            assert store.summary().evaluations == 16
        if deterministic:
            assert archive_digest(folder) == archive_digest(tmp_path / "whole"), f"killed after commit {survived}"


@pytest.mark.slow
def test_deterministic_one_seed_gives_one_archive_whatever_the_hash_seed_and_the_workers(
    series: Problem, tmp_path: Path
) -> None:
    """From 21, halfway to 42, the built-in mutator's steps change the score by much."""
    (Path(series.ref) / "seed.py").write_text("X = 21.0\n\n\ndef answer() -> float:\n    return X\n")

    def run(folder: Path, workers: int, hash_seed: str) -> None:
        sets = ["search.strategy=islands", "search.islands=1", "search.elites=1", f"workers={workers}"]
        command = [
            sys.executable,
            "-m",
            "evolve",
            "run",
            series.ref,
            "--evaluations",
            "16",
            "--seed",
            "3",
            "--deterministic",
        ]
        command += ["--run", str(folder), *(word for text in sets for word in ("--set", text))]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": hash_seed})

    run(tmp_path / "one", 1, "1")
    run(tmp_path / "two", 2, "2")
    with Store.open(tmp_path / "one") as store:
        assert outrun(store)
    assert archive_digest(tmp_path / "one") == archive_digest(tmp_path / "two")


# -- what is told of it ------------------------------------------------------------------------------------------


def test_summary_and_show_name_it_and_tell_on_how_many_instances_it_ran(series: Problem, tmp_path: Path) -> None:
    evolve(tmp_path / "run", series, configured(60, **ELITES), 0, False, RunFolder())
    with Store.open(tmp_path / "run") as store, (tmp_path / "screen").open("w+", encoding="utf-8") as screen:
        report, one = describe(store), outrun(store)[0]
        selection = store.selection(one.id)
        count = len(store.evaluations(one.id, Split.TRAIN))
        console = Console(file=screen, width=100)
        print_run(console, report)
        print_program(console, store, one)
    assert selection is not None
    text = (tmp_path / "screen").read_text()
    assert re.search(rf"outrun +{report.outrun} of them, stopped early", text)
    assert f"outrun: stopped after {count} of {INSTANCES} instances, behind program {selection.bar_id}" in text
    assert f"too far behind the elites to be one: {report.outrun} |" in (tmp_path / "run" / "summary.md").read_text()
    assert "outrun" not in {setback.what for setback in report.setbacks}
    assert run_document(report)["outrun"] == report.outrun > 0
    events = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert sum(event.get("status") == "outrun" for event in events) == report.outrun


def test_the_search_and_the_audit_do_not_call_it_a_failure(series: Problem, tmp_path: Path) -> None:
    evolve(tmp_path / "run", series, configured(60, **ELITES))
    with Store.open(tmp_path / "run") as store:
        failed = sum(p.status is not None and p.status.is_failure for p in store.programs(Role.CHILD))
        last = store.selections()[-1]
        assert outrun(store) and failures_clustered(store) == []
    counted = re.search(r"failed (\d+) of \d+", last.reason)
    assert counted is not None and int(counted[1]) <= failed == 0
