"""Several drivers of one run: nothing is evaluated or asked twice, budgets hold over all, and who dies is inherited."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from loop_parts import HashModel, QuickPool, configured, trivial_problem
from postgres_server import Server

from evolve import loop
from evolve.archive import CallStatus, EventKind, RunStatus, Store, differences, tape_of
from evolve.config import RunConfig
from evolve.loop.replaying import RecordedPool
from evolve.observer import RunResult

PROBLEM = trivial_problem()


class Driver:
    """A driver with workers and a model of its own, and what it has seen."""

    def __init__(self, seed: int, model: HashModel | None = None) -> None:
        self.pool, self.model = QuickPool(seed), model or HashModel(seed)

    async def run(self, folder: Path, config: RunConfig, join: bool) -> RunResult:
        while join and not (folder.exists() and Store.holds_run(folder)):
            await asyncio.sleep(0.01)
        return await loop.run(folder, config, PROBLEM, join=join, pool=self.pool, clients={"m": self.model})


def together(folder: Path, config: RunConfig, drivers: Sequence[Driver]) -> list[RunResult]:
    async def all_of_them() -> list[RunResult]:
        runs = (driver.run(folder, config, join=number > 0) for number, driver in enumerate(drivers))
        return list(await asyncio.gather(*runs))

    return asyncio.run(all_of_them())


def check(folder: Path, drivers: Sequence[Driver]) -> None:
    """Whatever several drivers did, it is one run, and a replay by one driver gives the same."""
    with Store.open(folder) as store:
        evaluated = Counter(source for driver in drivers for source in driver.pool.evaluated)
        children = Counter(program.source for program in store.programs())
        assert evaluated == children, "no program is evaluated twice, and each is"
        assert max(Counter(program.fingerprint for program in store.programs()).values()) == 1
        asked = Counter(digest for driver in drivers for digest in driver.model.asked)
        assert asked == Counter(call.digest for call in store.model_calls()), "no prompt is sent twice"
        assert all(call.status is CallStatus.ANSWERED for call in store.model_calls())
        seqs = [event.seq for event in store.events()]
        assert seqs == list(range(1, len(seqs) + 1)), "one sequence without gaps"
        ends = Counter(event.step for event in store.events(EventKind.KNOWN))
        assert set(ends.values()) == {1} and len(ends) == store.summary().steps + 1
        again = folder.with_name(f"{folder.name}-again")
        config = configured(1).model_copy(update={"budget": configured(1).budget})
        from evolve.config import from_text

        config = from_text(store.config()).model_copy(update={"archive": ""})
        pool = RecordedPool(store, PROBLEM.evaluator)
        asyncio.run(loop.run(again, config, PROBLEM, pool=pool, tape=tape_of(store)))
        with Store.open(again) as replayed:
            assert list(differences(store, replayed)) == []


def test_two_drivers_make_one_run(tmp_path: Path, postgres: Server) -> None:
    drivers = [Driver(1), Driver(2)]
    config = configured(60, seed=1, archive=postgres.empty().url, prompt__insights_every=2)
    results = together(tmp_path / "run", config, drivers)
    assert [(r.status, r.progress.evaluations) for r in results] == [(RunStatus.FINISHED, 60)] * 2
    assert all(len(driver.pool.evaluated) > 5 for driver in drivers), "both worked"
    check(tmp_path / "run", drivers)
    with Store.open(tmp_path / "run") as store:
        assert store.summary().status is RunStatus.FINISHED and store.summary().winner_id == results[0].best_id


@pytest.mark.parametrize("budget", [{"calls": 20}, {"tokens": 2_400}, {"cost_usd": 0.2}])
def test_a_budget_holds_over_all_drivers_together(tmp_path: Path, postgres: Server, budget: dict[str, Any]) -> None:
    ((key, most),) = budget.items()
    settings = {f"budget__{key}": most, "model__usd_per_mtok_in": 1.0, "model__usd_per_mtok_out": 1.0}
    config = configured(1_000, archive=postgres.empty().url, **settings)
    drivers = [Driver(1), Driver(2), Driver(3)]
    together(tmp_path / "run", config, drivers)
    with Store.open(tmp_path / "run") as store:
        calls = store.summary().calls
        spent = {
            "calls": calls.calls,
            "tokens": calls.prompt_tokens + calls.completion_tokens,
            "cost_usd": calls.cost_usd,
        }
    assert 0.9 * most <= spent[key] <= most + 1e-9
    check(tmp_path / "run", drivers)
