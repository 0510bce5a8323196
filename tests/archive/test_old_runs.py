"""Runs that an earlier evolve left behind: real archives of every schema that there was."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest
from loop_parts import HashModel, QuickPool, configured, trivial_problem

from evolve import loop
from evolve.archive import Fate, RunStatus, Selection, State, Store, Trial, tape_of
from evolve.archive.models import SCHEMA_VERSION
from evolve.errors import UsageError

OLD = Path(__file__).parent / "old_runs"
SPECIMENS = sorted(OLD.glob("schema_*.db"))


def copied(specimen: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(specimen, folder / "archive.db")
    return folder


def what_it_says(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Of an archive of schema 1, read without evolve."""
    with sqlite3.connect(database) as old:
        return {
            "programs": old.execute("SELECT id, parent_id, status, score, failure FROM programs").fetchall(),
            "choices": old.execute("SELECT step, parent_id, mutator, kind, fate, note FROM selections").fetchall(),
            "heard": old.execute("SELECT step FROM selections WHERE ended NOT NULL ORDER BY ended").fetchall(),
            "calls": old.execute("SELECT step, model, status, error, cost_usd FROM model_calls").fetchall(),
        }


def test_every_schema_but_the_present_one_has_its_specimen() -> None:
    assert {int(path.stem.split("_")[1]) for path in SPECIMENS} == set(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda path: path.stem)
def test_an_old_archive_is_brought_to_the_present_schema_after_a_copy(specimen: Path, tmp_path: Path) -> None:
    folder = copied(specimen, tmp_path / "run")
    said = what_it_says(specimen)
    for _ in range(2):  # and the second time there is nothing to do
        with Store.open(folder) as store:
            assert [(p.id, p.parent_id, p.status, p.score, p.failure) for p in store.programs()] == said["programs"]
            choices = [(s.step, s.parent_id, s.mutator, s.kind, s.fate, s.note) for s in store.selections()]
            assert choices == said["choices"]
            calls = store.model_calls()
            assert [(c.step, c.model, c.status, c.error, c.cost_usd) for c in calls] == said["calls"]
            assert all(call.prompt.strip() for call in calls)
            heard = [one for one in store.history() if isinstance(one, Trial)]
            assert [(trial.id,) for trial in heard] == [(0,), *said["heard"]]
            scored = [trial for trial in heard if trial.score is not None]
            assert all(trial.scores == (trial.score,) and trial.chars > 10 for trial in scored)
            assert [one.step for one in store.history() if isinstance(one, Selection)] == [s[0] for s in choices]
            summary = store.summary()
            assert summary.steps == len(choices)
            assert summary.evaluations == sum(fate == Fate.SCORED for *_, fate, _ in choices)
            assert summary.calls.answered == sum(call.answer != "" for call in calls)
    kept = what_it_says(folder / "archive.schema1.db")
    assert kept == said


def test_an_old_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    folder = copied(OLD / "schema_1_killed.db", tmp_path / "run")
    said = what_it_says(OLD / "schema_1_killed.db")
    config = configured(
        60, seed=3, deterministic=True, search__lag=3, model__names=("m", "n"), prompt__insights_every=2
    )
    models = {"m": HashModel(3), "n": HashModel(4, values=90)}
    result = asyncio.run(
        loop.run(folder, config, trivial_problem(), resume=True, pool=QuickPool(1, 30), clients=models)
    )
    assert (result.status, result.progress.evaluations) == (RunStatus.FINISHED, 60)
    with Store.open(folder) as store:
        programs = [(p.id, p.parent_id, p.status, p.score, p.failure) for p in store.programs()]
        scored = [program for program in said["programs"] if program[2] is not None]
        assert [program for program in programs if program in scored] == scored
        assert all(s.state in (State.SCORED, State.DROPPED, State.FAILED) for s in store.selections())
        assert len(tape_of(store).compared()) == store.summary().steps


def test_an_old_archive_that_cannot_be_written_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(OLD / "schema_1_finished.db", tmp_path / "run")
    monkeypatch.setattr("os.access", lambda *_: False)  # root, who may run this, can write everywhere
    with pytest.raises(UsageError, match=r"has schema 1, .* cannot be written: copy the folder") as error:
        Store.open(folder)
    assert "\n" not in str(error.value)
