"""The clock of a machine is set back or forward by a day while a run works, or before it goes on."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import evolve
from loop_parts import HashModel, QuickPool, configured, trivial_problem
from postgres_server import Server

from evolve import loop
from evolve.archive import EventKind, RunStatus, Store
from evolve.archive.database import POINTER
from evolve.config import RunConfig, to_toml
from evolve.errors import UsageError
from evolve.mutate.models.answer import Answer
from evolve.mutate.prompts.prompt import Prompt
from evolve.observer import RunResult
from evolve.report.own_runs import remember
from evolve.report.page.charts import curve_points
from evolve.report.page.run_page import page_facts
from evolve.report.places import find_run
from evolve.report.run_folder import RunFolder
from evolve.report.run_list import listed
from evolve.report.run_report import describe
from evolve.report.work_time import work_s

A_DAY_S = 86_400.0


class WallClock:
    """The machine's clock; `set_s` is how far it was set, forward or back."""

    def __init__(self, sound: Callable[[], float]) -> None:
        self.sound, self.set_s = sound, 0.0

    def __call__(self) -> float:
        return self.sound() + self.set_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock(time.time)
    monkeypatch.setattr(time, "time", clock)
    return clock


class SetsTheClock(HashModel):
    """Answers, and sets the clock at one of the questions."""

    def __init__(self, clock: WallClock, by_s: float, question: int) -> None:
        super().__init__(values=4000)
        self.clock, self.by_s, self.question = clock, by_s, question

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        if len(self.asked) == self.question:
            self.clock.set_s = self.by_s
        return await super().complete(prompt, call_id)


def run(
    folder: Path, evaluations: int, model: HashModel | None = None, resume: bool = False, **flags: Any
) -> RunResult:
    files = RunFolder()
    config = configured(evaluations, **{"seed": 5, **flags})
    model = model or HashModel(values=4000)
    work = loop.run(folder, config, trivial_problem(), (files,), resume=resume, pool=QuickPool(), clients={"m": model})
    try:
        return asyncio.run(work)
    finally:
        files.close()


def check_what_is_shown(folder: Path, evaluations: int) -> None:
    """The run is whole, and every time that a person or a program reads of it is one in which it was worked on."""
    shown = evolve("show", folder, "--json").json
    assert (shown["status"], shown["evaluations"]) == ("finished", evaluations)
    work_min = shown["active_s"] / 60
    assert 0 < work_min < 5
    with Store.open(folder) as store:
        assert [event.seq for event in store.events()] == list(range(1, len(store.events()) + 1))
        columns = page_facts(store, describe(store), [])["columns"]
        chosen = [event.step for event in store.events(EventKind.CHOSEN)]
        on_the_curve = [minutes for _, minutes, _, _ in curve_points(store)]
        born = [id for id, _, _ in store.born() if id > 0]
    assert chosen == sorted(chosen), "the order is that of the numbers, not of the times"
    rows = [json.loads(line) for line in evolve("export", folder, "--jsonl").out.splitlines()]
    by_id = {row["id"]: row["minutes"] for row in rows}
    for minutes in (columns["minutes"], by_id.values(), on_the_curve):
        assert len(minutes) > 2 and all(0 <= one <= work_min + 0.001 for one in minutes)
    in_order = [by_id[id] for id in born]
    assert in_order == sorted(in_order) and 0 < in_order[0] < in_order[len(born) // 2] < in_order[-1]
    assert [one.active_s for one in listed([folder])] == [shown["active_s"]]
    report = evolve("report", folder)
    assert report.code == 0, report.err
    for text in (evolve("show", folder).out, (folder / "summary.md").read_text()):
        assert re.search(r"\d+ h \d\d min|-\d[\d.]* (s|min|h)\b", text) is None, text


@pytest.mark.parametrize("by_s", [-A_DAY_S, A_DAY_S])
def test_a_run_that_is_resumed_when_the_clock_was_set_goes_on_and_shows_no_time_that_was_none(
    by_s: float, tmp_path: Path, clock: WallClock
) -> None:
    run(tmp_path / "run", 12)
    clock.set_s = by_s
    assert run(tmp_path / "run", 24, resume=True).status is RunStatus.FINISHED
    check_what_is_shown(tmp_path / "run", 24)


@pytest.mark.parametrize("by_s", [-A_DAY_S, A_DAY_S])
def test_a_clock_that_is_set_in_the_middle_of_a_run_changes_no_time_that_is_shown(
    by_s: float, tmp_path: Path, clock: WallClock
) -> None:
    model = SetsTheClock(clock, by_s, question=10)
    assert run(tmp_path / "run", 24, model).status is RunStatus.FINISHED
    assert clock.set_s == by_s
    check_what_is_shown(tmp_path / "run", 24)


def test_a_run_whose_clock_was_set_is_the_run_that_it_would_have_been(tmp_path: Path, clock: WallClock) -> None:
    run(tmp_path / "undisturbed", 20, deterministic=True)
    run(tmp_path / "run", 20, SetsTheClock(clock, -A_DAY_S, question=10), deterministic=True)
    found = []
    for name in ("undisturbed", "run"):
        with Store.open(tmp_path / name) as store:
            found.append([(one.id, one.parent_id, one.source, one.score) for one in store.programs()])
    assert found[0] == found[1]


def test_minutes_are_not_used_up_by_a_clock_that_is_set_forward(tmp_path: Path, clock: WallClock) -> None:
    model = SetsTheClock(clock, A_DAY_S, question=5)
    result = run(tmp_path / "run", 12, model, budget__minutes=10.0)
    assert result.reason == "all 12 evaluations are done"


def test_minutes_are_used_up_though_the_clock_is_set_back(tmp_path: Path, clock: WallClock) -> None:
    class Slow(SetsTheClock):
        async def complete(self, prompt: Prompt, call_id: int) -> Answer:
            await asyncio.sleep(0.02)
            return await super().complete(prompt, call_id)

    result = run(tmp_path / "run", 10**6, Slow(clock, -A_DAY_S, question=1), budget__minutes=0.01)
    assert result.reason == "the 0.01 minutes are used up"
    assert clock.set_s == -A_DAY_S


def test_the_run_that_was_started_last_is_last_though_the_clock_was_set_back(
    tmp_path: Path, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, by_s in ((Path("runs/b"), 0.0), (Path("runs/c"), -A_DAY_S), (Path("elsewhere"), -2 * A_DAY_S)):
        clock.set_s = by_s
        Store.create(folder, "trivial", to_toml(RunConfig()), 0, made=remember).close()
        assert find_run("last") == folder
    assert [one["run"] for one in evolve("runs", "--json").json["runs"]] == ["elsewhere", "c", "b"]


@pytest.mark.parametrize("by_s", [-A_DAY_S, A_DAY_S])
def test_a_lease_in_postgresql_holds_by_the_servers_clock_alone(
    by_s: float, tmp_path: Path, postgres: Server, clock: WallClock
) -> None:
    clock.set_s = by_s
    with Store.create(tmp_path / "run", "trivial", to_toml(RunConfig()), 0, archive=postgres.empty().url):
        with postgres.connection() as connection:
            query = "SELECT extract(epoch from clock_timestamp()) - seen FROM run.drivers"
            ((since_s,),) = connection.execute(query).fetchall()
        assert 0 <= since_s < 30
        clock.set_s = -by_s
        (tmp_path / "other").mkdir()
        shutil.copy(tmp_path / "run" / POINTER, tmp_path / "other")
        with pytest.raises(UsageError, match="being worked on by another process"):
            Store.resume(tmp_path / "other")


# -- time of work ------------------------------------------------------------------------------------------------


def events(*facts: tuple[float, str]) -> list[tuple[float, int, str]]:
    """Events by their time and kind; their steps are numbered from 1."""
    return [(when, step, kind) for step, (when, kind) in enumerate(facts, 1)]


def test_the_time_between_sessions_is_none_of_work() -> None:
    session = [(100.0, "stopped"), (400.0, "chosen"), (460.0, "born")]
    assert work_s(events((60.0, "born"), *session), 40.0, 120.0) == {1: 20.0, 4: 120.0}


def test_a_kill_and_the_time_until_the_resume_are_none_of_work() -> None:
    assert work_s(events((10.0, "born"), (5000.0, "chosen"), (5010.0, "born")), 0.0, 20.0) == {1: 10.0, 3: 20.0}


def test_a_clock_that_is_set_back_costs_the_one_silence_in_which_it_was() -> None:
    found = work_s(events((1000.0, "born"), (400.0, "born"), (430.0, "born")), 900.0, 140.0)
    assert found == {1: 100.0, 2: 100.0, 3: 130.0}


def test_two_drivers_whose_clocks_differ_by_a_second_make_no_time() -> None:
    facts = [(float(second) + (1.0 if second % 2 else 0.0), "born") for second in range(10, 20)]
    assert max(work_s(events(*facts), 0.0, 100.0).values()) == 20.0


def test_two_drivers_whose_clocks_are_minutes_apart_do_not_add_that_up() -> None:
    born = [(30.0 * number + 300.0 * (number % 2), "born") for number in range(1, 201)]
    found = work_s(events(*born), 0.0, 6000.0)
    assert max(abs(found[number] - 30.0 * number) for number in range(1, 201)) < 330.0
