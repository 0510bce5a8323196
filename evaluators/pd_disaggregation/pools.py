"""Pools of prefill and decode instances: requests come, prompts are computed, KV travels, roles change.

One heap holds what happens at a moment that an engine finds out: iterations end, KV arrives, a change of role is over.
Not simpy: its clock would have to stop at each of them, since a policy is asked there (`assign` when a prompt is
complete, `dispatch` when the gateway holds requests) and a role changes when the last request has left; each of the
4,000 KV transfers of a case cuts a run of decode iterations, and simpy does 69 k pairs of a time-out and its interrupt
a second. A link is first come, first served and knows the length of every transfer: it is one number, when it is free.
What is a process and rare is one of simpy, in `operation.py`; each says `advance(now)` first.

At one moment, iterations end first, then KV arrives, changes of role end, requests come, machines fail or are back, and
control is asked; instances and requests in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from evaluators.pd_disaggregation.answers import Change, read_instance, wrong_role
from evaluators.pd_disaggregation.fleet import SECOND_NS, TPOT_SLO_S, Case, first_roles
from evaluators.pd_disaggregation.observation import KINDS, Controller, InstanceState, Report
from evaluators.pd_disaggregation.record import Service, Windows, engines_of
from evaluators.pd_disaggregation.view import View
from evaluators.serving import FIRST_SHARE, IDLE, Job, Role, State

CONTROL_S = 5
"""How often a policy may change roles."""

READY, DRAINING, SWITCHING, DOWN = InstanceState
ITERATIONS_END, KV_ARRIVES, SWITCHED = range(3)
GIVES_FIRST = (Role.PREFILL, Role.MIXED)
GIVES_LATER = (Role.DECODE, Role.MIXED)


class Pools:
    """A fleet at work.

    Attributes:
        came: how many requests have come.  roles: what each instance is, or is about to become.  states: of each.
        service: what is written down.
    """

    def __init__(self, case: Case, controller: Controller, form: str) -> None:
        fleet, arrivals = case.fleet, case.arrivals
        number = fleet.instances
        roles = first_roles(number)
        self._case, self._fleet, self._policy = case, fleet, controller
        self._replicas: Any = engines_of(case, roles)
        self._seen = KINDS[case.family]
        self.shares = [FIRST_SHARE] * number if case.shares else None
        columns = (arrivals.arrival_us, arrivals.input_tokens, arrivals.output_tokens)
        jobs = [
            Job(index, us * 1000, prompt, answer, ())
            for index, (us, prompt, answer) in enumerate(zip(*(c.tolist() for c in columns), strict=True))
        ]
        self._jobs, self._scenario = jobs, arrivals.scenario.tolist()
        self._slo_s = case.ttft_slo_s
        self.roles = roles
        self.states = [READY] * number
        self._migrates = [False] * number
        self._inbox: list[list[Job]] = [[] for _ in range(number)]  # sent to an instance that is not ready
        self._inbox_tokens = [0] * number  # prompt tokens of those
        self._incoming = [0] * number  # KV tokens on their way there, or in its inbox
        self._link_free_ns = [0] * number
        self._flying: dict[Job, tuple[int, int, int]] = {}  # request -> (transfer, from, to)
        self._transfers = 0
        self._gateway: list[tuple[int, Job]] = []  # a heap by number
        self._gateway_tokens = 0
        self.came = 0
        self._heap: list[tuple[int, int, int, int, Job | None]] = []
        self._versions = [0] * number
        self._dirty: set[int] = set()
        self._now_ns = 0
        self._view = View(
            self._replicas,
            roles,
            self.states,
            self._inbox_tokens,
            self._incoming,
            self._link_free_ns,
            form,
            self.shares,
        )
        self._windows = Windows(case)
        self.service = Service(jobs, self._replicas, [-1] * len(jobs), [-1] * len(jobs))

    def advance(self, until_ns: int) -> None:
        """Let time pass."""
        heap, jobs = self._heap, self._jobs
        while True:
            arrival_ns = jobs[self.came].arrival_ns if self.came < len(jobs) else until_ns + 1
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
                job = jobs[self.came]
                self.came += 1
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
        self._view.stale |= self._dirty
        for number in sorted(self._dirty):
            replica = self._replicas[number]
            if replica.ends_ns == IDLE and self.states[number] > DRAINING:
                continue
            new = replica.resume(now_ns)
            if replica.swapped:
                for job in replica.swapped:
                    self._send(job, number, number)
                replica.swapped.clear()
            if new:
                self._schedule(number)
        self._dirty.clear()

    def _schedule(self, number: int) -> None:
        """Expect the end of an instance's iterations at its new moment."""
        self._versions[number] += 1
        ends_ns = self._replicas[number].ends_ns
        heappush(self._heap, (ends_ns, ITERATIONS_END, number, self._versions[number], None))

    def _end(self, number: int) -> None:
        """Take in what iterations of an instance have done."""
        replica, now_ns = self._replicas[number], self._now_ns
        self._view.stale.add(number)
        prompts = replica.prompts
        done = replica.end(now_ns)
        for job in prompts:
            if job.first_token_ns == now_ns:
                self.service.prefill[job.number] = number
                self._windows.first(now_ns, job.ttft_ns / SECOND_NS / self._slo_s[job.number])
        for job in done:
            self._complete(job, number)
        if replica.prefilled:
            prefilled, replica.prefilled = replica.prefilled, []
            for job in prefilled:
                self._assign(job, number, hidden=self._fleet.overlap)
        if self.states[number] == DRAINING:
            self._drain(number)
        self._dirty.add(number)
        if prompts:
            self._ask_gateway()

    def _arrive(self, job: Job) -> None:
        """Let KV be where it was sent."""
        _, _, to = self._flying.pop(job)
        self._view.stale.add(to)
        self._incoming[to] -= job.context_tokens
        if self.roles[to] == Role.PREFILL:  # it has changed its mind meanwhile
            self._assign(job, to)
        elif self.states[to] == READY:
            self._replicas[to].enqueue(job, to)
            self._dirty.add(to)
        else:
            self._incoming[to] += job.context_tokens
            self._inbox[to].append(job)

    def _complete(self, job: Job, number: int) -> None:
        self.service.decode[job.number] = number
        times_slo = job.tpot_ns / SECOND_NS / TPOT_SLO_S
        self._windows.done(self._now_ns, self._scenario[job.number], job.output_tokens, times_slo)

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
            waited_s, slo_s = (self._now_ns - job.arrival_ns) / SECOND_NS, self._slo_s[job.number]
            whose = (job.number, self._scenario[job.number], job.context_tokens, waited_s, slo_s, job.generated_tokens)
            prompt = self._seen.prompt(now_s, *whose, len(gateway), self._view.instances(self._now_ns))
            number = self._policy.dispatch(prompt)
            if number.__class__ is not int or not -1 <= number < len(self.roles):
                read_instance(number, len(self.roles), f"request {job.number} at {now_s:.3f} s: dispatch", hold=True)
            if number < 0:
                return
            if self.roles[number] == Role.DECODE:
                raise wrong_role(number, f"request {job.number} at {now_s:.3f} s: dispatch", hold=True)
            heappop(gateway)
            self._view.stale.add(number)
            self._gateway_tokens -= job.context_tokens
            if self.states[number] == READY:
                self._replicas[number].enqueue(job, number)
                self._dirty.add(number)
            else:
                job.replica = number
                self._inbox[number].append(job)
                self._inbox_tokens[number] += job.context_tokens

    def _assign(self, job: Job, source: int, *, hidden: bool = False) -> None:
        """Ask where a request's KV goes, and send it."""
        now_s = self._now_ns / SECOND_NS
        ttft_s, slo_s = job.ttft_ns / SECOND_NS, self._slo_s[job.number]
        whose = (job.number, self._scenario[job.number], job.context_tokens, job.generated_tokens, ttft_s, slo_s)
        prefilled = self._seen.prefilled(now_s, *whose, source, self._view.instances(self._now_ns))
        number = self._policy.assign(prefilled)
        if number.__class__ is not int or not 0 <= number < len(self.roles):
            read_instance(number, len(self.roles), f"request {job.number} at {now_s:.3f} s: assign", hold=False)
        if self.roles[number] == Role.PREFILL:
            raise wrong_role(number, f"request {job.number} at {now_s:.3f} s: assign", hold=False)
        self._send(job, source, number, hidden=hidden)

    def _send(self, job: Job, source: int, to: int, *, hidden: bool = False) -> None:
        """Put a request's KV on a link."""
        start_ns = max(self._now_ns, self._link_free_ns[source])
        end_ns = start_ns + self._fleet.transfer_ns(job.context_tokens, hidden=hidden)
        self._link_free_ns[source] = end_ns
        self._transfers += 1
        self._flying[job] = (self._transfers, source, to)
        self._incoming[to] += job.context_tokens
        self._view.stale.add(to)
        self.service.transfer_ns.append(end_ns - self._now_ns)
        job.state, job.moves = State.MOVING, job.moves + 1
        heappush(self._heap, (end_ns, KV_ARRIVES, job.number, self._transfers, job))

    def open(self, changes: Sequence[Change]) -> None:
        """Take the roles that the fleet starts with: any number of changes, without cost."""
        for change in changes:
            self.roles[change.instance] = change.role
            self._replicas[change.instance].take_role(change.role)
            self._note_share(change)
        self._view.changed()
        self.service.open_shares(self.roles, self.shares)
        self.service.roles += [(0, number, int(role)) for number, role in enumerate(self.roles)]

    def close(self) -> None:
        """Write down when the last request was complete, and how the instances have spent their time."""
        self.service.end_ns = max((job.finish_ns for job in self._jobs), default=0)
        for number in range(self._fleet.instances):
            self._account(number)

    def change(self, changes: Sequence[Change]) -> None:
        """Begin to change roles."""
        for change in changes:
            self._change(change)
        self._ask_gateway()
        self._touch()

    def _change(self, change: Change) -> None:
        """Begin to change a role. Nothing happens when an instance has it, or is not ready."""
        number = change.instance
        if change.role == self.roles[number] or self.states[number] != READY:
            if self.states[number] == READY and self._note_share(change):
                self._view.changed()
            return
        self._note_share(change)
        self.service.switches += 1
        self._view.changed()
        self.roles[number], self.states[number] = change.role, DRAINING
        self._view.stale.add(number)
        self._migrates[number] = change.migrates
        self.service.roles.append((self._now_ns, number, int(change.role)))
        replica = self._replicas[number]
        for job in replica.clear_queue():
            if job.resident:
                self._assign(job, number)
            else:
                self._to_gateway(job)
        if replica.ends_ns == IDLE:
            self._drain(number)
        elif change.migrates and replica.cut(self._now_ns):
            self._schedule(number)

    def _note_share(self, change: Change) -> bool:
        """Divide an instance's SMs anew, now if it is, or when it will be, of role 2. Returns whether that is new."""
        number, share = change.instance, change.share
        if self.shares is None or share in (None, self.shares[number]):
            return False
        self.shares[number] = share
        self.service.shares.append((self._now_ns, number, share))
        if self._replicas[number].take_share(share, self._now_ns):
            self._schedule(number)
        return True

    def _drain(self, number: int) -> None:
        """Between two iterations of an instance that gives up its role: see whether it can begin to switch."""
        replica = self._replicas[number]
        if self._migrates[number] and replica.running:
            leaving, partial = replica.take_out_all()
            self._view.stale.add(number)
            for job in leaving:
                self._assign(job, number)
            if partial is not None:
                self._to_gateway(partial)
        if not replica.running and not replica.queue:
            self._account(number)
            self._view.changed()
            self.states[number] = SWITCHING
            self._versions[number] += 1
            at_ns = self._now_ns + round(self._fleet.switch_s * SECOND_NS)
            heappush(self._heap, (at_ns, SWITCHED, number, self._versions[number], None))

    def _ready(self, number: int) -> None:
        """Let an instance begin to work in its role."""
        self._view.changed()
        self.states[number] = READY
        replica, inbox = self._replicas[number], self._inbox[number]
        replica.take_role(self.roles[number])
        self.service.since_ns[number] = self._now_ns
        self._inbox[number] = []
        self._inbox_tokens[number] = 0
        for job in inbox:
            if job.resident:
                self._incoming[number] -= job.context_tokens
            replica.enqueue(job, number)
        self._dirty.add(number)
        self._view.stale.add(number)

    def _account(self, number: int) -> None:
        """Count the time that an instance has spent in the role that it gives up now, or at the end."""
        replica = self._replicas[number]
        now_ns = self._now_ns if self.completed < len(self._jobs) else self.service.end_ns
        self.service.count_time(number, replica.role, now_ns, replica.busy_ns)

    def fail(self, number: int) -> None:
        """Let a machine lose all it holds, and what is on its way from it or to it."""
        self._account(number)
        lost = [*self._replicas[number].fail(self._now_ns), *self._inbox[number]]
        self._inbox[number] = []
        self._inbox_tokens[number] = self._incoming[number] = 0
        for job, (_, source, to) in list(self._flying.items()):
            if number in (source, to):
                del self._flying[job]
                if to != number:
                    self._incoming[to] -= job.context_tokens
                lost.append(job)
        self._view.changed()
        self._view.stale.update(range(len(self.roles)))
        self.states[number] = DOWN
        self._versions[number] += 1
        self._link_free_ns[number] = self._now_ns
        for job in lost:
            if job.resident:
                job.forget()
            self._to_gateway(job)
        self._ask_gateway()
        self._touch()

    def repair(self, number: int) -> None:
        """Let a machine that failed be back, empty."""
        self._ready(number)
        self._ask_gateway()
        self._touch()

    def report(self) -> Report:
        """Return what `control` sees, and write down how much waits and is in work."""
        now_ns, held = self._now_ns, len(self._gateway)
        instances = self._view.instances(now_ns)
        waiting = sum(self._view.queued) + self._gateway_tokens
        decodes = sum(replica.decodes for replica in self._replicas)
        self.service.states.append((now_ns, held, waiting, decodes, sum(self._view.kv)))
        told = self._windows.told(now_ns, self.came)
        return self._seen.report(now_ns / SECOND_NS, held, self._gateway_tokens, *told, instances)

    @property
    def completed(self) -> int:
        """How many requests are complete."""
        return self._windows.completed

    @property
    def held(self) -> list[int]:
        """The requests that the gateway holds."""
        return sorted(number for number, _ in self._gateway)
