"""Every strategy that comes with evolve, in whole runs: killed and resumed, and played again from its record."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import loop
from evolve.archive import Program, RunStatus, Store, Tape, differences, tape_of
from evolve.config import RunConfig
from evolve.loop.replaying import tape_clients
from evolve.observer import Observer, Progress, RunResult
from evolve.search.strategies import OWN

PROBLEM = trivial_problem()
EVALUATIONS = 24
BEGINNINGS = {"search__starts": 3, "search__turn_after": 5}
RUNS: dict[str, dict[str, Any]] = {
    **{name: {"search__strategy": name} for name in sorted(OWN)},
    "islands, starts and turns": {"search__strategy": "islands", **BEGINNINGS},
    "pareto, starts and turns": {"search__strategy": "pareto", **BEGINNINGS},
    "climbing, tuning": {"search__strategy": "climbing", "mutation__tune": 0.3},
    "portfolio, tuning": {"search__strategy": "portfolio", "mutation__tune": 0.3},
}


class KilledAt(Observer):
    """Ends the process without a word when as many programs have been scored."""

    def __init__(self, evaluations: int) -> None:
        self.left = evaluations

    def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def run(
    folder: Path,
    config: RunConfig,
    speed_seed: int = 0,
    observers: tuple[Observer, ...] = (),
    resume: bool = False,
    tape: Tape | None = None,
) -> RunResult:
    clients: Mapping[str, Any] = {"m": HashModel(speed_seed)} if tape is None else tape_clients(tape)
    pool = QuickPool(speed_seed, 20)
    return asyncio.run(
        loop.run(folder, config, PROBLEM, observers, pool=pool, clients=clients, resume=resume, tape=tape)
    )


def run_and_kill(folder: Path, config: RunConfig, evaluations: int, resume: bool = False) -> None:
    """Run in a process of its own, which SIGKILL ends in the middle of a step."""
    child = os.fork()
    if child == 0:
        run(folder, config, evaluations, (KilledAt(evaluations),), resume)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with Store.open(folder) as store:
        assert store.summary().status is RunStatus.INTERRUPTED


@pytest.mark.parametrize("name", RUNS)
def test_killed_twice_and_resumed_it_ends_as_if_undisturbed(tmp_path: Path, name: str) -> None:
    config = configured(EVALUATIONS, deterministic=True, search__lag=3, seed=7, **RUNS[name])
    run(tmp_path / "whole", config)
    run_and_kill(tmp_path / "killed", config, 6)
    run_and_kill(tmp_path / "killed", config, 10, resume=True)
    result = run(tmp_path / "killed", config, speed_seed=5, resume=True)
    assert (result.status, result.progress.evaluations) == (RunStatus.FINISHED, EVALUATIONS)
    assert archive_digest(tmp_path / "killed") == archive_digest(tmp_path / "whole")


@pytest.mark.parametrize(
    "name",
    [name if "tuning" in name or "turns" in name else pytest.param(name, marks=pytest.mark.slow) for name in RUNS],
)
def test_it_is_played_again_from_its_record_at_another_speed(tmp_path: Path, name: str) -> None:
    config = configured(EVALUATIONS, seed=7, **RUNS[name])
    run(tmp_path / "run", config, speed_seed=1)
    with Store.open(tmp_path / "run") as recorded:
        run(tmp_path / "again", config, speed_seed=2, tape=tape_of(recorded))
        with Store.open(tmp_path / "again") as again:
            assert list(differences(recorded, again)) == []
    assert archive_digest(tmp_path / "run") == archive_digest(tmp_path / "again")
