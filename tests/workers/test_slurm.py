"""The engine `slurm` on a real cluster of one node, from the command line as a person uses it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import pytest
from command_line import TRIVIAL, command, evolve
from slurm_server import Slurm, cluster, relays
from waiting import wait_until

from evolve.archive import RunStatus, Store
from evolve.config import resolve
from evolve.evaluator import Split
from evolve.scoring import Status
from evolve.workers import evaluate_spread, make_pool
from evolve.workers.crew import LOST

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one_core() -> Iterator[Slurm]:
    with cluster(cores=1) as slurm:
        yield slurm


def run_of(folder: Path, evaluations: int) -> list[str]:
    where = ("--run", folder, "--set", f"slurm.folder={folder.parent / 'jobs'}")
    return command("run", TRIVIAL, "--engine", "slurm", "--workers", 2, "--evaluations", evaluations, *where)


@contextmanager
def at_work(folder: Path, evaluations: int) -> Iterator[subprocess.Popen[str]]:
    """A run that has begun to evaluate."""
    process = subprocess.Popen(run_of(folder, evaluations), stdout=PIPE, stderr=PIPE, text=True)
    log = folder / "log.jsonl"
    try:
        wait_until(lambda: process.poll() is not None or (log.exists() and log.read_text().count('"evaluated"') > 3))
        assert process.poll() is None, process.communicate()[1]
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate()


def check_whole(folder: Path, evaluations: int) -> None:
    """All programs are scored, each at its first try or after a worker was lost: none is blamed for it."""
    with Store.open(folder) as store:
        assert store.summary().status is RunStatus.FINISHED
        children = [program for program in store.programs() if program.id > 0]
        assert len(children) == store.summary().evaluations == evaluations
        assert {program.status for program in children} <= {Status.OK, Status.INFEASIBLE}
        failed = {result.failure for program in children for result in store.evaluations(program.id, Split.TRAIN)}
    assert LOST not in failed


def test_a_run_begins_with_the_first_job_ends_with_all_scored_and_leaves_none(one_core: Slurm, tmp_path: Path) -> None:
    with at_work(tmp_path / "run", 20) as process:
        waiting = one_core.jobs("PENDING")
        facts = " ".join(one_core.ask("scontrol", "show", "job", *waiting))
        said, trouble = process.communicate(timeout=120)
    assert process.returncode == 0, trouble
    assert len(waiting) == 1, "there is room for one job of two"
    assert "Requeue=0" in facts, "Slurm would submit it again besides"
    assert "sacct" not in said + trouble
    check_whole(tmp_path / "run", 20)
    wait_until(lambda: not one_core.jobs())


def test_a_job_that_is_cancelled_costs_no_evaluation_and_another_is_submitted(one_core: Slurm, tmp_path: Path) -> None:
    with at_work(tmp_path / "run", 120) as process:
        (first,), (second,) = one_core.jobs("RUNNING"), one_core.jobs("PENDING")
        one_core.cancel(first)
        wait_until(lambda: one_core.jobs("RUNNING") == [second])
        wait_until(lambda: len(one_core.jobs("PENDING")) == 1)
        _, trouble = process.communicate(timeout=120)
    assert process.returncode == 0, trouble
    check_whole(tmp_path / "run", 120)
    wait_until(lambda: not one_core.jobs())


def test_a_job_that_is_cancelled_while_it_waits_is_submitted_again(one_core: Slurm, tmp_path: Path) -> None:
    with at_work(tmp_path / "run", 100_000) as process:
        (second,) = one_core.jobs("PENDING")
        one_core.cancel(second)
        wait_until(lambda: one_core.jobs("PENDING") not in ([], [second]))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    wait_until(lambda: not one_core.jobs())


def test_of_a_run_that_is_killed_no_job_is_left(one_core: Slurm, tmp_path: Path) -> None:
    with at_work(tmp_path / "run", 100_000) as process:
        assert len(one_core.jobs()) == 2
        process.kill()
        process.communicate()
    wait_until(lambda: not one_core.jobs())


def test_a_job_that_is_lost_while_the_controller_is_away_is_replaced_when_it_is_back(
    one_core: Slurm, tmp_path: Path
) -> None:
    with at_work(tmp_path / "run", 200) as process:
        one_core.stop_controller()
        for pid in relays(tmp_path / "jobs"):
            os.kill(pid, signal.SIGKILL)
        time.sleep(15)  # longer than sbatch tries
        one_core.start_controller()
        _, trouble = process.communicate(timeout=400)
    assert process.returncode == 0, trouble
    check_whole(tmp_path / "run", 200)
    wait_until(lambda: not one_core.jobs())


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("slurm.partition=nope", "invalid partition"), ("slurm.host=nobody.invalid", "slurm.host")],
)
def test_what_the_cluster_refuses_is_one_line(one_core: Slurm, tmp_path: Path, setting: str, reason: str) -> None:
    done = evolve("run", TRIVIAL, "--engine", "slurm", "--evaluations", 2, "--run", tmp_path / "run", "--set", setting)
    assert done.code == 2 and done.err.splitlines()[-1].startswith("evolve: engine slurm: ")
    assert reason in done.err.splitlines()[-1] and "Traceback" not in done.err
    assert not one_core.jobs()


def test_a_worker_has_the_cores_that_its_problem_asks_for(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine has one core")
    problem = tmp_path / "two_cores"
    shutil.copytree(TRIVIAL, problem)
    code = (problem / "evaluator.py").read_text().replace('name = "trivial"', 'name = "two_cores"\n    cpus = 2')
    code = code.replace('{"distance": distance}', '{"cores": len(__import__("os").sched_getaffinity(0))}')
    (problem / "evaluator.py").write_text(code)
    config = resolve(None, [], {"problem": str(problem), "engine": "slurm", "workers": 1})

    async def cores() -> float:
        async with make_pool(config) as pool:
            (result,) = await evaluate_spread(pool, "def answer():\n    return 1.0", Split.TRAIN, 1)
            return result.metrics["cores"]

    with cluster(cores=2):
        assert asyncio.run(cores()) == 2
