"""Pools of prefill and decode instances: requests come, prompts are computed, KV travels, roles change.

One heap holds what happens at a moment that an engine finds out: iterations end, KV arrives, a change of role is over.
Not simpy: its clock would have to stop at each of them, since a policy is asked there (`assign` when a prompt is
complete, `dispatch` when the gateway holds requests) and a role changes when the last request has left; each of the
12,000 KV transfers cuts a run of decode iterations, and simpy does 69 k pairs of a time-out and its interrupt a
second. A link is first come, first served and knows the length of every transfer: it is one number, when it is free.
What is a process and rare is one of simpy: control every 5 s, failures and repairs; each says `advance(now)` first.

At one moment, iterations end first, then KV arrives, changes of role end, requests come, machines fail or are back, and
control is asked; instances and requests in the order of their numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Protocol

import numpy as np
import simpy

from evaluators.pd_disaggregation.answers import Change, read_changes, read_instance
from evaluators.pd_disaggregation.fleet import (
    SCENARIOS,
    SECOND_NS,
    TPOT_SLO_S,
    Case,
    Failure,
    prefill_ms_per_token,
)
from evaluators.pd_disaggregation.observation import (
    FleetInfo,
    Instances,
    InstanceState,
    Prefilled,
    Prompt,
    Report,
    Rows,
)
from evaluators.serving import IDLE, Job, PooledReplica, Role, State
from evolve.evaluator import Infeasible

CONTROL_S = 5
"""How often a policy may change roles."""
STUCK_S = 600
"""A fleet that completes nothing for so long while requests wait is stuck."""
LONGEST_DRAIN_S = 7200
"""After the last request has come, all must be complete within so long."""
WINDOWS_S = (10, 60)

READY, DRAINING, SWITCHING, DOWN = InstanceState
ITERATIONS_END, KV_ARRIVES, SWITCHED = range(3)
GIVES_FIRST = (Role.PREFILL, Role.MIXED)
GIVES_LATER = (Role.DECODE, Role.MIXED)

Process = Generator[simpy.Event, Any, None]


class Controller(Protocol):
    """A policy, wherever it runs."""

    def dispatch(self, prompt: Prompt) -> Any:
        """Return the instance that computes a prompt, or -1 to hold it."""

    def assign(self, prefilled: Prefilled) -> Any:
        """Return the instance that generates a request's later tokens."""

    def control(self, report: Report) -> Any:
        """Return rows of instance, role, and perhaps whether its requests are moved away."""


@dataclass
class Service:
    """What became of the requests of a case.

    jobs: in the order of arrival.  prefill, decode: (n,) where each request's first and later tokens were made, last.
    replicas: the engines as they ended.  roles: (time ns, instance, role) of each change; the first ones at 0.
    states: (time ns, prompts held, prompt tokens queued, decodes, KV in use) at each control.
    transfer_ns: of each transfer, from the end of the prefill to the arrival.  role_ns: time by instance and role.
    """

    jobs: list[Job]
    replicas: list[PooledReplica]
    prefill: list[int] = field(default_factory=list)
    decode: list[int] = field(default_factory=list)
    roles: list[tuple[int, int, int]] = field(default_factory=list)
    states: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    transfer_ns: list[int] = field(default_factory=list)
    busy_ns: list[list[int]] = field(default_factory=list)
    role_ns: list[list[int]] = field(default_factory=list)
    switches: int = 0
    end_ns: int = 0


def first_roles(instances: int) -> list[Role]:
    """Return the roles that a fleet starts with: half of it prefill, the smaller half where it is odd."""
    return [Role.PREFILL] * (instances // 2) + [Role.DECODE] * (instances - instances // 2)


def info_of(case: Case) -> FleetInfo:
    """Return the constants that a policy is made with."""
    fleet = case.fleet
    costs = fleet.costs
    return FleetInfo(
        fleet.instances,
        np.array(first_roles(fleet.instances), dtype=np.int64),
        np.array([prefill_ms_per_token(cost) for cost in costs]),
        np.array([cost.prefill_ns / 1e6 for cost in costs]),
        np.array([cost.decode_ns / 1e6 for cost in costs]),
        np.array([cost.sequence_ns / 1e6 for cost in costs]),
        np.array([cost.kv_ns / 1e6 for cost in costs]),
        fleet.kv_capacity_tokens,
        fleet.transfer_ns(1000, hidden=fleet.overlap) / 1e9,
        fleet.switch_s,
        len(SCENARIOS),
    )


def serve(case: Case, controller: Controller, form: str) -> Service:
    """Serve a case. Raises Infeasible when an answer of the controller breaks a rule.

    form: in which the rows of observations are: "packed", "arrays" or "lists"; see `Rows`.
    """
    pools = Pools(case, controller, form)
    pools.run()
    return pools.service


class Pools:
    """A fleet at work. Attributes with an underscore in front are read by the tests that check the books."""

    def __init__(self, case: Case, controller: Controller, form: str) -> None:
        fleet, arrivals = case.fleet, case.arrivals
        number = fleet.instances
        roles = first_roles(number)
        self._case, self._fleet, self._policy = case, fleet, controller
        self._replicas = [
            PooledReplica(cost, fleet.kv_capacity_tokens, role) for cost, role in zip(fleet.costs, roles, strict=True)
        ]
        columns = (arrivals.arrival_us, arrivals.input_tokens, arrivals.output_tokens)
        jobs = [
            Job(index, us * 1000, prompt, answer, ())
            for index, (us, prompt, answer) in enumerate(zip(*(c.tolist() for c in columns), strict=True))
        ]
        self._jobs, self._scenario = jobs, arrivals.scenario.tolist()
        self._slo_s = case.ttft_slo_s
        self._roles = roles  # what each instance is, or is about to become
        self._states = [READY] * number
        self._migrates = [False] * number
        self._inbox: list[list[Job]] = [[] for _ in range(number)]  # sent to an instance that is not ready
        self._inbox_tokens = [0] * number  # prompt tokens of those
        self._incoming = [0] * number  # KV tokens on their way there, or in its inbox
        self._link_free_ns = [0] * number
        self._flying: dict[Job, tuple[int, int, int]] = {}  # request -> (transfer, from, to)
        self._transfers = 0
        self._gateway: list[tuple[int, Job]] = []  # a heap by number
        self._gateway_tokens = 0
        self._came = 0
        self._heap: list[tuple[int, int, int, int, Job | None]] = []
        self._versions = [0] * number
        self._dirty: set[int] = set()
        self._now_ns = 0
        self._queued, self._running, self._kv, self._coming = ([0] * number for _ in range(4))  # as a policy sees them
        self._stale = set(range(number))  # of whom these must be counted again
        self._growing: list[int] = []  # of whom the KV in use grows with time
        self._since_ns = [0] * number  # when each took its present role
        self._busy_before_ns = [0] * number
        self._rows = Rows(number, form)
        self._fixed: tuple[Any, Any] | None = None  # roles and states as sent
        self._first_ns: list[int] = []  # when first tokens came, and sums of their times over the SLO
        self._first_sums = [0.0]
        self._done_ns: list[int] = []  # when requests were complete
        self._done_sums = [0.0]  # sums of their times between tokens, over the SLO
        self._done_by: list[tuple[list[int], list[int]]] = [([], [0]) for _ in SCENARIOS]  # when, and sums of tokens
        self._completed = 0
        self._sums = _window_sums(case)
        service = Service(jobs, self._replicas, [-1] * len(jobs), [-1] * len(jobs))
        service.busy_ns = [[0, 0, 0] for _ in range(number)]
        service.role_ns = [[0, 0, 0] for _ in range(number)]
        self.service = service
        self._env = simpy.Environment()

    def run(self) -> None:
        """Serve all requests."""
        self._open()
        for failure in self._fleet.failures:
            self._env.process(self._fail(failure))
        self._env.process(self._control())
        self._env.run()
        self.service.end_ns = max((job.finish_ns for job in self._jobs), default=0)
        for number in range(self._fleet.instances):
            self._account(number)

    # The clock

    def advance(self, until_ns: int) -> None:
        """Let time pass."""
        heap, jobs = self._heap, self._jobs
        while True:
            arrival_ns = jobs[self._came].arrival_ns if self._came < len(jobs) else until_ns + 1
            if heap and heap[0][0] <= arrival_ns:
                if heap[0][0] > until_ns:
                    break
                now_ns, kind, number, serial, job = heappop(heap)
                if kind == ITERATIONS_END:
                    if serial != self._versions[number]:
                        continue
                    self._now_ns = now_ns
                    self._end(number)
                elif kind == KV_ARRIVES:
                    assert job is not None
                    flight = self._flying.get(job)
                    if flight is None or flight[0] != serial:
                        continue
                    self._now_ns = now_ns
                    self._arrive(job)
                else:
                    if serial != self._versions[number]:
                        continue
                    self._now_ns = now_ns
                    self._ready(number)
                    self._ask_gateway()
            elif arrival_ns <= until_ns:
                self._now_ns = arrival_ns
                job = jobs[self._came]
                self._came += 1
                self._to_gateway(job)
                if len(self._gateway) == 1:
                    self._ask_gateway()
            else:
                break
            if self._dirty:
                self._touch()
        self._now_ns = until_ns

    def _touch(self) -> None:
        """Let the instances that something has happened to decide anew: at once, or after the iteration in progress."""
        now_ns = self._now_ns
        self._stale |= self._dirty
        for number in sorted(self._dirty):
            replica = self._replicas[number]
            if replica.ends_ns == IDLE:
                if self._states[number] > DRAINING:
                    continue
                replica.begin(now_ns)
                if replica.swapped:
                    for job in replica.swapped:
                        self._send(job, number, number)
                    replica.swapped.clear()
                if replica.ends_ns == IDLE:
                    continue
            elif not replica.cut(now_ns):
                continue
            self._versions[number] += 1
            heappush(self._heap, (replica.ends_ns, ITERATIONS_END, number, self._versions[number], None))
        self._dirty.clear()

    # What happens

    def _end(self, number: int) -> None:
        """Take in what iterations of an instance have done."""
        replica, now_ns = self._replicas[number], self._now_ns
        self._stale.add(number)
        prompts = replica.prompts
        done = replica.end(now_ns)
        for job in prompts:
            if job.first_token_ns == now_ns:
                self.service.prefill[job.number] = number
                self._first_ns.append(now_ns)
                times = job.ttft_ns / SECOND_NS / self._slo_s[job.number]
                self._first_sums.append(self._first_sums[-1] + times)
        for job in done:
            self._complete(job, number)
        if replica.prefilled:
            prefilled, replica.prefilled = replica.prefilled, []
            for job in prefilled:
                self._assign(job, number, hidden=self._fleet.overlap)
        if self._states[number] == DRAINING:
            self._drain(number)
        self._dirty.add(number)
        if prompts:
            self._ask_gateway()

    def _arrive(self, job: Job) -> None:
        """Let KV be where it was sent."""
        _, _, to = self._flying.pop(job)
        self._stale.add(to)
        self._incoming[to] -= job.context_tokens
        if self._roles[to] == Role.PREFILL:  # it has changed its mind meanwhile
            self._assign(job, to)
        elif self._states[to] == READY:
            self._replicas[to].enqueue(job, to)
            self._dirty.add(to)
        else:
            self._incoming[to] += job.context_tokens
            self._inbox[to].append(job)

    def _complete(self, job: Job, number: int) -> None:
        self._completed += 1
        self.service.decode[job.number] = number
        self._done_ns.append(self._now_ns)
        self._done_sums.append(self._done_sums[-1] + job.tpot_ns / SECOND_NS / TPOT_SLO_S)
        at_ns, tokens = self._done_by[self._scenario[job.number]]
        at_ns.append(self._now_ns)
        tokens.append(tokens[-1] + job.output_tokens)

    # The gateway

    def _to_gateway(self, job: Job) -> None:
        job.state = State.QUEUED
        heappush(self._gateway, (job.number, job))
        self._gateway_tokens += job.context_tokens

    def _ask_gateway(self) -> None:
        """Ask where the request at the head goes, until it is held or none is left."""
        gateway = self._gateway
        while gateway:
            job = gateway[0][1]
            now_s = self._now_ns / SECOND_NS
            prompt = Prompt(
                now_s,
                job.number,
                self._scenario[job.number],
                job.context_tokens,
                (self._now_ns - job.arrival_ns) / SECOND_NS,
                self._slo_s[job.number],
                job.generated_tokens,
                len(gateway),
                self._instances(),
            )
            number = self._policy.dispatch(prompt)
            if number.__class__ is not int or not -1 <= number < len(self._roles):
                read_instance(number, len(self._roles), f"request {job.number} at {now_s:.3f} s: dispatch", hold=True)
            if number < 0:
                return
            if self._roles[number] == Role.DECODE:
                raise Infeasible(
                    f"request {job.number} at {now_s:.3f} s: dispatch returned instance {number}, which is a decode "
                    "instance (role 1); expected one of role 0 or 2, or -1 to hold"
                )
            heappop(gateway)
            self._stale.add(number)
            self._gateway_tokens -= job.context_tokens
            if self._states[number] == READY:
                self._replicas[number].enqueue(job, number)
                self._dirty.add(number)
            else:
                job.replica = number
                self._inbox[number].append(job)
                self._inbox_tokens[number] += job.context_tokens

    def _assign(self, job: Job, source: int, *, hidden: bool = False) -> None:
        """Ask where a request's KV goes, and send it."""
        now_s = self._now_ns / SECOND_NS
        prefilled = Prefilled(
            now_s,
            job.number,
            self._scenario[job.number],
            job.context_tokens,
            job.generated_tokens,
            job.ttft_ns / SECOND_NS,
            self._slo_s[job.number],
            source,
            self._instances(),
        )
        number = self._policy.assign(prefilled)
        if number.__class__ is not int or not 0 <= number < len(self._roles):
            read_instance(number, len(self._roles), f"request {job.number} at {now_s:.3f} s: assign", hold=False)
        if self._roles[number] == Role.PREFILL:
            raise Infeasible(
                f"request {job.number} at {now_s:.3f} s: assign returned instance {number}, which is a prefill "
                "instance (role 0); expected one of role 1 or 2"
            )
        self._send(job, source, number, hidden=hidden)

    def _send(self, job: Job, source: int, to: int, *, hidden: bool = False) -> None:
        """Put a request's KV on a link."""
        start_ns = max(self._now_ns, self._link_free_ns[source])
        end_ns = start_ns + self._fleet.transfer_ns(job.context_tokens, hidden=hidden)
        self._link_free_ns[source] = end_ns
        self._transfers += 1
        self._flying[job] = (self._transfers, source, to)
        self._incoming[to] += job.context_tokens
        self._stale.add(to)
        self.service.transfer_ns.append(end_ns - self._now_ns)
        job.state, job.moves = State.MOVING, job.moves + 1
        heappush(self._heap, (end_ns, KV_ARRIVES, job.number, self._transfers, job))

    # Roles

    def _open(self) -> None:
        """Ask for the roles that the fleet starts with: any number of changes, without cost."""
        changes = self._changes(-1)
        for change in changes:
            self._roles[change.instance] = change.role
            self._replicas[change.instance].take_role(change.role)
        self._fixed = None
        self.service.roles += [(0, number, int(role)) for number, role in enumerate(self._roles)]

    def _change(self, change: Change) -> None:
        """Begin to change a role. Nothing happens when an instance has it, or is not ready."""
        number = change.instance
        if change.role == self._roles[number] or self._states[number] != READY:
            return
        self.service.switches += 1
        self._fixed = None
        self._roles[number], self._states[number] = change.role, DRAINING
        self._stale.add(number)
        self._migrates[number] = change.migrates
        self.service.roles.append((self._now_ns, number, int(change.role)))
        replica = self._replicas[number]
        for job in replica.clear_queue():
            self._put_elsewhere(job, number)
        if replica.ends_ns == IDLE:
            self._drain(number)
        elif change.migrates and replica.cut(self._now_ns):
            self._versions[number] += 1
            heappush(self._heap, (replica.ends_ns, ITERATIONS_END, number, self._versions[number], None))

    def _put_elsewhere(self, job: Job, number: int) -> None:
        if job.resident:
            self._assign(job, number)
        else:
            self._to_gateway(job)

    def _drain(self, number: int) -> None:
        """Between two iterations of an instance that gives up its role: see whether it can begin to switch."""
        replica = self._replicas[number]
        if self._migrates[number] and replica.running:
            leaving, partial = replica.take_out_all()
            self._stale.add(number)
            for job in leaving:
                self._assign(job, number)
            if partial is not None:
                self._to_gateway(partial)
        if not replica.running and not replica.queue:
            self._account(number)
            self._fixed = None
            self._states[number] = SWITCHING
            self._versions[number] += 1
            at_ns = self._now_ns + round(self._fleet.switch_s * SECOND_NS)
            heappush(self._heap, (at_ns, SWITCHED, number, self._versions[number], None))

    def _ready(self, number: int) -> None:
        """Let an instance begin to work in its role."""
        self._fixed = None
        self._states[number] = READY
        replica, inbox = self._replicas[number], self._inbox[number]
        replica.take_role(self._roles[number])
        self._since_ns[number] = self._now_ns
        self._inbox[number] = []
        self._inbox_tokens[number] = 0
        for job in inbox:
            if job.resident:
                self._incoming[number] -= job.context_tokens
            replica.enqueue(job, number)
        self._dirty.add(number)
        self._stale.add(number)

    def _account(self, number: int) -> None:
        """Count the time that an instance has spent in the role that it gives up now, or at the end."""
        replica = self._replicas[number]
        end_ns = max(self._now_ns if self._completed < len(self._jobs) else self.service.end_ns, self._since_ns[number])
        self.service.role_ns[number][replica.role] += end_ns - self._since_ns[number]
        self.service.busy_ns[number][replica.role] += replica.busy_ns - self._busy_before_ns[number]
        self._since_ns[number], self._busy_before_ns[number] = end_ns, replica.busy_ns

    # Processes

    def _wait(self, until_ns: int) -> Process:
        """Let simpy, and then the engines, get to a moment."""
        if until_ns > self._env.now:
            yield self._env.timeout(until_ns - int(self._env.now))
        self.advance(until_ns)

    def _control(self) -> Process:
        """Ask every 5 s who changes its role, until all requests are complete."""
        tick = stuck = before = 0
        last_ns = self._jobs[-1].arrival_ns if self._jobs else 0
        while self._completed < len(self._jobs):
            tick += 1
            yield from self._wait(tick * CONTROL_S * SECOND_NS)
            if self._completed == len(self._jobs):
                break
            stuck = stuck + 1 if before == self._completed and self._completed < self._came else 0
            before = self._completed
            if stuck * CONTROL_S >= STUCK_S or self._now_ns > last_ns + LONGEST_DRAIN_S * SECOND_NS:
                raise Infeasible(self._stuck())
            for change in self._changes(tick):
                self._change(change)
            self._ask_gateway()
            self._touch()

    def _stuck(self) -> str:
        said = f"at {self._now_ns // SECOND_NS} s no request has been completed for {STUCK_S} s"
        if self._gateway:
            return (
                f"{said}: the gateway holds {len(self._gateway)}, first request {self._gateway[0][0]}; dispatch must "
                "send each somewhere"
            )
        return f"{said} while {self._came - self._completed} are in the fleet; let instances stay in their roles"

    def _changes(self, tick: int) -> list[Change]:
        """Ask which instances change their roles; a tick of -1 is before the first request."""
        now_s = max(tick, 0) * CONTROL_S
        answer = self._policy.control(self._report())
        limit = len(self._roles) if tick < 0 else None
        changes = read_changes(answer, len(self._roles), f"control at {now_s} s", limit)
        roles = list(self._roles)
        for change in changes:
            if self._states[change.instance] == READY:
                roles[change.instance] = change.role
        for able, what in ((GIVES_FIRST, "prefill"), (GIVES_LATER, "decode")):
            if not any(role in able for role in roles):
                raise Infeasible(
                    f"control at {now_s} s leaves no {what} instance of {len(roles)}; at least one must have role "
                    f"{int(able[0])} or 2"
                )
        return changes

    def _fail(self, failure: Failure) -> Process:
        number = failure.instance
        yield from self._wait(failure.at_s * SECOND_NS)
        if self._completed == len(self._jobs):
            return
        self._account(number)
        lost = [*self._replicas[number].fail(self._now_ns), *self._inbox[number]]
        self._busy_before_ns[number] = self._replicas[number].busy_ns
        self._inbox[number] = []
        self._inbox_tokens[number] = self._incoming[number] = 0
        for job, (_, source, to) in list(self._flying.items()):
            if number in (source, to):
                del self._flying[job]
                if to != number:
                    self._incoming[to] -= job.context_tokens
                lost.append(job)
        self._fixed = None
        self._stale = set(range(len(self._roles)))
        self._states[number] = DOWN
        self._versions[number] += 1
        self._link_free_ns[number] = self._now_ns
        for job in lost:
            if job.resident:
                job.forget()
            self._to_gateway(job)
        self._ask_gateway()
        self._touch()
        yield from self._wait((failure.at_s + failure.repair_s) * SECOND_NS)
        self._ready(number)
        self._ask_gateway()
        self._touch()

    # What a policy sees

    def _instances(self) -> Instances:
        now_ns, row = self._now_ns, self._rows.whole
        if self._fixed is None:
            self._fixed = row(self._roles), row(self._states)
        if self._stale:
            self._count_again()
        for number in self._growing:
            self._kv[number] = self._replicas[number].kv_tokens_at(now_ns)
        backlog = [(free - now_ns) / SECOND_NS if free > now_ns else 0.0 for free in self._link_free_ns]
        return Instances(
            *self._fixed,
            row(self._queued),
            row(self._running),
            row(self._kv),
            row(self._coming),
            self._rows.real(backlog),
        )

    def _count_again(self) -> None:
        """Count what a policy sees of the instances to which something has happened."""
        for number in self._stale:
            replica = self._replicas[number]
            self._queued[number] = replica.queued_tokens + self._inbox_tokens[number]
            self._running[number] = len(replica.running)
            self._kv[number] = replica.kv_tokens
            self._coming[number] = self._incoming[number] + replica.waiting_kv_tokens
        self._stale.clear()
        self._growing = [number for number, replica in enumerate(self._replicas) if replica.decodes]

    def _report(self) -> Report:
        now_ns = self._now_ns
        arrived = [self._sums(now_ns - seconds * SECOND_NS, self._came) for seconds in WINDOWS_S]
        completed = [self._completed_within(now_ns - seconds * SECOND_NS) for seconds in WINDOWS_S]
        since_ns = now_ns - WINDOWS_S[-1] * SECOND_NS
        instances = self._instances()
        replicas = self._replicas
        self.service.states.append(
            (
                now_ns,
                len(self._gateway),
                sum(self._queued) + self._gateway_tokens,
                sum(replica.decodes for replica in replicas),
                sum(self._kv),
            )
        )
        return Report(
            now_ns / SECOND_NS,
            len(self._gateway),
            self._gateway_tokens,
            *arrived,
            *completed,
            _mean_since(since_ns, self._first_ns, self._first_sums),
            _mean_since(since_ns, self._done_ns, self._done_sums),
            instances,
        )

    def _completed_within(self, since_ns: int) -> np.ndarray:
        """Return how many requests of each scenario were completed after a moment, and the tokens of their answers."""
        rows = []
        for at_ns, tokens in self._done_by:
            first = bisect_right(at_ns, since_ns)
            rows.append((len(at_ns) - first, tokens[-1] - tokens[first]))
        return np.array(rows, dtype=np.int64)


def _mean_since(since_ns: int, at_ns: list[int], sums: list[float]) -> float:
    """Return the mean of what came after a moment; 0 where that is nothing. sums: of what came before each."""
    first = bisect_right(at_ns, since_ns)
    return (sums[-1] - sums[first]) / (len(at_ns) - first) if first < len(at_ns) else 0.0


def _window_sums(case: Case) -> Any:
    """Return what counts, by scenario, the requests before the n-th that came after a moment, and their tokens."""
    arrivals = case.arrivals
    times_ns = arrivals.arrival_us * 1000
    one_hot = (arrivals.scenario[:, None] == np.arange(len(SCENARIOS))).astype(np.int64)
    table = np.stack([one_hot, one_hot * arrivals.input_tokens[:, None]], axis=2)
    sums = np.concatenate([np.zeros((1, len(SCENARIOS), 2), dtype=np.int64), np.cumsum(table, axis=0)])

    def within(after_ns: int, end: int) -> np.ndarray:
        first = min(int(np.searchsorted(times_ns, after_ns, side="right")), end)
        found: np.ndarray = sums[end] - sums[first]
        return found

    return within
