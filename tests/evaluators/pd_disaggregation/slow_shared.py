"""The rules of role 2 with a share once more, on `SlowPools`: two sides that know of each other at every token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from slow_pools import SlowInstance, SlowPools, SlowRequest

from evaluators.pd_disaggregation.fleet import Case


@dataclass(eq=False)
class SlowShared(SlowInstance):
    share: int = 50
    batch: list[SlowRequest] = field(default_factory=list)  # prompts that are computed now
    handed: list[SlowRequest] = field(default_factory=list)  # complete; decode from the next iteration on
    batch_ends: int | None = None
    step_ends: int | None = None

    def look(self) -> None:
        self.ends = min((at for at in (self.batch_ends, self.step_ends) if at is not None), default=None)


class SlowSharedPools(SlowPools):
    def __init__(self, case: Case, policy: Any) -> None:
        super().__init__(case, policy)
        n = len(self.instances)
        self.instances = [SlowShared(i.cost, int(k >= n // 2), int(k >= n // 2)) for k, i in enumerate(self.instances)]

    def view(self, what: str, who: int, tokens: int) -> dict[str, Any]:
        shares = [{0: 100, 1: 0, 2: i.share}[i.target] for i in self.instances]
        return super().view(what, who, tokens) | {"shares": shares}

    def open(self, instance: int, role: int, *rest: int) -> None:
        super().open(instance, role)
        if len(rest) > 1:
            self.instances[instance].share = rest[1]

    def change(self, number: int, role: int, migrates: bool, share: int | None = None) -> None:
        i = self.instances[number]
        if i.state == 0 and share is not None:
            i.share = share
        super().change(number, role, migrates)

    def begin(self, number: int) -> None:
        i = self.instances[number]
        if i.role != 2:
            super().begin(number)
            return
        room = self.fleet.kv_capacity_tokens
        if i.step_ends is None:
            for r in i.handed:
                r.computed = 0
                i.decoding.append(r)
            i.handed.clear()
            while i.kv() + len(i.decoding) > room:
                r = next(r for r in reversed(i.running) if r in i.decoding)
                i.running.remove(r)
                i.decoding.remove(r)
                self.send(r, number, number)
            for r in [r for r in i.queue if r.has_kv]:
                if r.context + len(i.decoding) + i.kv() >= room:
                    break
                i.queue.remove(r)
                r.has_kv = False
                i.running.append(r)
                i.decoding.append(r)
            if i.decoding:
                cost = i.cost.slowed(1 / min(1.0, 2.2 * (100 - i.share) / 100))
                held = sum(r.context for r in i.decoding)
                i.step_ends = self.now + cost.compute_ns(0, 0, len(i.decoding)) + cost.kv_ns * held
        if i.batch_ends is None:
            total = 0
            for r in [r for r in i.queue if not r.has_kv]:
                if (total and total + r.context > 2048) or r.context + len(i.decoding) + i.kv() >= room:
                    break
                i.queue.remove(r)
                i.running.append(r)
                i.batch.append(r)
                total += r.context
            if i.batch:
                cost = i.cost.slowed(round((i.share / 100) ** -0.9, 9))
                i.batch_ends = self.now + cost.compute_ns(total, sum(r.context**2 for r in i.batch), 0)
        i.look()

    def end(self, number: int) -> None:
        i = self.instances[number]
        if i.role != 2:
            super().end(number)
            return
        if i.step_ends == self.now:
            i.step_ends = None
            for r in list(i.decoding):
                r.generated += 1
                r.context += 1
                self.maybe_done(r, i)
        batch: list[SlowRequest] = []
        if i.batch_ends == self.now:
            i.batch_ends, i.batch, batch = None, [], i.batch
            for r in batch:
                r.generated += 1
                if r.first < 0:
                    r.first = self.now
                if r.generated == r.output:
                    self.maybe_done(r, i)
                    continue
                r.computed = r.context
                i.running.remove(r)
                i.running.append(r)
                i.handed.append(r)
        i.look()
        if i.state == 1:
            self.drain(number)
        if batch:
            self.ask_gateway()

    def drain(self, number: int) -> None:
        i = self.instances[number]
        if i.role != 2:
            super().drain(number)
            return
        if i.migrates:
            leaving = [] if i.step_ends is not None else [r for r in i.running if r in i.decoding]
            leaving += i.handed
            for r in leaving:
                i.running.remove(r)
                r.computed = 0
                if r in i.decoding:
                    i.decoding.remove(r)
            i.handed = []
            for r in leaving:
                self.assign(r, number)
        if not i.running and not i.queue:
            i.state, i.ready_at = 2, self.now + round(self.fleet.switch_s * 10**9)

    def fail_or_repair(self, number: int) -> None:
        i = self.instances[number]
        super().fail_or_repair(number)
        if i.state == 3:
            i.batch, i.handed, i.batch_ends, i.step_ends = [], [], None, None
