"""The main function of a worker process: it holds the verifier and a sandbox, and evaluates what it is sent."""

from __future__ import annotations

import functools
import os
import pickle
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from evolve.errors import UsageError
from evolve.evaluator import Instance, Split
from evolve.racing import Race
from evolve.registry import load_problem
from evolve.scoring import InstanceResult, Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox, SandboxLost

DRAWS_KEPT = 16
"""How many splits and fresh draws a worker has in memory at once."""


@dataclass(frozen=True)
class Setup:
    """What a worker works on. cpu: the core that it shares with its candidates, None = any."""

    ref: str
    options: dict[str, Any]
    data: Path | None
    cpu: int | None


@dataclass(frozen=True)
class Fresh:
    """Instances drawn afresh, in the place of a split's own ones: what `Evaluator.fresh` is asked."""

    seed: int
    count: int


@dataclass(frozen=True)
class Job:
    """Evaluate a program on some instances of a split, in this order.

    race: None, or against what it may be outrun.  fresh: None, or what the instances are drawn from.
    """

    source: str
    split: Split
    indices: tuple[int, ...]
    stop_at_failure: bool
    race: Race | None = None
    fresh: Fresh | None = None


@dataclass(frozen=True)
class Ready:
    """A worker's first word: the layers of isolation that are missing, as (name, detail), or why it cannot work."""

    missing: tuple[tuple[str, str], ...] = ()
    error: str = ""


def send(connection: Connection, value: Any) -> None:
    """Send a value between a worker and its pool, which trust each other.

    Not `connection.send`: multiprocess pickles with dill, which takes ten times as long for what pickle can do.
    """
    connection.send_bytes(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def receive(connection: Connection) -> Any:
    """Receive what `send` sent. Raises EOFError or ConnectionResetError when the other end is gone."""
    return pickle.loads(connection.recv_bytes())


def work(connection: Connection, setup: Setup) -> None:
    """Serve jobs until the other end hangs up."""
    # Ctrl-C reaches the whole process group; the main process decides what becomes of the work in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if setup.cpu is not None:
        # A candidate answers in 10 us on its worker's core, in 70 us across cores.
        os.sched_setaffinity(0, {setup.cpu})
    try:
        evaluator = load_problem(setup.ref, setup.options).evaluator
        sandbox = Sandbox(evaluator.limits, tuple(evaluator.libraries))
        missing = tuple((layer.name, layer.detail) for layer in sandbox.layers if not layer.active)
    except (UsageError, SandboxLost) as error:
        _is_heard(connection, Ready(error=str(error)))
        return
    if not _is_heard(connection, Ready(missing)):
        return

    @functools.lru_cache(maxsize=DRAWS_KEPT)
    def instances(split: Split, fresh: Fresh | None) -> Sequence[Instance]:
        if fresh is not None:
            return evaluator.fresh(split, fresh.seed, fresh.count)
        return evaluator.instances(split) if setup.data is None else evaluator.load(setup.data)

    with sandbox:
        while True:
            try:
                job: Job = receive(connection)
            except (EOFError, ConnectionResetError):
                return
            results: list[InstanceResult] = []
            answer: list[InstanceResult] | UsageError = results
            try:
                among = instances(job.split, job.fresh)
                for index in job.indices:
                    result = evaluate_instance(evaluator, sandbox, job.source, among[index])
                    results.append(result)
                    if job.stop_at_failure and result.status is not Status.OK:
                        break
                    if job.race is not None and job.race.is_lost([r.score for r in results]):
                        break
            except UsageError as error:
                answer = error
            if not _is_heard(connection, answer):
                return


def _is_heard(connection: Connection, value: Any) -> bool:
    """Send a value; return whether the pool was still there. It may close while a worker starts, or is at work."""
    try:
        send(connection, value)
    except BrokenPipeError:
        return False
    return True
