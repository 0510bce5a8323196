"""A run from its record: the same choices, programs, parents and scores, whatever depended on speed the first time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest
from command_line import TRIVIAL, evolve
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem
from model_server import ModelServer, trivial, with_faults

from evolve import loop
from evolve.archive import EventKind, Role, RunStatus, Store, differences, read_tape, tape_of, to_lines
from evolve.errors import UsageError
from evolve.evaluator import Instance, Split
from evolve.loop.replaying import RecordedPool, tape_clients
from evolve.observer import Progress, RunResult
from evolve.scoring import InstanceResult

PROBLEM = trivial_problem()


CHOSEN = (
    '{"event":"chosen","step":1,"mutator":"m","choice":{"parent_id":0,"inspirations":[],"place":"","reason":"",'
    '"kind":"edit","novelty":null,"bar_id":null}}'
)
HEAD = '{"evolve_tape":2,"steps":2,"reason":"","config":""}\n'


def recorded(folder: Path, evaluations: int = 60, seed: int = 3) -> Path:
    config = configured(evaluations, seed=seed, model__names=("m", "n"), prompt__insights_every=2)
    models = {"m": HashModel(seed), "n": HashModel(seed + 1, values=90)}
    asyncio.run(loop.run(folder, config, PROBLEM, pool=QuickPool(seed, 30), clients=models))
    return folder


def replayed(source: Path, folder: Path, speed_seed: int = 99) -> Path:
    with Store.open(source) as store:
        tape = tape_of(store)
        config = configured(60, seed=3, model__names=("m", "n"), prompt__insights_every=2)
        pool = QuickPool(speed_seed, 3)
        asyncio.run(loop.run(folder, config, PROBLEM, pool=pool, clients=tape_clients(tape), tape=tape))
    return folder


def test_a_run_that_depended_on_speed_is_replayed_at_another_speed(tmp_path: Path) -> None:
    source, again = recorded(tmp_path / "run"), replayed(tmp_path / "run", tmp_path / "again")
    assert archive_digest(source) == archive_digest(again)
    with Store.open(source) as a, Store.open(again) as b:
        assert list(differences(a, b)) == []
        learnt = [[(step.step, line, detail) for step, line, detail in store.insights()] for store in (a, b)]
        assert learnt[0] == learnt[1] != []
        assert a.summary().calls == b.summary().calls
        assert a.split_figures() == b.split_figures()
        orders = [event.step for event in a.events(EventKind.BORN, EventKind.DROPPED)]
    assert orders != sorted(orders), "the run was so tame that a replay in step order would do"


def test_a_tape_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    with Store.open(recorded(tmp_path / "run")) as store:
        tape = tape_of(store)
    (tmp_path / "tape").write_text(to_lines(tape))
    assert read_tape(tmp_path / "tape") == tape


def test_recorded_scores_can_stand_for_evaluations(tmp_path: Path) -> None:
    source = recorded(tmp_path / "run")
    with Store.open(source) as store:
        tape = tape_of(store)
        config = configured(60, seed=3, model__names=("m", "n"), prompt__insights_every=2)
        asyncio.run(
            loop.run(
                tmp_path / "again",
                config,
                PROBLEM,
                pool=RecordedPool(store, PROBLEM.evaluator),
                clients=tape_clients(tape),
                tape=tape,
            )
        )
    assert archive_digest(source) == archive_digest(tmp_path / "again")


def test_instances_that_the_recorded_run_did_not_have_end_a_replay_in_one_line(tmp_path: Path) -> None:
    class Other(type(PROBLEM.evaluator)):  # type: ignore[misc]
        """The problem with one more instance since."""

        name = "trivial"

        def instances(self, split: Split) -> list[Instance]:
            return [Instance(f"{split}/{n}") for n in range(2)]

    async def go(store: Store) -> None:
        pool = RecordedPool(store, Other())
        seed = store.programs(Role.SEED)[0].source
        assert [r.instance_id async for r in pool.evaluate(seed, Split.TRAIN, [0])] == ["train/0"]
        for indices in ([1], [0, 1]):
            with pytest.raises(UsageError, match="has no result of a program on train: the replay has come apart"):
                [r async for r in pool.evaluate(seed, Split.TRAIN, indices)]

    with Store.open(recorded(tmp_path / "run", evaluations=2)) as store:
        asyncio.run(go(store))


def test_a_run_that_was_resumed_is_replayed_as_one(tmp_path: Path) -> None:
    source = recorded(tmp_path / "run", evaluations=25)
    config = configured(60, seed=3, model__names=("m", "n"), prompt__insights_every=2)
    models = {"m": HashModel(5), "n": HashModel(6, values=90)}
    asyncio.run(loop.run(source, config, PROBLEM, pool=QuickPool(8, 30), clients=models, resume=True))
    assert archive_digest(source) == archive_digest(replayed(source, tmp_path / "again"))


@pytest.mark.parametrize("is_fresh", [True, False])
@pytest.mark.parametrize("split", [Split.VALIDATION, Split.TEST])
def test_a_run_that_was_stopped_after_its_search_is_replayed_as_far_as_that(
    tmp_path: Path, split: Split, is_fresh: bool
) -> None:
    class Breaking(QuickPool):
        async def evaluate(
            self, source: str, at: Split, *given: Any, **how: Any
        ) -> AsyncGenerator[InstanceResult, None]:
            if at is split:
                raise UsageError("stopped here")
            async for result in super().evaluate(source, at, *given, **how):
                yield result

    config, models = configured(20, seed=3, model__names=("m",)), {"m": HashModel(3)}
    with pytest.raises(UsageError, match="stopped here"):
        asyncio.run(loop.run(tmp_path / "run", config, PROBLEM, pool=Breaking(3), clients=models))
    with Store.open(tmp_path / "run") as store:
        assert (store.summary().winner_id is not None) is (split is Split.TEST)
        tape = tape_of(store)
        pool = QuickPool(4) if is_fresh else RecordedPool(store, PROBLEM.evaluator)
        clients = tape_clients(tape)
        asyncio.run(loop.run(tmp_path / "again", config, PROBLEM, pool=pool, clients=clients, tape=tape))
        with Store.open(tmp_path / "again") as again:
            assert list(differences(store, again)) == []
            assert again.summary().evaluations == 20 and again.split_figures() == []


def test_what_differs_is_named(tmp_path: Path) -> None:
    source, again = recorded(tmp_path / "run"), replayed(tmp_path / "run", tmp_path / "again")
    with Store.resume(again) as store:
        id = next(program.id for program in store.programs(Role.CHILD) if program.score is not None)
        store._connection.exec_driver_sql(f"UPDATE programs SET score = score + 1 WHERE id = {id}")
        store._connection.commit()
    with Store.open(source) as a, Store.open(again) as b:
        assert [d.what for d in differences(a, b)][:1] == [f"program {id}: score"]


@pytest.mark.slow
def test_another_configuration_comes_apart_with_one_line(tmp_path: Path) -> None:
    source = recorded(tmp_path / "run")
    with Store.open(source) as store:
        tape = tape_of(store)
    config = configured(60, seed=3, model__names=("m", "n"), search__strategy="islands", search__inspirations=0)
    with pytest.raises(UsageError, match="asks another question than the recorded run did"):
        asyncio.run(loop.run(tmp_path / "b", config, PROBLEM, pool=QuickPool(), clients=tape_clients(tape), tape=tape))


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("", "line 1: it is empty"),
        ("{}\n", "line 1"),
        ("not json\n", "line 1"),
        ('{"evolve_tape":9,"steps":0,"heard":[],"reason":""}\n', "format 9"),
        (
            HEAD + '{"event":"chosen","step":1,"mutator":"m"}\n{"event":"born","step":1}\n',
            "1 steps, expected 2",
        ),
        (
            HEAD + '{"event":"chosen","step":2,"mutator":"m"}\n',
            "line 2: step 2 is chosen, after 1 choices",
        ),
        (HEAD + '{"event":"chosen","step":1}\n', "line 2"),
        (HEAD + '{"event":"eaten","step":1}\n', "line 2"),
        (
            HEAD + CHOSEN.replace('"parent_id":0', '"parent_id":1') + "\n",
            "step 1 changes program 1, which is not before",
        ),
        (HEAD + CHOSEN.replace('"bar_id"', '"bars"') + "\n", "step 1 has a choice of bars, inspirations, kind"),
        (HEAD + CHOSEN + '\n{"event":"chosen","step":2,"mutator":"m"}\n', "1 choices of 2 steps"),
        (HEAD + '{"event":"chosen","step":1,"mutator":"m"}\n{"event":"known","step":2}\n', "line 3: step 2 is known"),
    ],
)
def test_a_file_that_is_no_recording_is_named_with_its_line(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "tape").write_text(text)
    with pytest.raises(UsageError, match=wrong):
        read_tape(tmp_path / "tape")


def test_where_a_recording_cannot_be_put_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = evolve("run", TRIVIAL, "--evaluations", 3, "--run", tmp_path / "run", "--record", tmp_path / "file" / "tape")
    assert said.code == 2
    assert "--record" in said.err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_from_the_command_line_with_faults_recorded_replayed_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("--model", "m", "--model", "n", "--evaluations", 30)
    kinds = ("429", "500", "reset", "cut", "no JSON", "empty", "no code", "SEARCH nowhere")
    with ModelServer(with_faults(trivial, 0.25, 4, kinds)) as server:
        said = evolve("run", TRIVIAL, *names, "--base-url", server.base_url, "--run", "a", "--record", "tape")
        asked = server.count
        assert said.code == 0, said.err
        again = evolve("run", TRIVIAL, *names, "--base-url", server.base_url, "--run", "b", "--replay", "tape")
        assert again.code == 0, again.err
        result = evolve("replay", "a", "--json")
        assert server.count == asked, "a replay asks nobody"
    assert archive_digest(tmp_path / "a") == archive_digest(tmp_path / "b")
    facts = json.loads(result.out)
    assert (result.code, facts["same"], facts["programs"], facts["differences"]) == (0, True, 30, [])


@pytest.mark.slow
def test_a_recording_is_enough_and_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ModelServer(trivial) as server:
        names = ("--model", "m", "--seed", 5, "--evaluations", 6, "--base-url", server.base_url)
        said = evolve("run", TRIVIAL, *names, "--set", "search.plateau=5", "--run", "a", "--record", "tape")
        assert said.code == 0, said.err
        asked, tape = server.count, Path("tape").read_bytes()
        again = evolve("run", TRIVIAL, *names, "--run", "other", "--record", "tape")
        assert again.code == 2 and "tape: is there already" in again.err
        assert server.count == asked and Path("tape").read_bytes() == tape and not Path("other").exists()
    named = evolve("run", TRIVIAL, "--replay", "tape", "--run", "b")
    assert named.code == 0, named.err
    assert archive_digest(Path("a")) == archive_digest(Path("b"))
    unnamed = evolve("run", "--replay", "tape", "--run", "c")
    assert unnamed.code == 2 and f"evolve run {TRIVIAL} --replay" in unnamed.err and "--trust" in unnamed.err
    trusted = evolve("run", "--replay", "tape", "--run", "c", "--trust")
    assert trusted.code == 0, trusted.err
    assert archive_digest(Path("a")) == archive_digest(Path("c"))


def test_ctrl_c_on_a_replay_is_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = recorded(tmp_path / "run")

    async def stopped(*_: object, **__: object) -> RunResult:
        with Store.open(source) as store:
            best, progress = store.summary().best_id or 0, cast(Progress, None)
            return RunResult(source, RunStatus.STOPPED, True, "stopped by Ctrl-C", (), best, progress)

    monkeypatch.setattr(loop, "run", stopped)
    said = evolve("replay", source, "--recorded", "--trust")
    assert said.code == 130 and said.err.splitlines()[-1] == "evolve: stopped by Ctrl-C: nothing was compared"
    assert said.out == ""
