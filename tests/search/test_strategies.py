"""What each strategy chooses, and that a run with it is resumed and replayed to the same archive."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import loop
from evolve.archive import Store, tape_of
from evolve.cli.configuring import config as config_command
from evolve.config import RunConfig
from evolve.errors import UsageError
from evolve.loop.replaying import tape_clients
from evolve.mutate.mutation import Kind
from evolve.scoring import Status
from evolve.search import Strategy, make_strategy
from evolve.search.strategies import OWN
from evolve.testing import StrategyClaims
from evolve.trial import Selection, Trial

PROBLEM = trivial_problem()


def trial(id: int, *scores: float, parent: int = 0) -> Trial:
    mean = sum(scores) / len(scores)
    return Trial(id, None if id == 0 else parent, "0", status=Status.OK, score=mean, scores=scores)


def told(name: str, *trials: Trial, **options: float | str) -> Strategy:
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


def test_pareto_shares_an_instance_among_all_who_are_equally_good_on_it() -> None:
    twins = [trial(id, 9.0, 5.0, 0.0, *(float(id == n) for n in range(1, 5))) for id in range(1, 5)]
    drawn = parents(told("pareto", trial(0, *(0.0,) * 7), *twins, trial(5, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0)), 2_000)
    assert drawn.keys() == {1, 2, 3, 4, 5}
    assert 0.10 < drawn[5] / 2_000 < 0.19, "one of seven instances, the four share two"


def test_pareto_keeps_of_equally_good_ones_the_best_elsewhere_and_the_latest() -> None:
    full = [trial(id, 9.0, 0.0) for id in range(1, 5)]
    strategy = told("pareto", SEED, *full, trial(5, 9.0, 3.0), leaders=2)
    assert parents(strategy).keys() == {5}, "it is as good on the first and better on the other"
    strategy = told("pareto", SEED, trial(1, 9.0, 1.0), trial(2, 1.0, 9.0), trial(3, 9.0, 1.0), leaders=1)
    assert parents(strategy).keys() == {2, 3}


def test_pareto_has_no_parent_that_is_far_behind_and_leads_by_a_trifle_but_shows_it() -> None:
    strong = trial(1, *(50.0 + n for n in range(10)))
    lucky = trial(2, *(30.0 + 2 * n for n in range(9)), 59.5)
    strategy = told("pareto", trial(0, *(0.0,) * 10), strong, lucky)
    assert parents(strategy).keys() == {1}
    assert strategy.ask(random.Random(0)).inspirations == (2,) and strategy.ask(random.Random(0)).instances == (9,)
    opposed = trial(3, *(100.0 if n < 4 else 0.0 for n in range(10)))
    assert parents(told("pareto", trial(0, *(0.0,) * 10), strong, opposed)).keys() == {1, 3}, "good at some of them"


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


def test_islands_draw_parents_by_a_power_of_the_rank() -> None:
    options = {"parents": "power", "power": 2.0, "explore": 0.0, "found_after": 0, "islands": 1}
    drawn = parents(told("islands", *(trial(id, 10.0 - id) for id in range(4)), **options), 2_000)
    weights = [1 / rank**2 for rank in (1, 2, 3, 4)]
    for id, weight in enumerate(weights):
        assert abs(drawn[id] / 2_000 - weight / sum(weights)) < 0.05


def test_islands_draw_elites_that_had_few_children_oftener() -> None:
    options = {"parents": "offspring", "explore": 0.0, "found_after": 0, "islands": 1}
    strategy = told("islands", trial(0, 1.0), trial(1, 9.0), trial(2, 9.0), trial(3, 2.0), **options)
    before = parents(strategy)
    for step in range(10, 19):
        strategy.begun(Selection(step, 1, (), "0", "", "m"))
    after = parents(strategy)
    assert before[1] > 120 and after[1] < 80 and after[2] > 250


def test_pareto_merges_a_pair_that_complement_each_other_once() -> None:
    strategy = told("pareto", trial(0, 0.0, 0.0, 0.0), trial(1, 9.0, 9.0, 0.0), trial(2, 0.0, 0.0, 9.0), merge=1.0)
    choice = strategy.ask(random.Random(0))
    assert choice.kind is Kind.CROSSOVER and {choice.parent, choice.inspirations[0]} == {1, 2}
    assert choice.instances == ((2,) if choice.parent == 1 else (0, 1)), "where the other one leads"
    strategy.begun(Selection(3, choice.parent, choice.inspirations, choice.place, "", "m", Kind.CROSSOVER))
    assert all(strategy.ask(random.Random(n)).kind is None for n in range(20))


def test_map_elites_tells_programs_apart_by_the_features_that_are_named() -> None:
    def sized(id: int, score: float, chars: int) -> Trial:
        return trial(id, score)._replace(chars=chars)

    first = [sized(0, 0.0, 100), sized(1, 9.0, 110), sized(2, 5.0, 4_000), sized(3, 6.0, 900_000)]
    strategy = told("map_elites", *first, warm_up=4, cells=2, features="chars")
    assert parents(strategy).keys() == {1, 3}, "the best of the short and of the long ones: quantiles, not sizes"
    with pytest.raises(UsageError, match=r"search\.features 'charz' is unknown\. Did you mean 'chars'"):
        told("map_elites", SEED, features="charz")


def test_map_elites_moves_its_regions_as_programs_grow() -> None:
    grown = [trial(id, float(id))._replace(chars=100 * 2**id) for id in range(16)]
    strategy = told("map_elites", *grown, warm_up=4, cells=4, features="chars")
    kept = sorted(parents(strategy))
    assert len(kept) == 4 and kept[-1] == 15 and kept[0] < 8, "of the regions of the first four, three hold nobody new"


class TestAdaptive:
    """The strategy 'adaptive'."""

    def grown(self, gain: float) -> Strategy:
        strategy = told("adaptive", trial(0, 0.0), islands=2, migrate_every=1_000)
        for step in range(1, 41):
            island = step % 2
            strategy.begun(Selection(step, 0, (), str(island), "", "m"))
            score = gain * step if island else -5.0
            strategy.tell(trial(step, score)._replace(place=str(island)))
        return strategy

    @pytest.mark.parametrize("unit", [1.0, 1_000.0])
    def test_steps_go_to_the_island_that_improves_whatever_the_unit_of_scores(self, unit: float) -> None:
        places = Counter(self.grown(unit).ask(random.Random(n)).place for n in range(40))
        assert places == {"1": 40}

    def test_an_island_that_improves_explores_less_than_one_that_does_not(self) -> None:
        improving = self.grown(1.0)
        stalled = told("adaptive", trial(0, 9.0), *(trial(id, 1.0 + id / 10) for id in range(1, 9)), islands=1)

        def share(strategy: Strategy) -> float:
            reasons = [strategy.ask(random.Random(n)).reason for n in range(200)]
            return sum("explored" in reason for reason in reasons) / 200

        assert share(improving) < 0.45 < 0.6 < share(stalled)

    def test_tactics_follow_one_another_while_nothing_helps_and_end_with_an_improvement(self) -> None:
        strategy = told("adaptive", trial(0, 9.0), trial(1, 8.0), stalled_after=2)
        kinds = []
        for id in range(2, 12):
            kinds.append(strategy.ask(random.Random(id)).kind)
            strategy.tell(trial(id, 1.0))
        assert kinds[0] is None and [*dict.fromkeys(kinds[1:])] == [
            *(Kind.REWRITE, Kind.CROSSOVER, Kind.EXPLORE, Kind.SIMPLIFY)
        ]
        strategy.tell(trial(20, 50.0))
        assert strategy.ask(random.Random(0)).kind is None


class TestPortfolio:
    """The strategy 'portfolio'."""

    def led(self, gains: dict[str, float], steps: int = 400) -> Counter[str]:
        """Lead a run in which a member's children are so much better than the best."""
        strategy = told("portfolio", trial(0, 0.0), plateau=5, members=",".join(gains))
        best, asked = 0.0, Counter[str]()
        for step in range(1, steps + 1):
            choice = strategy.ask(random.Random(step))
            member = choice.place.partition(":")[0]
            asked[member] += 1
            best += gains[member]
            fate = trial(step, best if gains[member] else -1.0)
            strategy.tell(fate._replace(place=choice.place))
        return asked

    def test_every_member_has_a_turn_and_who_brings_gain_keeps_it(self) -> None:
        asked = self.led({"climbing": 0.0, "sampling": 1.0, "islands": 0.0})
        assert asked["climbing"] == 5 and asked["islands"] == 0 and asked["sampling"] == 395

    def test_where_nobody_brings_gain_everybody_has_the_same_share(self) -> None:
        asked = self.led({"climbing": 0.0, "sampling": 0.0, "islands": 0.0})
        assert min(asked.values()) > 100

    def test_who_takes_over_knows_what_the_others_found(self) -> None:
        strategy = told("portfolio", trial(0, 0.0), members="sampling,climbing", plateau=2)
        for id, score in ((1, 50.0), (2, 10.0), (3, 10.0)):
            strategy.tell(trial(id, score)._replace(place="sampling:"))
        choice = strategy.ask(random.Random(0))
        assert (choice.place, choice.parent) == ("climbing:", 1)

    def test_an_unknown_member_is_named(self) -> None:
        with pytest.raises(ValueError, match="'ilands': expected names of adaptive, climbing"):
            make_strategy("portfolio", {"members": "ilands,climbing"})


@pytest.mark.parametrize(("name", "islands"), [("islands", 4), ("adaptive", 3)])
def test_a_user_is_told_the_options_of_a_search_with_its_own_defaults(name: str, islands: int) -> None:
    told = json.loads(CliRunner().invoke(config_command, [name, "--json"]).output)["keys"]
    defaults = {fact["key"]: fact["default"] for fact in told}
    assert defaults["search.islands"] == islands and "search.cells" not in defaults
    assert "adaptive, climbing, islands" in next(
        fact["description"] for fact in told if fact["key"] == "search.strategy"
    )


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
