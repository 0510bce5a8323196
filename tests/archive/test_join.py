"""Several drivers of one run: nothing is evaluated or asked twice, budgets hold over all, and who dies is inherited."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from command_line import TRIVIAL, command
from loop_parts import HashModel, QuickPool, configured, trivial_problem
from model_server import ModelServer, Reply
from postgres_server import Server

from evolve import loop
from evolve.archive import CallStatus, EventKind, RunStatus, Store, differences, tape_of
from evolve.config import RunConfig, from_text, to_toml
from evolve.errors import UsageError
from evolve.loop.replaying import RecordedPool
from evolve.loop.together import require_joinable
from evolve.mutate.models.answer import Answer
from evolve.mutate.prompts.prompt import Prompt
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
        config = from_text(store.config()).model_copy(update={"archive": ""})
        pool = RecordedPool(store, PROBLEM.evaluator)
        asyncio.run(loop.run(again, config, PROBLEM, pool=pool, tape=tape_of(store)))
        with Store.open(again) as replayed:
            assert list(differences(store, replayed)) == []


class Waits(HashModel):
    """Answers ten prompts, and the others when another model has been asked as many."""

    def __init__(self, other: HashModel) -> None:
        super().__init__(1)
        self.other = other

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        number = len(self.asked)
        while number >= 10 and len(self.other.asked) < 10:
            await asyncio.sleep(0.01)
        return await super().complete(prompt, call_id)


def test_two_drivers_make_one_run(tmp_path: Path, postgres: Server) -> None:
    second = Driver(2)
    drivers = [Driver(1, Waits(second.model)), second]
    config = configured(60, seed=1, archive=postgres.empty().url, prompt__insights_every=2)
    results = together(tmp_path / "run", config, drivers)
    assert [(r.status, r.progress.evaluations) for r in results] == [(RunStatus.FINISHED, 60)] * 2
    assert all(len(driver.model.asked) >= 10 for driver in drivers), "both worked"
    check(tmp_path / "run", drivers)
    with Store.open(tmp_path / "run") as store:
        assert store.summary().status is RunStatus.FINISHED and store.summary().winner_id == results[0].best_id


@pytest.mark.parametrize(
    "budget",
    [
        {"cost_usd": 0.2},
        pytest.param({"calls": 20}, marks=pytest.mark.slow),
        pytest.param({"tokens": 2_400}, marks=pytest.mark.slow),
    ],
)
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


def test_a_driver_that_ends_leaves_its_steps_to_the_others(tmp_path: Path, postgres: Server) -> None:
    class Never(HashModel):
        """Answers six prompts, and then none."""

        async def complete(self, prompt: Prompt, call_id: int) -> Answer:
            if len(self.asked) >= 6:
                await asyncio.Event().wait()
            return await super().complete(prompt, call_id)

    stays, goes = Driver(1), Driver(2, Never())
    config = configured(40, seed=1, archive=postgres.empty().url)
    folder = tmp_path / "run"

    async def both() -> RunResult:
        first = asyncio.create_task(goes.run(folder, config, join=False))
        second = asyncio.create_task(stays.run(folder, config, join=True))
        while len(goes.model.asked) < 6 or not stays.model.asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # so that it asks what it will get no answer to
        first.cancel()
        await asyncio.wait({first})
        assert Store.open(folder).summary().status is RunStatus.RUNNING, "the other is at work on it"
        return await second

    result = asyncio.run(both())
    assert (result.status, result.progress.evaluations) == (RunStatus.FINISHED, 40)
    check(folder, [stays, goes])


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_the_steps_of_a_driver_that_dies_are_inherited(tmp_path: Path, postgres: Server, how: signal.Signals) -> None:
    inherited(tmp_path, postgres.empty(), how, 8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_moment_either_driver_leaves_a_sound_run(tmp_path: Path, postgres: Server, seed: int) -> None:
    inherited(tmp_path, postgres.empty(), signal.SIGKILL, 3 + 2 * seed, first_dies=seed % 2 == 0, after_s=0.013 * seed)


def inherited(
    folder: Path, postgres: Server, how: signal.Signals, asked: int, first_dies: bool = True, after_s: float = 0.0
) -> None:
    """Two real drivers, of which one dies once some prompts were asked; the other finishes the run."""

    def program(request: dict[str, object], number: int) -> Reply:
        return Reply(f"```python\nX = {number}.25\n\n\ndef answer():\n    return X\n```", delay_s=0.02)

    with ModelServer(program) as server:
        common = ["--model", "m", "--base-url", server.base_url, "--evaluations", 60, "--archive", postgres.url]
        first = start(folder, "run", TRIVIAL, "--run", folder / "run", "--workers", 1, *common)
        wait_until(first, lambda: (folder / "run" / "log.jsonl").exists())
        second = start(folder, "join", folder / "run", "--workers", 1)
        at_work = "SELECT count(DISTINCT c.driver) FROM run.claims c JOIN run.selections USING (step)"
        with postgres.connection() as connection:
            wait_until(second, lambda: connection.execute(at_work).fetchone() == (2,))
            wait_until(first, lambda: len(server.requests) >= asked)
            time.sleep(after_s)
            dies, lives = (first, second) if first_dies else (second, first)
            os.kill(dies.pid, how)
            if how is signal.SIGSTOP:  # nobody notices that before its lease is over
                connection.execute("UPDATE run.drivers SET seen = seen - 3600 WHERE pid = %s", [dies.pid])
        _, err = lives.communicate(timeout=100)
        assert lives.returncode == 0, err
        if how is signal.SIGSTOP:
            os.kill(dies.pid, signal.SIGCONT)
        _, said = dies.communicate(timeout=60)
        if how is signal.SIGSTOP:
            assert dies.returncode in (0, 2) and "Traceback" not in said, said
        prompts = Counter(str(request.json["messages"]) for request in server.requests)
    with Store.open(folder / "run") as store:
        summary = store.summary()
        assert (summary.status, summary.evaluations) == (RunStatus.FINISHED, 60)
        assert not store.selections(unfinished=True)
        calls = store.model_calls()
        assert all(call.status is CallStatus.ANSWERED for call in calls)
        sources = [program.source for program in store.programs() if program.id > 0]
        assert len(sources) == len(set(sources)) == 60
        # What was on its way at the kill was asked again, as after any kill; nothing else was, and nothing is lost.
        per_prompt = Counter(f"{call.system}\0{call.prompt}" for call in calls)
        assert sum(prompts.values()) - len(calls) <= 8 and len(prompts) == len(per_prompt)
        assert damaged(postgres) == []


def damaged(postgres: Server) -> list[Any]:
    """Rows that no sound archive has: a step that is in no order, a program without parent, a count that is wrong."""
    odd = """
        SELECT 'events', count(*) - max(seq) FROM run.events HAVING count(*) != max(seq)
        UNION ALL SELECT 'known', step FROM run.events WHERE kind = 'known' GROUP BY step HAVING count(*) > 1
        UNION ALL SELECT 'born', step FROM run.events WHERE kind = 'born' GROUP BY step HAVING count(*) > 1
        UNION ALL SELECT 'parent', id FROM run.programs p WHERE role = 'child' AND NOT EXISTS
            (SELECT 1 FROM run.programs o WHERE o.id = p.parent_id)
        UNION ALL SELECT 'claim', step FROM run.selections WHERE step NOT IN (SELECT step FROM run.claims)
        UNION ALL SELECT 'count', value FROM run.counts WHERE name = 'calls'
            AND value != (SELECT count(*) FROM run.model_calls)
        UNION ALL SELECT 'scored', id FROM run.programs WHERE role = 'child' AND status IS NULL"""
    with postgres.connection() as connection:
        return connection.execute(odd).fetchall()


def start(cwd: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(command(*arguments), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(process: subprocess.Popen[str], is_so: Callable[[], bool]) -> None:
    while not is_so():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


# -- what cannot be joined ---------------------------------------------------------------------------------------


def test_a_run_in_a_file_is_not_joined_and_it_says_what_could_be(tmp_path: Path) -> None:
    Store.create(tmp_path / "run", str(TRIVIAL), "", 0).close()
    with pytest.raises(UsageError, match=r"one process works: .* PostgreSQL \(evolve run EVALUATOR --archive"):
        Store.join(tmp_path / "run")


@pytest.mark.parametrize(
    "settings",
    [{"deterministic": True}, {"search__fresh_instances": 4, "search__fresh_every": 10}],
    ids=["lag", "fresh"],
)
def test_a_run_whose_order_one_driver_keeps_is_not_joined(
    tmp_path: Path, postgres: Server, settings: dict[str, Any]
) -> None:
    key = next(iter(settings)).replace("__", ".")
    config = configured(5, archive=postgres.empty().url, **settings)
    Store.create(tmp_path / "run", str(TRIVIAL), to_toml(config), 0, archive=config.archive).close()
    with pytest.raises(UsageError, match=rf"has {key}, which .* cannot be joined"):
        require_joinable(config, "run")


def test_a_run_that_is_over_is_over_at_once(tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    together(tmp_path / "run", configured(8, archive=postgres.empty().url), [Driver(1)])
    result = asyncio.run(Driver(2).run(tmp_path / "run", configured(8, archive=postgres.url), join=True))
    assert (result.status, result.progress.evaluations) == (RunStatus.FINISHED, 8)
