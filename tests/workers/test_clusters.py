"""Engines beyond this process's own workers: Slurm jobs (as submitit's local processes here), a real Ray cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import TRIVIAL, evolve
from slurm_server import relays
from waiting import wait_until

from evolve.config import RunConfig, resolve
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult
from evolve.workers import evaluate_spread, make_pool, slurm_engine
from evolve.workers.relay import own_core

GOOD = "def answer():\n    return 21.0"
SCORE = 100 * (1 - 21 / 41)


def engine(name: str, **sets: Any) -> RunConfig:
    flags = {key.replace("__", "."): value for key, value in sets.items()}
    return resolve(None, [], {"problem": str(TRIVIAL), "engine": name, "workers": 2} | flags)


def slurm(folder: Path, **sets: Any) -> RunConfig:
    return engine("slurm", slurm__cluster="local", slurm__host="127.0.0.1", slurm__folder=str(folder), **sets)


def test_slurm_jobs_evaluate_one_that_is_killed_is_replaced_and_none_is_left(tmp_path: Path) -> None:
    async def go() -> tuple[list[InstanceResult], list[InstanceResult]]:
        async with make_pool(slurm(tmp_path)) as pool:
            before = await evaluate_spread(pool, GOOD, Split.TRAIN, 1)
            for relay in relays(tmp_path):  # one works, the other may still be on its way
                os.kill(relay, signal.SIGKILL)
            after = await evaluate_spread(pool, GOOD, Split.TRAIN, 1)
            assert relays(tmp_path)
            return before, after

    for results in asyncio.run(go()):
        assert [(result.status, result.score) for result in results] == [("ok", pytest.approx(SCORE))]
    wait_until(lambda: not relays(tmp_path))


def test_a_stranger_who_calls_and_says_nothing_keeps_no_job_waiting_and_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers: list[socket.socket] = []
    opened = slurm_engine._Door.open

    def open_and_be_called(door: slurm_engine._Door, host: str) -> None:
        opened(door, host)
        strangers.append(socket.create_connection(door._listener.address))

    monkeypatch.setattr(slurm_engine._Door, "open", open_and_be_called)
    monkeypatch.setattr(slurm_engine, "HANDSHAKE_S", 2)

    async def go() -> InstanceResult:
        async with make_pool(slurm(tmp_path, workers=1)) as pool:
            (result,) = await evaluate_spread(pool, GOOD, Split.TRAIN, 1)
            return result

    assert asyncio.run(go()).score == pytest.approx(SCORE)
    (stranger,) = strangers
    with stranger:
        stranger.settimeout(60.0)
        while stranger.recv(4096):  # the challenge, then the end
            pass


def test_the_files_of_jobs_which_hold_the_key_of_the_run_are_nobody_elses(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    async def go() -> list[int]:
        async with make_pool(slurm(tmp_path, workers=1)):
            return [stat.S_IMODE(folder.stat().st_mode) for folder in tmp_path.iterdir()]

    assert asyncio.run(go()) == [0o700]


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"engine slurm: .*sbatch is looked for"):
        asyncio.run(make_pool(engine("slurm")).__aenter__())


def test_an_engine_whose_extra_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in (("ray", "ray"), ("slurm", "submitit")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(UsageError, match=rf"pip install 'evolve\[{name}\]'"):
            make_pool(engine(name))


def test_an_unknown_engine_is_named_with_the_known_ones() -> None:
    done = evolve("run", TRIVIAL, "--engine", "slurn", "--dry-run")
    assert (done.code, done.out) == (2, "")
    assert "slurm" in done.err and done.err.count("\n") == 1


def test_two_relays_of_a_machine_have_unlike_cores_and_the_rest_none() -> None:
    cores = [31_001, 31_002]
    first, second, third = own_core(cores), own_core(cores), own_core(cores)
    assert (first[0], second[0], third) == (31_001, 31_002, (None, None))
    assert first[1] is not None and second[1] is not None
    second[1].close()
    again = own_core(cores)
    assert again[0] == 31_002 and again[1] is not None
    first[1].close(), again[1].close()


# -- Ray, which takes half a minute to start ---------------------------------------------------------------------


@pytest.fixture
def two_nodes() -> Iterator[Any]:
    """A cluster of a head without room for work and two nodes of one core."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the extra ray")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    yield cluster, nodes
    cluster.shutdown()


@pytest.mark.slow
def test_a_node_that_is_killed_in_the_middle_costs_no_evaluation(two_nodes: Any, tmp_path: Path) -> None:
    cluster, nodes = two_nodes
    command = [sys.executable, "-m", "evolve", "run", str(TRIVIAL), "--engine", "ray", "--ray-address", cluster.address]
    command += ["--workers", "2", "--evaluations", "60", "--run", str(tmp_path / "run"), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run" / "log.jsonl"
    wait_until(lambda: process.poll() is not None or (log.exists() and log.read_text().count('"evaluated"') > 5))
    cluster.remove_node(nodes[0], allow_graceful=False)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    failed = evolve("show", tmp_path / "run", "--failed", "--json")
    assert '"lost"' not in failed.out


@pytest.mark.slow
def test_no_ray_cluster_is_one_line() -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    done = evolve("run", TRIVIAL, "--engine", "ray", "--ray-address", "127.0.0.1:1", "--evaluations", "2")
    assert done.code == 2
    assert "no Ray cluster answers" in done.err.splitlines()[-1]
