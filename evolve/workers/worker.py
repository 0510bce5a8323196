"""The main function of a worker process: it holds the verifier and a sandbox, and evaluates what it is sent."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence

from multiprocess.connection import Connection

from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Instance, Split
from evolve.foreign import NamedLines, foreign, instances_of
from evolve.registry import load_problem
from evolve.scoring import Status
from evolve.workers.drawing import draw_instance
from evolve.workers.evaluation import evaluate_instance, summary
from evolve.workers.leftovers import Leftovers
from evolve.workers.messages import Begun, Drawing, Job, Listing, Over, Ready, Setup, Summing, receive, send
from evolve.workers.pool import WALL_TIME, Fresh
from sandbox import Sandbox, SandboxLost

DRAWS_KEPT = 16
"""How many splits and fresh draws a worker has in memory at once."""


def work(wire: int) -> None:
    """Serve jobs until the other end is closed. wire: descriptor of a socket; the first word on it is a `Setup`."""
    with Connection(wire) as connection:
        try:
            _serve(connection)
        except (EOFError, ConnectionError):
            return  # the pool may close while a worker starts, or is at work


def _serve(connection: Connection) -> None:
    setup: Setup = receive(connection)
    # Standard output belongs to the command that the pool works for, and may be JSON.
    os.dup2(2, 1)
    leftovers = Leftovers()
    try:
        evaluator = load_problem(setup.ref, setup.options).evaluator
        if setup.cpu is not None and "score" in evaluator.timed_metrics:
            # A candidate answers in 10 us on its worker's core, in 70 us across cores.
            os.sched_setaffinity(0, {setup.cpu})
        sandbox = Sandbox(evaluator.limits, tuple(evaluator.libraries), has_spare=not evaluator.timed_metrics)
        missing = tuple((layer.name, layer.detail) for layer in sandbox.layers if not layer.active)
    except (UsageError, SandboxLost) as error:
        send(connection, Ready(error=str(error)))
        return
    send(connection, Ready(missing, "", evaluator.evaluation_s, evaluator.limits.wall_s))
    sys.stdout = NamedLines(evaluator.name)

    @functools.lru_cache(maxsize=DRAWS_KEPT)
    def instances(split: Split, fresh: Fresh | None) -> Sequence[Instance]:
        if fresh is None and setup.data is None:
            return instances_of(evaluator, split)
        with foreign(evaluator.name):
            if fresh is not None:
                return evaluator.fresh(split, fresh.seed, fresh.count)
            assert setup.data is not None
            return evaluator.load(setup.data)

    with sandbox:
        while True:
            asked: Job | Summing | Listing | Drawing = receive(connection)
            if isinstance(asked, Summing):
                send(connection, summary(evaluator, asked.split, asked.results))
                continue
            try:
                among = instances(asked.split, asked.fresh if isinstance(asked, Job) else None)
            except UsageError as error:
                send(connection, error)
                continue
            if isinstance(asked, Listing):
                send(connection, tuple(instance.id for instance in among))
                continue
            if isinstance(asked, Drawing):
                send(connection, draw_instance(evaluator, sandbox, asked.source, among[asked.index]))
                leftovers.end(spared=sandbox.zygote_pid)
                continue
            _run(connection, evaluator, sandbox, asked, among, leftovers)


def _run(
    connection: Connection,
    evaluator: Evaluator,
    sandbox: Sandbox,
    job: Job,
    instances: Sequence[Instance],
    leftovers: Leftovers,
) -> None:
    """Do a job, and send each result as soon as it is there."""
    send(connection, Begun(tuple(instances[index].id for index in job.indices)))
    scores: list[float | None] = []
    for index in job.indices:
        result = evaluate_instance(evaluator, sandbox, job.source, instances[index])
        spent = leftovers.end(spared=sandbox.zygote_pid)
        scores.append(result.score)
        has_failed = result.failure == WALL_TIME or (job.stop_at_failure and result.status is not Status.OK)
        is_lost = job.race is not None and job.race.is_lost(scores)
        if spent or has_failed or is_lost or len(scores) == len(job.indices):
            break
        send(connection, result)
    send(connection, Over(result, spent))
