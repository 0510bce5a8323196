"""The gateway on the clock of simpy: requests come, reports come, machines get slow or fail, and a policy decides.

simpy for what is a process and rare: arrivals, reports, slow-downs, replacements, control once a second: some ten
thousand events. What engines do in between is `evaluators.serving.engine`, to which every process first says
`advance(now)`.
"""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import simpy

from evaluators.llm_routing.cluster import (
    A100,
    KV_BYTES,
    MOVE_BYTES_PER_S,
    TPOT_SLO_S,
    TTFT_SLO_S,
    Case,
    Replacement,
    SlowDown,
    prefill_ms_per_token,
)
from evaluators.llm_routing.observation import (
    ClusterInfo,
    Finished,
    Observation,
    Report,
    Request,
    array_row,
    block_hashes,
    packed_row,
)
from evaluators.serving import (
    BLOCK_TOKENS,
    MEASURED,
    CacheIndex,
    Engine,
    Job,
    PrefixCache,
    Replica,
    State,
    prefill_alone_ns,
)
from evaluators.serving.requests import cached_tokens
from evolve.evaluator import Infeasible, pack

SECOND_NS = 1_000_000_000
MOST_MOVES = 4
"""Requests that one answer of `rebalance` may move."""

Process = Generator[simpy.Event, Any, None]


class Router(Protocol):
    """A policy, wherever it runs."""

    @property
    def rebalances(self) -> bool:
        """Whether it wants to be asked once a second which requests to move."""

    def route(self, observation: Observation) -> Any:
        """Return the replica of a request."""

    def rebalance(self, report: Report) -> Any:
        """Return pairs of request and replica."""


@dataclass
class Service:
    """What became of the requests of a case.

    jobs: in the order of arrival.  ttft_slo_s: of each.  best_cached_tokens: what the best replica had of each prompt
    in its cache when the request came.  replicas: the engines as they ended.
    """

    jobs: list[Job]
    ttft_slo_s: list[float]
    replicas: list[Replica]
    best_cached_tokens: list[int] = field(default_factory=list)


def info_of(case: Case) -> ClusterInfo:
    """Return the constants that a policy is made with."""
    cluster = case.cluster
    return ClusterInfo(
        cluster.replicas,
        BLOCK_TOKENS,
        np.array([prefill_ms_per_token(cost) for cost in cluster.costs]),
        np.array([cost.sequence_ns / 1e6 for cost in cluster.costs]),
        np.array([cost.kv_ns / 1e6 for cost in cluster.costs]),
        cluster.kv_capacity_tokens,
        cluster.cache_blocks,
        cluster.report_interval_s,
    )


@functools.lru_cache(maxsize=64)
def ttft_slos_s(case: Case) -> list[float]:
    """Return the time in which each request's first token is due, s: 0.5 s more than on an idle A100 machine."""
    slowest = MEASURED[A100]
    return [
        TTFT_SLO_S + prefill_alone_ns(slowest, tokens) / SECOND_NS for tokens in case.requests.input_tokens.tolist()
    ]


@functools.lru_cache(maxsize=64)
def _hashes(case: Case, packed: bool) -> list[Any]:
    hashes = block_hashes(case.requests.blocks)
    return [pack(names) for names in hashes] if packed else hashes


def serve(case: Case, router: Router, *, packed: bool, fresh: bool = False) -> Service:
    """Serve a case. Raises Infeasible when an answer of the router breaks a rule.

    packed: the arrays of observations are in the form in which they are sent; else they are arrays, for a router in
        this process.  fresh: the router sees every replica as it is now, not as of the last report.
    """
    gateway = _Gateway(case, router, packed, 0 if fresh else round(case.cluster.report_interval_s * SECOND_NS))
    gateway.run()
    return gateway.service


class _Gateway:
    def __init__(self, case: Case, router: Router, packed: bool, report_interval_ns: int) -> None:
        cluster, requests = case.cluster, case.requests
        index = CacheIndex(cluster.replicas)
        replicas = [
            Replica(cost, cluster.kv_capacity_tokens, PrefixCache(cluster.cache_blocks, index, number))
            for number, cost in enumerate(cluster.costs)
        ]
        self._engine = Engine(replicas, index, KV_BYTES, MOVE_BYTES_PER_S)
        jobs = [
            Job(number, us * 1000, prompt, answer, blocks)
            for number, (us, prompt, answer, blocks) in enumerate(
                zip(
                    requests.arrival_us.tolist(),
                    requests.input_tokens.tolist(),
                    requests.output_tokens.tolist(),
                    requests.blocks,
                    strict=True,
                )
            )
        ]
        self.service = Service(jobs, ttft_slos_s(case), replicas)
        self._case, self._router = case, router
        self._hashes = _hashes(case, packed)
        self._row = packed_row(cluster.replicas) if packed else array_row
        self._interval_ns = report_interval_ns
        self._reported_ns = -1
        self._report: tuple[Any, ...] = ()
        self._env = simpy.Environment()
        self._completed = 0

    def run(self) -> None:
        """Serve all requests."""
        env = self._env
        env.process(self._arrivals())
        for incident in self._case.cluster.incidents:
            env.process(self._slow_down(incident) if isinstance(incident, SlowDown) else self._replace(incident))
        if self._router.rebalances:
            env.process(self._control())
        env.run()
        self._engine.drain()

    def _wait(self, until_ns: int) -> Process:
        """Let simpy, and then the engines, get to a moment."""
        if until_ns > self._env.now:
            yield self._env.timeout(until_ns - int(self._env.now))
        self._engine.advance(until_ns)

    def _arrivals(self) -> Process:
        interval_ns = self._interval_ns
        for job, slo_s, names in zip(self.service.jobs, self.service.ttft_slo_s, self._hashes, strict=True):
            now_ns = job.arrival_ns
            # Of all reports since the last request, only the latest is ever read.
            due_ns = now_ns - now_ns % interval_ns if interval_ns else now_ns
            if due_ns > self._reported_ns:
                yield from self._wait(due_ns)
                self._take_report(due_ns)
            yield from self._wait(now_ns)
            self._submit(job, Request(job.number, job.input_tokens, names, slo_s, TPOT_SLO_S))

    def _submit(self, job: Job, request: Request) -> None:
        matches = self._engine.index.matches(job.blocks)
        self.service.best_cached_tokens.append(cached_tokens(max(matches), job.input_tokens))
        observation = Observation(job.arrival_ns / SECOND_NS, request, self._row(matches), *self._seen())
        answer = self._router.route(observation)
        replicas = len(matches)
        if type(answer) is not int or not 0 <= answer < replicas:
            raise Infeasible(
                f"request {job.number} at {observation.now_s:.3f} s: route returned {reprlib.repr(answer)} "
                f"({type(answer).__name__}), expected a replica, a whole number (int) in 0..{replicas - 1}"
            )
        self._engine.submit(job, answer)

    def _take_report(self, now_ns: int) -> None:
        replicas, row = self._engine.replicas, self._row
        self._reported_ns = now_ns
        self._report = (
            now_ns / SECOND_NS,
            row([len(r.queue) for r in replicas]),
            row([r.queued_tokens for r in replicas]),
            row([len(r.running) for r in replicas]),
            row([r.kv_tokens_at(now_ns) for r in replicas]),
            row([r.cache.evictions for r in replicas]),
        )

    def _seen(self) -> tuple[Any, ...]:
        """Return what both kinds of observation end with: the last report, and what was completed since."""
        return (*self._report, self._finished())

    def _finished(self) -> tuple[Finished, ...]:
        if not self._engine.finished:
            return ()
        done = self._engine.fetch_finished()
        self._completed += len(done)
        return tuple(
            [Finished(j.number, j.replica, j.ttft_ns / SECOND_NS, j.tpot_ns / SECOND_NS, j.output_tokens) for j in done]
        )

    def _slow_down(self, incident: SlowDown) -> Process:
        cost = self._case.cluster.costs[incident.replica]
        yield from self._wait(incident.start_s * SECOND_NS)
        self._engine.set_cost(incident.replica, cost.slowed(incident.factor))
        yield from self._wait((incident.start_s + incident.length_s) * SECOND_NS)
        self._engine.set_cost(incident.replica, cost)

    def _replace(self, incident: Replacement) -> Process:
        yield from self._wait(incident.at_s * SECOND_NS)
        self._engine.replace(incident.replica)

    def _control(self) -> Process:
        """Ask once a second which requests to move, until all are complete."""
        second = 0
        while self._completed + len(self._engine.finished) < len(self.service.jobs):
            second += 1
            now_ns = second * SECOND_NS
            yield from self._wait(now_ns)
            if now_ns > self._reported_ns:
                self._take_report(now_ns)
            answer = self._router.rebalance(Report(float(second), *self._seen()))
            for number, to in self._checked_moves(answer, second):
                self._engine.move(self.service.jobs[number], to)

    def _checked_moves(self, answer: Any, second: int) -> list[tuple[int, int]]:
        """Read an answer of `rebalance`. Raises Infeasible that names the move and what is wrong with it."""
        at = f"rebalance at {second} s"
        rows = answer.tolist() if isinstance(answer, np.ndarray) else answer
        if not isinstance(rows, list):
            raise Infeasible(f"{at} returned {type(answer).__name__}, expected (m, 2) whole numbers [request, replica]")
        if len(rows) > MOST_MOVES:
            raise Infeasible(f"{at} moves {len(rows)} requests, at most {MOST_MOVES} are allowed")
        jobs, replicas = self.service.jobs, len(self._engine.replicas)
        moves: dict[int, int] = {}
        for row in rows:
            if not isinstance(row, list) or len(row) != 2 or any(type(x) is not int for x in row):
                raise Infeasible(f"{at}: move {reprlib.repr(row)} is no pair of whole numbers [request, replica]")
            number, to = row
            if not 0 <= to < replicas:
                raise Infeasible(f"{at}: request {number} is moved to replica {to}, expected 0..{replicas - 1}")
            if not 0 <= number < len(jobs) or jobs[number].state is State.NEW:
                raise Infeasible(f"{at}: request {number} is moved and has not come yet")
            if jobs[number].state is State.DONE:
                raise Infeasible(f"{at}: request {number} is moved and was complete before (see `finished`)")
            if number in moves:
                raise Infeasible(f"{at}: request {number} is moved twice")
            moves[number] = to
        return list(moves.items())
