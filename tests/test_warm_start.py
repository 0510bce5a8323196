"""A run that starts from another program than the seed: it is a run like any other, and its record has the program."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from command_line import TRIVIAL, evolve
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import attended, loop
from evolve.archive import Role, Store, differences, tape_of
from evolve.config import from_text, resolve
from evolve.discoveries import start_of
from evolve.errors import UsageError
from evolve.identity import identity
from evolve.loop.finish import table
from evolve.loop.replaying import RecordedPool, tape_clients
from evolve.registry import load_problem
from evolve.report.judgement import verdict
from evolve.report.places import find_program
from evolve.report.recording import recorded_config
from evolve.report.run_report import describe
from evolve.scoring import InstanceResult

PROBLEM = trivial_problem()
THIRTY = "X = 30.0\n\n\ndef answer() -> float:\n    return X\n"
WARM = {"start.source": THIRTY, "start.name": "thirty.py"}


def warm(evaluations: int = 6, **flags: Any) -> Any:
    return configured(evaluations, deterministic=True, seed=3, search__lag=3, **WARM, **flags)


def run(folder: Path, pool: Any = None, resume: bool = False, **how: Any) -> Any:
    how = {"clients": {"m": HashModel(4)}, **how}
    return asyncio.run(loop.run(folder, warm(), PROBLEM, pool=pool or QuickPool(), resume=resume, **how))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that started from THIRTY."""
    folder = tmp_path_factory.mktemp("warm") / "run"
    run(folder)
    return folder


def test_the_program_is_the_first_parent_and_the_seed_is_a_baseline(whole: Path) -> None:
    with Store.open(whole) as store:
        rows, _ = table(store)
        assert [row.name for row in rows] == ["start", "seed", "best"]
        start, seed = find_program(store, "start"), find_program(store, "seed")
        assert (start.id, start.role, start.source) == (0, Role.SEED, THIRTY)
        assert (seed.role, seed.source, seed.score) == (Role.BASELINE, PROBLEM.seed, 0.0)
        assert start.score == pytest.approx(100 * (1 - 12 / 41))
        assert {row.test for row in rows if row.name == "seed"} == {0.0}
        assert min(id for id, *_ in store.train_scores()) == 0, "the seed is nobody's parent, and no finalist"
        assert store.model_call(1) is not None and "X = 30.0" in (store.model_call(1) or start).prompt  # type: ignore[union-attr]
        said = verdict(describe(store))
    assert "it beats the start: " in said and "The best baseline there, seed, has 0.00" in said


def test_stopped_at_an_evaluation_it_ends_as_if_undisturbed(whole: Path, tmp_path: Path) -> None:
    class Breaking(QuickPool):
        left = 0

        async def evaluate(self, *given: Any, **how: Any) -> AsyncGenerator[InstanceResult, None]:
            if self.left == 0:
                raise UsageError("stopped here")
            self.left -= 1
            async for result in super().evaluate(*given, **how):
                yield result

    pool, folder = Breaking(), tmp_path / "broken"
    pool.left = 1  # the start is scored, the seed is not
    with pytest.raises(UsageError, match="stopped here"):
        run(folder, pool)
    run(folder, resume=True)
    assert archive_digest(folder) == archive_digest(whole)


def test_it_is_played_again_from_the_archive_alone(whole: Path, tmp_path: Path) -> None:
    with Store.open(whole) as store:
        tape, config = tape_of(store), from_text(store.config())
        assert config.start.source == THIRTY and from_text(tape.config).start == config.start
        pool, clients = RecordedPool(store, PROBLEM.evaluator), tape_clients(tape)
        asyncio.run(loop.run(tmp_path / "again", config, PROBLEM, pool=pool, clients=clients, tape=tape))
        with Store.open(tmp_path / "again") as again:
            assert list(differences(store, again)) == []


def test_a_recording_is_enough_and_a_run_is_a_start(tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    config = warm().model_copy(update={"record": tape})
    pool, models = QuickPool(), {"m": HashModel(4)}
    asyncio.run(attended.run(tmp_path / "run", config, PROBLEM, None, pool=pool, clients=models))
    played = resolve(None, [], {"problem": PROBLEM.ref, "replay": str(tape)}, recorded_config(tape, True, False))
    asyncio.run(loop.run(tmp_path / "again", played, PROBLEM, pool=QuickPool(9)))
    assert archive_digest(tmp_path / "run") == archive_digest(tmp_path / "again")
    assert "| started from | thirty.py |" in (tmp_path / "run" / "summary.md").read_text()
    with Store.open(tmp_path / "run") as store:
        best = store.best()
    start = start_of(PROBLEM, str(tmp_path / "run"))
    assert best is not None and (start.source, start.name) == (best.source, f"program {best.id} of run")


def test_a_program_that_fails_starts_nothing(tmp_path: Path) -> None:
    flags = {"start.source": THIRTY.replace("30", "99"), "start.name": "far.py"}
    words = r"the program to start from, far.py, fails on train \(infeasible\): train/0: 99.0 is too far"
    with pytest.raises(UsageError, match=words):
        asyncio.run(
            loop.run(tmp_path / "a", configured(2, **flags), PROBLEM, pool=QuickPool(), clients={"m": HashModel()})
        )


@pytest.mark.slow
def test_from_the_command_line_recorded_audited_and_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("thirty.py").write_text(THIRTY)
    said = evolve("run", TRIVIAL, "--from", "thirty.py", "--evaluations", 3, "--run", "a", "--record", "tape", "--json")
    assert said.code == 0, said.err
    assert [row["name"] for row in said.json["programs"]][:2] == ["start", "seed"]
    Path("thirty.py").unlink()
    assert evolve("audit", "a").code == 0
    again = evolve("run", TRIVIAL, "--replay", "tape", "--run", "b")
    assert again.code == 0, again.err
    assert archive_digest(Path("a")) == archive_digest(Path("b"))


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("nowhere.py", "--from nowhere.py: neither a program file nor a run: there is no run 'nowhere.py'"),
        ("", "--from: give `best`, a program file, or a run"),
        ("best", "trivial has no discovery yet"),
        ("empty.py", "empty.py is no program to start trivial from: "),
        ("folder", "--from folder: neither a program file nor a run: folder is not a run"),
        ("binary", "binary is not UTF-8 text"),
    ],
)
def test_what_is_no_program_to_start_from_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ref: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("empty.py").write_text("")
    Path("binary").write_bytes(b"\xff\xfe\x00")
    said = evolve("run", TRIVIAL, "--from", ref, "--evaluations", 1, "--run", "a")
    assert said.code == 2 and words in said.err.splitlines()[-1]


def test_a_run_of_another_problem_and_a_replay_take_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asyncio.run(loop.run(Path("a"), configured(1), PROBLEM, pool=QuickPool(), clients={"m": HashModel()}))
    other = tmp_path / "other"
    shutil.copytree(TRIVIAL, other)
    with pytest.raises(UsageError, match="a is a run of trivial, not of "):
        start_of(load_problem(str(other)), "a")
    said = evolve("run", TRIVIAL, "--from", "a", "--replay", "tape")
    assert said.code == 2 and "leave --from out" in said.err


def test_a_discovery_changes_nothing_that_runs_are_compared_by(tmp_path: Path) -> None:
    folder = tmp_path / "trivial"
    shutil.copytree(TRIVIAL, folder)
    before = identity(load_problem(str(folder)))
    (folder / "discoveries" / "forty").mkdir(parents=True)
    (folder / "discoveries" / "forty" / "program.py").write_text(THIRTY)
    assert identity(load_problem(str(folder))) == before
    assert resolve(None, [], {}).start.source == ""
