"""The rules of pd_disaggregation once more: one iteration after the other, lists, no closed form and no simpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evaluators.pd_disaggregation.fleet import Case

SECOND = 10**9


@dataclass(eq=False)
class SlowRequest:
    id: int
    came: int
    prompt: int
    output: int
    generated: int = 0
    context: int = 0  # KV it has, or needs before the next token
    computed: int = 0
    has_kv: bool = False  # travels, or waits, with its KV
    first: int = -1
    finish: int = -1


@dataclass(eq=False)
class SlowInstance:
    cost: Any
    role: int
    target: int
    state: int = 0
    queue: list[SlowRequest] = field(default_factory=list)
    running: list[SlowRequest] = field(default_factory=list)  # in the order of admission
    decoding: list[SlowRequest] = field(default_factory=list)
    chunks: list[tuple[SlowRequest, int]] = field(default_factory=list)
    inbox: list[SlowRequest] = field(default_factory=list)
    partial: SlowRequest | None = None
    ends: int | None = None
    migrates: bool = False
    link_free: int = 0
    ready_at: int | None = None

    def kv(self) -> int:
        return sum(r.context for r in self.running)


class SlowPools:
    """Same policy, same answers: `log` holds what the policy saw."""

    def __init__(self, case: Case, policy: Any) -> None:
        fleet, n = case.fleet, case.fleet.instances
        self.fleet, self.policy, self.log = fleet, policy, []
        self.instances = [SlowInstance(cost, int(i >= n // 2), int(i >= n // 2)) for i, cost in enumerate(fleet.costs)]
        a = case.arrivals
        self.requests = [
            SlowRequest(i, int(a.arrival_us[i]) * 1000, int(a.input_tokens[i]), int(a.output_tokens[i]))
            for i in range(len(a))
        ]
        for r in self.requests:
            r.context = r.prompt
        self.coming = list(self.requests)
        self.incidents = [(at * SECOND, f.instance) for f in fleet.failures for at in (f.at_s, f.at_s + f.repair_s)]
        self.gateway: list[SlowRequest] = []
        self.flying: list[tuple[int, SlowRequest, int, int]] = []  # arrives at, request, from, to
        self.now = 0

    def view(self, what: str, who: int, tokens: int) -> dict[str, Any]:
        every = self.instances
        coming = [sum(r.context for _, r, _, to in self.flying if to == i) for i in range(len(every))]
        return {
            "what": what,
            "who": who,
            "tokens": tokens,
            "now": self.now,
            "roles": [i.target for i in every],
            "states": [i.state for i in every],
            "queued": [
                sum(r.context for r in i.queue + i.inbox if not r.has_kv)
                + sum(r.context - r.computed for r in i.running if r not in i.decoding)
                for i in every
            ],
            "running": [len(i.running) for i in every],
            "kv": [i.kv() for i in every],
            "coming": [
                there + sum(r.context for r in i.queue + i.inbox if r.has_kv)
                for there, i in zip(coming, every, strict=True)
            ],
            "backlog": [max(0, i.link_free - self.now) for i in every],
        }

    def ask(self, what: str, who: int = -1, tokens: int = 0) -> Any:
        view = self.view(what, who, tokens)
        answer = getattr(self.policy, what)(view)
        self.log.append((view, answer))
        return answer

    def run(self) -> None:
        for row in self.ask("control")[: len(self.instances)]:
            self.open(*row)
        tick = 1
        while any(r.finish < 0 for r in self.requests):
            times = [(i.ends, 0, n) for n, i in enumerate(self.instances) if i.ends is not None]
            times += [(at, 1, r.id) for at, r, _, _ in self.flying]
            times += [
                (i.ready_at, 2, n) for n, i in enumerate(self.instances) if i.ready_at is not None and i.state == 2
            ]
            times += [(r.came, 3, r.id) for r in self.coming[:1]]
            times += [(at, 4, number) for at, number in self.incidents]
            times.append((tick * 5 * SECOND, 5, 0))
            self.now, kind, number = min(times)
            if kind == 0:
                self.end(number)
            elif kind == 1:
                self.arrive(number)
            elif kind == 2:
                self.ready(number)
                self.ask_gateway()
            elif kind == 3:
                self.gateway.append(self.coming.pop(0))
                if len(self.gateway) == 1:
                    self.ask_gateway()
            elif kind == 4:
                self.incidents.remove((self.now, number))
                self.fail_or_repair(number)
                self.ask_gateway()
            else:
                tick += 1
                for instance, role, *flag in self.ask("control"):
                    self.change(instance, role, bool(flag and flag[0]), *flag[1:])
                self.ask_gateway()
            for number, instance in enumerate(self.instances):
                if instance.state <= 1:
                    self.begin(number)

    def open(self, instance: int, role: int, *_: int) -> None:
        self.instances[instance].role = self.instances[instance].target = role

    def ask_gateway(self) -> None:
        self.gateway.sort(key=lambda r: r.id)
        while self.gateway:
            head = self.gateway[0]
            to = self.ask("dispatch", head.id, head.context)
            if to < 0:
                return
            self.gateway.pop(0)
            instance = self.instances[to]
            (instance.queue if instance.state == 0 else instance.inbox).append(head)

    def assign(self, request: SlowRequest, source: int, half: bool = False) -> None:
        request.has_kv = True
        self.send(request, source, self.ask("assign", request.id, request.context), half)

    def send(self, request: SlowRequest, source: int, to: int, half: bool = False) -> None:
        request.has_kv = True
        speed = self.fleet.link_bytes_per_s * (2 if half else 1)
        took = -(-request.context * 327_680 * SECOND // speed)
        link = self.instances[source]
        link.link_free = max(self.now, link.link_free) + took
        self.flying.append((link.link_free, request, source, to))

    def arrive(self, number: int) -> None:
        flight = next(f for f in self.flying if f[1].id == number and f[0] == self.now)
        self.flying.remove(flight)
        _, request, _, to = flight
        instance = self.instances[to]
        if instance.target == 0:
            self.assign(request, to)
        else:
            (instance.queue if instance.state == 0 else instance.inbox).append(request)

    def begin(self, number: int) -> None:
        i = self.instances[number]
        if i.ends is not None:
            return
        if i.role == 0:
            total = 0
            while i.queue and (not total or total + i.queue[0].context <= 2048):
                r = i.queue.pop(0)
                total += r.context
                i.running.append(r)
                i.chunks.append((r, r.context))
            if i.chunks:
                i.ends = self.now + i.cost.compute_ns(total, sum(r.context**2 for r, _ in i.chunks), 0)
            return
        while i.kv() + len(i.decoding) > self.fleet.kv_capacity_tokens:
            r = i.running.pop()
            if r is i.partial:
                i.partial, r.computed = None, 0
                i.queue.insert(0, r)
            else:
                i.decoding.remove(r)
                self.send(r, number, number)
        budget = 512 if i.role == 2 else 2048
        attention = 0
        while budget:
            r = i.partial
            if r is None:
                room = self.fleet.kv_capacity_tokens - i.kv() - len(i.decoding)
                if not i.queue or i.queue[0].context >= room:
                    break
                r = i.queue.pop(0)
                i.running.append(r)
                if r.has_kv:
                    r.has_kv = False
                    i.decoding.append(r)
                    continue
            tokens = min(budget, r.context - r.computed)
            budget -= tokens
            attention += (r.computed + tokens) ** 2 - r.computed**2
            i.chunks.append((r, tokens))
            i.partial = r if r.computed + tokens < r.context else None
        if i.chunks or i.decoding:
            total = sum(tokens for _, tokens in i.chunks)
            held = sum(r.context for r in i.decoding)
            i.ends = self.now + i.cost.compute_ns(total, attention, len(i.decoding)) + i.cost.kv_ns * held

    def end(self, number: int) -> None:
        i = self.instances[number]
        i.ends = None
        for r in list(i.decoding):
            r.generated += 1
            r.context += 1
            self.maybe_done(r, i)
        leaving = []
        chunks, i.chunks = i.chunks, []
        for r, tokens in chunks:
            r.computed += tokens
            if r.computed < r.context:
                continue
            r.computed = 0
            r.generated += 1
            if r.first < 0:
                r.first = self.now
            if r.generated == r.output:
                self.maybe_done(r, i)
            elif i.role == 0:
                i.running.remove(r)
                leaving.append(r)
            else:
                i.decoding.append(r)
        for r in leaving:
            self.assign(r, number, self.fleet.overlap)
        if i.state == 1:
            self.drain(number)
        if chunks:
            self.ask_gateway()

    def maybe_done(self, r: SlowRequest, i: SlowInstance) -> None:
        if r.generated == r.output:
            r.finish = self.now
            i.running.remove(r)
            if r in i.decoding:
                i.decoding.remove(r)

    def change(self, number: int, role: int, migrates: bool) -> None:
        i = self.instances[number]
        if i.state or role == i.target:
            return
        i.target, i.state, i.migrates = role, 1, migrates
        waiting, i.queue = i.queue, []
        for r in waiting:
            if r.has_kv:
                self.assign(r, number)
            else:
                self.gateway.append(r)
        if i.ends is None:
            self.drain(number)

    def drain(self, number: int) -> None:
        i = self.instances[number]
        if i.migrates:
            if i.partial is not None:
                i.running.remove(i.partial)
                i.partial.computed = 0
                self.gateway.append(i.partial)
                i.partial = None
            leaving, i.running, i.decoding = i.running, [], []
            for r in leaving:
                self.assign(r, number)
        if not i.running and not i.queue:
            i.state, i.ready_at = 2, self.now + round(self.fleet.switch_s * SECOND)

    def ready(self, number: int) -> None:
        i = self.instances[number]
        i.role, i.state, i.ready_at = i.target, 0, None
        i.queue += i.inbox
        i.inbox = []

    def fail_or_repair(self, number: int) -> None:
        i = self.instances[number]
        if i.state == 3:
            self.ready(number)
            return
        lost = i.running + i.queue + i.inbox
        for flight in [f for f in self.flying if number in f[2:]]:
            self.flying.remove(flight)
            lost.append(flight[1])
        for r in lost:
            r.context, r.computed, r.has_kv = r.prompt + r.generated, 0, False
        i.running, i.queue, i.inbox, i.decoding, i.chunks = [], [], [], [], []
        i.partial = i.ends = i.ready_at = None
        i.state, i.link_free = 3, self.now
        self.gateway += lost
