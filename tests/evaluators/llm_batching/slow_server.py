"""The rules of llm_batching once more: one iteration after the other, a list of events, no closed form and no simpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evaluators.llm_batching.calls import Case


@dataclass(eq=False)
class SlowRequest:
    id: int
    call: int
    prompt: int
    output: int
    kv: int = 0
    left: int = 0
    seen: list[int] = field(default_factory=list)  # when each token came out
    where: str = "waiting"

    @property
    def decodes(self) -> bool:
        return self.where == "running" and not self.left


class SlowServer:
    """Same policies, same answers: `log` holds what the policy saw, in a form that the quick one can be compared by."""

    def __init__(self, case: Case, policy: Any) -> None:
        self.case, self.policy = case, policy
        self.calls, self.cost, self.capacity = case.calls, case.machine.model_of_cost, case.machine.kv_capacity_tokens
        self.requests: list[SlowRequest] = []
        self.running: list[SlowRequest] = []  # in the order in which they got KV
        self.events: list[tuple[int, int, str, int]] = []  # time, order, what, whom
        self.now = self.order = self.pcie_free = 0
        self.held: dict[int, tuple[int, int]] = {}  # program -> tokens, until
        self.ttl: dict[int, int] = {}
        self.finish: dict[int, int] = {}
        self.forced: list[int] = []
        self.news = False
        self.log: list[Any] = []
        for call in range(len(self.calls)):
            if not self.calls.after[call]:
                self.schedule(int(self.calls.arrival_us[call]) * 1000, "come", call)

    def schedule(self, at: int, what: str, whom: int) -> None:
        self.order += 1
        self.events.append((at, self.order, what, whom))

    def used(self) -> int:
        on_gpu = sum(r.kv for r in self.requests if r.where in ("running", "leaving", "coming"))
        return on_gpu + sum(tokens for tokens, _ in self.held.values())

    def happen(self, until: int) -> None:
        """Let all events up to a moment happen."""
        while self.events and min(self.events)[0] <= until:
            event = min(self.events)
            self.events.remove(event)
            self.now = max(self.now, event[0])
            getattr(self, event[2])(event[3])

    def come(self, call: int) -> None:
        request = SlowRequest(
            len(self.requests), call, int(self.calls.input_tokens[call]), int(self.calls.output_tokens[call])
        )
        self.requests.append(request)
        program = int(self.calls.program[call])
        if self.calls.extends[call] >= 0 and program in self.held:
            request.kv, _ = self.held.pop(program)
            request.where = "running"
            self.running.append(request)
        request.left = request.prompt - request.kv
        self.news = True

    def has_left(self, id_: int) -> None:
        self.requests[id_].where = "swapped"
        self.news = True

    def has_come(self, id_: int) -> None:
        self.requests[id_].where = "running"
        self.running.append(self.requests[id_])
        self.news = True

    def expire(self, program: int) -> None:
        if program in self.held and self.held[program][1] == self.now:
            del self.held[program]
            self.news = True

    def open(self) -> set[int]:
        begun = {int(self.calls.program[r.call]) for r in self.requests} - {-1}
        return {
            p for p in begun if any(c not in self.finish for c in range(len(self.calls)) if self.calls.program[c] == p)
        }

    def run(self) -> None:
        while len(self.finish) < len(self.calls):
            self.happen(self.now)
            if not [r for r in self.requests if r.where in ("waiting", "running", "swapped")]:
                self.happen(min(self.events)[0])
                continue
            self.one_plan()

    def one_plan(self) -> None:
        plan = self.policy.decide(self.view())
        self.forced = []
        for program, ttl in plan["pin"]:
            self.ttl[program] = round(ttl * 10**9)
            if program in self.held:
                self.hold(program, self.held[program][0])
        for id_, how in plan["preempt"]:
            self.running.remove(self.requests[id_])
            if how == "recompute":
                self.drop(self.requests[id_])
        for id_ in [id_ for id_, how in plan["preempt"] if how == "swap"]:
            self.requests[id_].where = "leaving"
            self.transfer(id_, "has_left")
        for id_ in plan["resume"]:
            self.requests[id_].where = "coming"
            self.transfer(id_, "has_come")
        chunks = dict(plan["prefill"])
        decodes = [r for r in self.running if r.decodes and r.id not in plan["pause"]]
        while self.used() + sum(chunks.values()) + len(decodes) > self.capacity:
            if self.held:
                del self.held[next(iter(self.held))]
                continue
            victims = [r for r in self.requests if r in self.running or r.id in chunks]
            if not victims:
                break
            victim = victims[-1]
            chunks.pop(victim.id, None)
            if victim in self.running:
                self.forced.append(victim.id)
                self.running.remove(victim)
                self.drop(victim)
            decodes = [r for r in decodes if r is not victim]
        if not chunks and not decodes:
            self.news = False
            while not self.news and self.events:
                self.happen(min(self.events)[0])
            return
        self.news = False
        for count in range(1, 65):
            done = self.iterate(chunks, decodes)
            full = self.used() + len(decodes) > self.capacity
            if chunks or done or self.news or full or count == 64:
                break
        for request in sorted(done, key=lambda r: r.id):
            self.complete(request)

    def iterate(self, chunks: dict[int, int], decodes: list[SlowRequest]) -> list[SlowRequest]:
        for id_ in chunks:
            request = self.requests[id_]
            if request.where == "waiting":
                request.where = "running"
                self.running.append(request)
        attention = sum((self.requests[i].kv + n) ** 2 - self.requests[i].kv ** 2 for i, n in chunks.items())
        took = self.cost.compute_ns(sum(chunks.values()), attention, len(decodes))
        took += self.cost.kv_ns * sum(r.kv for r in decodes)
        end = self.now + took
        self.happen(end)
        self.now = end
        for request in decodes:
            request.kv += 1
            request.seen.append(end)
        for id_, tokens in chunks.items():
            request = self.requests[id_]
            request.kv += tokens
            request.left -= tokens
            if not request.left:
                request.seen.append(end)
        touched = [*decodes, *(self.requests[i] for i in chunks)]
        done = [r for r in touched if len(r.seen) == r.output]
        for request in sorted(done, key=lambda r: r.id):
            request.where = "done"
            self.running.remove(request)
        return done

    def complete(self, request: SlowRequest) -> None:
        self.finish[request.call] = self.now
        program = int(self.calls.program[request.call])
        if program >= 0 and program not in self.open():
            self.held.pop(program, None)
        elif program >= 0 and self.ttl.get(program):
            self.held.pop(program, None)
            self.hold(program, request.kv)
        for call, after in enumerate(self.calls.after):
            if request.call in after and all(c in self.finish for c in after):
                self.schedule(self.now + int(self.calls.tool_us[call]) * 1000, "come", call)

    def hold(self, program: int, tokens: int) -> None:
        ttl = self.ttl[program]
        if not ttl:
            self.held.pop(program, None)
        else:
            self.held[program] = (tokens, self.now + ttl)
            self.schedule(self.now + ttl, "expire", program)

    def drop(self, request: SlowRequest) -> None:
        request.kv, request.left, request.where = 0, request.prompt + len(request.seen), "waiting"

    def transfer(self, id_: int, what: str) -> None:
        begin = max(self.now, self.pcie_free)
        self.pcie_free = begin + self.requests[id_].kv * self.case.machine.swap_ns_per_token
        self.schedule(self.pcie_free, what, id_)

    def view(self) -> Any:
        def rows(requests: list[SlowRequest]) -> list[tuple[int, ...]]:
            return [(r.id, len(r.seen), r.left, r.kv) for r in sorted(requests, key=lambda r: r.id)]

        view = {
            "now": self.now,
            "free": self.capacity - self.used(),
            "running": rows(self.running),
            "waiting": rows([r for r in self.requests if r.where == "waiting"]),
            "swapped": rows([r for r in self.requests if r.where == "swapped"]),
            "moving": sorted(r.id for r in self.requests if r.where in ("leaving", "coming")),
            "held": sorted((p, tokens, until) for p, (tokens, until) in self.held.items()),
            "forced": self.forced,
            "open": sorted(self.open()),
        }
        self.log.append(view)
        return view
