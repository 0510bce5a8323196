"""What each strategy chooses, and that a run with it is resumed and replayed to the same archive."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import loop
from evolve.archive import Store, tape_of
from evolve.config import RunConfig
from evolve.loop.replaying import tape_clients
from evolve.scoring import Status
from evolve.search import Strategy, make_strategy
from evolve.search.strategies import OWN
from evolve.testing import StrategyClaims
from evolve.trial import Trial

PROBLEM = trivial_problem()


def trial(id: int, *scores: float, parent: int = 0) -> Trial:
    mean = sum(scores) / len(scores)
    return Trial(id, None if id == 0 else parent, "0", status=Status.OK, score=mean, scores=scores)


def told(name: str, *trials: Trial, **options: float) -> Strategy:
    strategy = make_strategy(name, options)
    for one in trials:
        strategy.tell(one)
    return strategy


def parents(strategy: Strategy, times: int = 400) -> Counter[int]:
    return Counter(strategy.ask(random.Random(f"ask/{n}")).parent for n in range(times))


SEED, LOW, HIGH = trial(0, 0.0, 0.0), trial(1, 10.0, 0.0), trial(2, 5.0, 40.0)
FAILED = Trial(3, 0, "0", status=Status.ERROR)


def test_sampling_asks_the_seed_always_and_shows_nobody() -> None:
    strategy = told("sampling", SEED, LOW, HIGH)
    assert parents(strategy).keys() == {0}
    assert strategy.ask(random.Random(0)).inspirations == ()


def test_climbing_asks_the_best_and_of_equal_ones_the_first() -> None:
    assert parents(told("climbing", SEED, LOW, HIGH, trial(4, 40.0, 5.0), FAILED)).keys() == {2}


def test_sequential_asks_the_last_that_ran_and_shows_the_best() -> None:
    strategy = told("sequential", SEED, HIGH, LOW, FAILED)
    choice = strategy.ask(random.Random(0))
    assert (choice.parent, choice.inspirations) == (1, (2,))


def test_pareto_asks_who_leads_on_an_instance_the_oftener_the_more_it_leads_on() -> None:
    wide, narrow, dominated = trial(1, 9.0, 9.0, 9.0, 0.0), trial(2, 0.0, 0.0, 0.0, 90.0), trial(3, 8.0, 8.0, 8.0, 8.0)
    strategy = told("pareto", trial(0, 0.0, 0.0, 0.0, 0.0), wide, narrow, dominated)
    drawn = parents(strategy)
    assert drawn.keys() == {1, 2}, "3 has the best mean of none, and leads nowhere"
    assert 0.65 < drawn[1] / 400 < 0.85
    choices = [strategy.ask(random.Random(n)) for n in range(20)]
    assert {(choice.parent, choice.inspirations) for choice in choices} == {(1, (2,)), (2, (1,))}


def test_pareto_leaves_out_who_leads_only_where_another_one_does_too() -> None:
    strategy = told("pareto", trial(0, 0.0, 0.0), trial(1, 5.0, 9.0), trial(2, 5.0, 0.0))
    assert parents(strategy).keys() == {1}


def test_map_elites_keeps_apart_who_is_good_at_different_instances() -> None:
    first = [trial(0, 0.0, 0.0), trial(1, 30.0, 0.0), trial(2, 0.0, 20.0), trial(3, 31.0, 1.0)]
    strategy = told("map_elites", *first, warm_up=4, cells=3)
    assert parents(strategy).keys() == {0, 2, 3}, "1 and 3 are alike, and 3 is better"
    strategy.tell(trial(4, 1.0, 25.0))
    assert parents(strategy).keys() == {0, 3, 4}
    strategy.tell(trial(5, 2.0, 1.0))
    assert parents(strategy).keys() == {3, 4, 5}


def test_map_elites_before_its_regions_are_laid_out_takes_every_program_for_a_cell() -> None:
    assert parents(told("map_elites", SEED, LOW, HIGH)).keys() == {0, 1, 2}


def config_of(name: str, evaluations: int, deterministic: bool) -> RunConfig:
    return configured(evaluations, seed=5, deterministic=deterministic, search__strategy=name, search__lag=3)


@pytest.mark.parametrize("name", OWN)
def test_a_run_that_is_stopped_and_resumed_ends_as_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    def run(folder: Path, evaluations: int, resume: bool = False) -> None:
        config = config_of(name, evaluations, deterministic=True)
        clients = {"m": HashModel()}
        asyncio.run(loop.run(folder, config, PROBLEM, resume=resume, pool=QuickPool(evaluations), clients=clients))

    run(tmp_path / "whole", 24)
    run(tmp_path / "parts", 9)
    run(tmp_path / "parts", 24, resume=True)
    assert archive_digest(tmp_path / "parts") == archive_digest(tmp_path / "whole")


@pytest.mark.parametrize("name", OWN)
def test_a_run_is_replayed_from_its_record_at_another_speed(name: str, tmp_path: Path) -> None:
    config = config_of(name, 24, deterministic=False)
    asyncio.run(loop.run(tmp_path / "run", config, PROBLEM, pool=QuickPool(1, 30), clients={"m": HashModel()}))
    with Store.open(tmp_path / "run") as store:
        tape = tape_of(store)
    clients = tape_clients(tape)
    asyncio.run(loop.run(tmp_path / "again", config, PROBLEM, pool=QuickPool(9, 3), clients=clients, tape=tape))
    assert archive_digest(tmp_path / "again") == archive_digest(tmp_path / "run")


class TestClaims(StrategyClaims):
    """Every strategy that comes with evolve, by the claims for authors of their own."""

    @pytest.fixture(params=OWN, autouse=True)
    def named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param

    def make(self) -> Strategy:
        return make_strategy(self.name, {})
