from __future__ import annotations

import random
from collections import Counter
from importlib.metadata import EntryPoint

import pytest
from pydantic import Field

from evolve.config import resolve
from evolve.errors import UsageError
from evolve.scoring import Status
from evolve.search import Choice, Strategy, StrategyOptions, make_strategy
from evolve.testing import StrategyClaims
from evolve.trial import Fate, Trial


class TestIslandsKeepToWhatEveryStrategyKeepsTo(StrategyClaims):
    def make(self) -> Strategy:
        return make_strategy("islands", {"islands": 3, "elites": 4, "migrate_every": 10})


def trial(id: int, island: int, score: float | None, status: Status = Status.ERROR) -> Trial:
    if id == 0:
        return Trial(0, None, status=Status.OK, score=score)
    return Trial(id, 0, str(island), status=status if score is None else Status.OK, score=score)


def told(results: list[Trial], **config: float) -> Strategy:
    """Return islands that are all there from the start, unless `found_after` says otherwise."""
    strategy = make_strategy("islands", {"found_after": 0, **config})
    for result in results:
        strategy.tell(result)
    return strategy


def history(count: int, islands: int, seed: int = 0) -> list[Trial]:
    rng = random.Random(seed)
    children = [
        trial(id, rng.randrange(islands), None if rng.random() < 0.2 else rng.uniform(0, 90))
        for id in range(1, count + 1)
    ]
    return [trial(0, -1, 0.0), *children]


def asked(strategy: Strategy, times: int) -> list[Choice]:
    return [strategy.ask(random.Random(f"0/ask/{step}")) for step in range(times)]


def test_the_state_follows_from_what_was_told_and_asking_changes_nothing() -> None:
    results = history(200, 4)
    first, second = told(results[:100]), told(results[:100])
    asked(first, 50)
    for result in results[100:]:
        first.tell(result)
        second.tell(result)
    assert asked(first, 50) == asked(second, 50)


def test_from_the_first_choice_on_the_seed_is_the_parent_of_every_island() -> None:
    choices = asked(told(history(0, 4)), 100)
    assert {choice.parent for choice in choices} == {0}
    assert {choice.place for choice in choices} == {"0", "1", "2", "3"}
    assert {choice.inspirations for choice in choices} == {()}


def test_few_results_make_one_island_and_more_found_others_with_half_of_its_elites() -> None:
    results = history(100, 1)
    places = {
        count: {choice.place for choice in asked(told(results[:count], found_after=24), 100)}
        for count in (1, 23, 24, 48, 72, 101)
    }
    assert {count: len(found) for count, found in places.items()} == {1: 1, 23: 1, 24: 2, 48: 3, 72: 4, 101: 4}
    choices = asked(told(results[:24], found_after=24), 400)
    first, second = ({c.parent for c in choices if c.place == place} for place in "01")
    assert second < first and len(second) == len(first) // 2


def test_while_results_are_few_the_best_is_changed_more_often() -> None:
    results = [trial(0, -1, 0.0), *(trial(id, 0, float(id)) for id in range(1, 9))]
    often = [
        Counter(choice.parent for choice in asked(told(results, islands=1, found_after=after, explore=0), 2000))[8]
        for after in (0, 24)
    ]
    assert often[0] < 0.75 * often[1] and often[1] > 600


def test_the_seed_is_given_up_as_a_parent_when_two_programs_are_better() -> None:
    results = [trial(0, -1, 10.0), trial(1, 0, 50.0), trial(2, 0, 5.0), trial(3, 0, 20.0)]
    assert 0 in {choice.parent for choice in asked(told(results[:3], islands=1), 60)}
    assert {choice.parent for choice in asked(told(results, islands=1), 60)} == {1, 2, 3}


def test_a_run_from_before_islands_were_founded_one_by_one_goes_on() -> None:
    strategy = told([trial(0, -1, 0.0), trial(1, 3, 5.0)], found_after=24)
    assert {choice.place for choice in asked(strategy, 30)} == {"0"}


def test_a_failed_program_is_nobodys_parent_and_is_counted() -> None:
    results = [trial(0, -1, 0.0), *(trial(id, 0, None) for id in range(1, 10))]
    choices = asked(told(results, islands=1), 50)
    assert {choice.parent for choice in choices} == {0}
    assert choices[0].reason.endswith("the island failed 9 of 10")


def test_an_island_keeps_its_best_and_prefers_the_better() -> None:
    results = [trial(0, -1, 0.0), *(trial(id, 0, float(id)) for id in range(1, 21))]
    parents = Counter(choice.parent for choice in asked(told(results, islands=1, elites=5, explore=0.1), 3000))
    assert sorted(parents) == [16, 17, 18, 19, 20]
    assert parents[20] > 3 * parents[16] > 0


def test_of_equal_scores_the_older_program_stays() -> None:
    results = [trial(0, -1, 50.0), *(trial(id, 0, 50.0) for id in (3, 1, 2))]
    assert {c.parent for c in asked(told(results, islands=1, elites=2), 100)} == {0, 1}


def test_the_bar_is_the_worst_elite_of_an_island_without_a_free_place() -> None:
    results = [trial(0, -1, 0.0), *(trial(id, id % 2, float(id)) for id in range(1, 12))]
    config = {"islands": 2, "elites": 5, "migrate_every": 100}
    assert {choice.bar for choice in asked(told(results[:5], **config), 50)} == {None}
    assert {(choice.place, choice.bar) for choice in asked(told(results, **config), 50)} == {("0", 2), ("1", 3)}


def test_a_step_without_a_new_program_changes_nothing() -> None:
    results = history(60, 4)
    dropped = Trial(61, 3, "2", fate=Fate.DUPLICATE)
    assert asked(told([*results, dropped]), 50) == asked(told(results), 50)


def test_an_outrun_program_is_nobodys_parent_and_no_failure() -> None:
    results = [
        trial(0, -1, 0.0),
        *(trial(id, 0, None, Status.OUTRUN if id > 3 else Status.ERROR) for id in range(1, 10)),
    ]
    choices = asked(told(results, islands=1), 50)
    assert {choice.parent for choice in choices} == {0}
    assert choices[0].reason.endswith("the island failed 3 of 10")


def test_the_best_travels_around_the_ring() -> None:
    config = {"islands": 3, "elites": 1, "migrate_every": 5, "inspirations": 0}
    results = [trial(0, -1, 0.0), trial(1, 0, 90.0)]
    quiet = [trial(id, 0, None) for id in range(2, 30)]
    for migrations, expected in ((0, {0: 1, 1: 0, 2: 0}), (1, {0: 1, 1: 1, 2: 0}), (2, {0: 1, 1: 1, 2: 1})):
        strategy = told((results + quiet)[: 5 * migrations + 2], **config)
        assert {int(c.place): c.parent for c in asked(strategy, 100)} == expected


def test_inspirations_are_others_one_of_them_from_another_island() -> None:
    results = history(200, 4)
    home = {result.id: result.place for result in results}
    choices = asked(told(results, migrants=0, inspirations=3), 200)
    for choice in choices:
        assert choice.parent not in choice.inspirations
        assert len(set(choice.inspirations)) == len(choice.inspirations) == 3
        assert sum(home[i] not in (choice.place, "") for i in choice.inspirations) == 1


def test_a_choice_costs_the_same_after_a_hundred_and_after_a_hundred_thousand_results() -> None:
    def draws(count: int) -> int:
        strategy = told(history(count, 4))
        rng = Counting(1)
        for _ in range(100):
            strategy.ask(rng)
        return rng.drawn

    class Counting(random.Random):
        drawn = 0

        def getrandbits(self, k: int) -> int:
            self.drawn += 1
            return super().getrandbits(k)

    assert draws(100_000) < 1.3 * draws(400)


def test_an_unknown_strategy_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"search.strategy 'ilands' is unknown. Did you mean 'islands'\?"):
        make_strategy("ilands", {})


def test_a_strategy_without_a_name_is_refused_when_its_class_is_written() -> None:
    with pytest.raises(TypeError, match="needs a class attribute `name`"):

        class Nameless(Strategy):
            def ask(self, rng: random.Random) -> Choice:
                return Choice(0, (), "", "")

            def tell(self, trial: Trial) -> None: ...


def test_a_strategy_of_another_package_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Newest(Strategy):
        """Changes the latest sound program."""

        name = "newest"
        latest = 0

        class Options(StrategyOptions):
            patience: int = Field(default=3, description="of no use")

        def ask(self, rng: random.Random) -> Choice:
            return Choice(self.latest, (), "", f"the latest; patience {self.options.patience}")

        def tell(self, trial: Trial) -> None:
            self.latest = trial.id if trial.score is not None else self.latest

    class Point(EntryPoint):
        def load(self) -> type[Strategy]:
            return Newest

    point = Point("newest", "their.package:Newest", "evolve.strategies")
    monkeypatch.setattr("evolve.entry_points.installed", lambda group: (point,))
    config = resolve(None, ["search.patience=7", "search.strategy=newest"], {})
    strategy = make_strategy(config.search.strategy, config.search.options)
    strategy.tell(trial(0, -1, 1.0))
    assert strategy.ask(random.Random(0)).reason == "the latest; patience 7"
    with pytest.raises(
        UsageError, match=r"search\.islands is an option of --search adaptive and --search islands, not of newest"
    ):
        resolve(None, ["search.islands=7", "search.strategy=newest"], {})
    broken = EntryPoint("broken", "no_such_module:X", "evolve.strategies")
    monkeypatch.setattr("evolve.entry_points.installed", lambda group: (broken,))
    with pytest.raises(UsageError, match=r"search.strategy broken: no_such_module:X does not load \(ModuleNotFound"):
        make_strategy("broken", {})
