"""The part of train that changes: fitted too well is what was only lucky, and it resumes and replays as all else."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loop_parts import QuickPool, StepModel, archive_digest, configured, kill_after, let_live, trivial_problem

from evolve import loop
from evolve.archive import Role, Store, tape_of
from evolve.archive.records import ROTATING
from evolve.config import RunConfig
from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Instance, Split, fresh_id
from evolve.loop.finish import finalists
from evolve.loop.replaying import RecordedPool
from evolve.mutate.mutation import Kind
from evolve.observer import RunResult
from evolve.racing import Race
from evolve.scoring import InstanceResult, Status
from evolve.workers import Fresh

FIXED, FRESH, EVERY = 4, 3, 10
SETTINGS = {"search__fresh_instances": FRESH, "search__fresh_every": EVERY, "search__fresh_elites": 5}


class Wide(type(trivial_problem().evaluator)):  # type: ignore[misc]
    """The trivial problem with four instances a split."""

    def instances(self, split: Split) -> list[Instance]:
        return [Instance(f"{split}/{number}") for number in range(FIXED)]


PROBLEM = replace(trivial_problem(), evaluator=Wide())


def is_lucky(source: str) -> bool:
    """Whether a program has learnt the fixed instances by heart: one in three has."""
    return hashlib.sha256(source.encode()).digest()[0] % 3 == 0


class Luck(QuickPool):
    """The lucky ones have 30 points more on the fixed instances of train, and 30 less anywhere else."""

    def __init__(self, speed_seed: int = 0) -> None:
        super().__init__(speed_seed)
        self.drawn: list[tuple[int, int]] = []

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
        async for result in super().evaluate(source, split, indices):
            index = int(result.instance_id.split("/")[1])
            if fresh is not None:
                self.drawn.append((fresh.seed, index))
                shift = fresh.seed % 7 - 3 + index
                result = replace(result, instance_id=fresh_id(split, fresh.seed, index))
            else:
                shift = 0
            if result.score is not None and is_lucky(source):
                shift += 30 if split is Split.TRAIN and fresh is None else -30
            yield result if result.score is None else replace(result, score=result.score + shift)
            if stop_at_failure and result.status is not Status.OK:
                return


def evolve(folder: Path, config: RunConfig, pool: Any = None, resume: bool = False, tape: Any = None) -> RunResult:
    run = loop.run(
        folder,
        config,
        PROBLEM,
        pool=pool or Luck(),
        clients=None if tape else {"m": StepModel()},
        resume=resume,
        tape=tape,
    )
    return asyncio.run(run)


def rotating(folder: Path) -> dict[int, list[int]]:
    """Program -> positions of its results on drawn instances."""
    with Store.open(folder) as store:
        found = {program.id: list(store.measured(program.id, ROTATING)) for program in store.programs()}
    return {id: positions for id, positions in found.items() if positions}


def test_whatever_is_compared_has_run_on_the_same_instances(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(60, **SETTINGS))
    found = rotating(tmp_path / "run")
    with Store.open(tmp_path / "run") as store:
        last = (store.last_step() - 1) // EVERY
        sound = {program.id for program in store.programs(Role.CHILD) if program.status is Status.OK}
        # An insight is about programs of any time, and a repair mends one that has failed.
        chosen = [one for one in store.selections() if one.kind not in (Kind.INSIGHT, Kind.REPAIR)]
        parents = {selection.step: selection.parent_id for selection in chosen}
        assert len(store.evaluations(0, Split.TRAIN)) == FIXED
    assert set(found) == {0, *sound}
    assert found[0] == list(range((last + 1) * FRESH))
    for step, parent in parents.items():
        epoch = range((step - 1) // EVERY * FRESH, ((step - 1) // EVERY + 1) * FRESH)
        assert set(epoch) <= set(found[parent]), f"step {step}: its parent has not run on the instances of its epoch"
        assert step not in sound or set(epoch) <= set(found[step])


def test_what_was_only_lucky_is_not_built_on_and_does_not_win(tmp_path: Path) -> None:
    shares: dict[str, float] = {}
    for name, settings in (("plain", {}), ("fresh", SETTINGS | {"search__fresh_instances": 12})):
        evolve(tmp_path / name, configured(60, seed=2, **settings))
        with Store.open(tmp_path / name) as store:
            sources = {program.id: program.source for program in store.programs()}
            parents = [sources[selection.parent_id] for selection in store.selections() if selection.step > EVERY]
            shares[name] = sum(map(is_lucky, parents)) / len(parents)
            best_on_train = store.top(1)[0]
            assert is_lucky(best_on_train.source)
            if name == "fresh":
                winner = store.best()
                assert winner is not None and not is_lucky(winner.source)
                assert any(not is_lucky(program.source) for program in finalists(store))
    assert shares["fresh"] < 0.7 * shares["plain"]


@pytest.mark.parametrize("survived", (30, 61, 110))
def test_killed_after_any_commit_a_run_with_rotation_ends_as_if_undisturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    config = configured(22, deterministic=True, search__lag=2, **SETTINGS)
    evolve(tmp_path / "whole", config)
    kill_after(survived, monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  (a group or the kill itself)
        evolve(tmp_path / "cut", config)
    let_live(monkeypatch)
    evolve(tmp_path / "cut", config, Luck(3), resume=True)
    assert archive_digest(tmp_path / "cut") == archive_digest(tmp_path / "whole")
    assert rotating(tmp_path / "cut") == rotating(tmp_path / "whole")


def test_deterministic_one_seed_gives_one_archive_at_any_speed_and_length(tmp_path: Path) -> None:
    config = configured(32, deterministic=True, search__lag=3, **SETTINGS)
    evolve(tmp_path / "one", config, Luck(1))
    evolve(tmp_path / "two", configured(15, deterministic=True, search__lag=3, **SETTINGS), Luck(2))
    evolve(tmp_path / "two", config, Luck(5), resume=True)
    assert archive_digest(tmp_path / "one") == archive_digest(tmp_path / "two")


def test_a_run_with_rotation_is_played_again_from_its_record(tmp_path: Path) -> None:
    config = configured(25, **SETTINGS)
    evolve(tmp_path / "run", config)
    with Store.open(tmp_path / "run") as store:
        evolve(tmp_path / "again", config, RecordedPool(store, PROBLEM.evaluator), tape=tape_of(store))
    assert archive_digest(tmp_path / "again") == archive_digest(tmp_path / "run")
    assert rotating(tmp_path / "again") == rotating(tmp_path / "run")


def test_every_epoch_and_every_seed_has_instances_of_its_own(tmp_path: Path) -> None:
    seeds = []
    for seed in (0, 1):
        pool = Luck()
        evolve(tmp_path / str(seed), configured(25, seed=seed, **SETTINGS), pool)
        seeds.append({drawn for drawn, _ in pool.drawn})
        assert {index for _, index in pool.drawn} == set(range(FRESH))
    assert len(seeds[0]) >= 3 and not seeds[0] & seeds[1]


def test_a_problem_that_draws_no_instances_is_refused_before_there_is_a_run(tmp_path: Path) -> None:
    class Closed(Wide):
        fresh = Evaluator.fresh

    with pytest.raises(UsageError, match="draws no fresh instances"):
        asyncio.run(
            loop.run(tmp_path / "run", configured(5, **SETTINGS), replace(PROBLEM, evaluator=Closed()), pool=Luck())
        )
    assert not (tmp_path / "run").exists()
