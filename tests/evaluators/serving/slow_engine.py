"""The rules of the serving engines once more, one iteration after the other, with plain lists and no shortcut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evaluators.serving import CostModel


@dataclass(eq=False)
class SlowJob:
    number: int
    arrival: int
    prompt: int
    output: int
    blocks: tuple[int, ...]
    seen: int = 0  # tokens the user has
    have: int = 0  # tokens of KV computed
    need: int = 0  # tokens of KV before the next token
    travelled: bool = False
    decoding: bool = False
    first: int | None = None
    finish: int | None = None
    place: int | None = None
    where: str = "new"


@dataclass(eq=False)
class SlowReplica:
    cost: CostModel
    capacity: int
    cache_capacity: int
    chunk: int
    queue: list[SlowJob] = field(default_factory=list)
    running: list[SlowJob] = field(default_factory=list)
    cache: list[int] = field(default_factory=list)  # oldest first
    work: list[tuple[SlowJob, int]] = field(default_factory=list)
    decodes: list[SlowJob] = field(default_factory=list)
    end: int | None = None
    leaving: list[tuple[SlowJob, int]] = field(default_factory=list)

    def kv(self) -> int:
        """A prompt's room is taken at once, a generated token's when it is fed in."""
        return sum(self.kv_of(j) for j in self.running)

    def kv_of(self, job: SlowJob) -> int:
        return job.have if job.decoding else job.need


class SlowEngine:
    def __init__(self, replicas: list[SlowReplica], kv_bytes: int, link: int) -> None:
        self.replicas, self.kv_bytes, self.link = replicas, kv_bytes, link
        self.travelling: list[tuple[int, SlowJob, int]] = []
        self.now = 0

    def advance(self, until: int) -> None:
        while True:
            moments = [r.end for r in self.replicas if r.end is not None] + [t for t, _, _ in self.travelling]
            if not moments or min(moments) > until:
                break
            self.now = min(moments)
            for entry in [e for e in self.travelling if e[0] == self.now]:
                self.travelling.remove(entry)
                self.submit(entry[1], entry[2])
            for replica in self.replicas:
                if replica.end == self.now:
                    self.finish_iteration(replica)
                    self.start_iteration(replica)
        self.now = until

    def submit(self, job: SlowJob, to: int) -> None:
        job.place, job.where = to, "queued"
        if job.where == "new" or not job.travelled:
            job.need = job.prompt + job.seen
        self.replicas[to].queue.append(job)
        if self.replicas[to].end is None:
            self.start_iteration(self.replicas[to])

    def start_iteration(self, r: SlowReplica) -> None:
        while r.kv() + sum(j.decoding for j in r.running) > r.capacity:
            self.requeue(r, r.running[-1])
        r.work = []
        budget = r.chunk
        for job in r.running:
            if not job.decoding and budget:
                tokens = min(budget, job.need - job.have)
                r.work.append((job, tokens))
                budget -= tokens
        while budget and r.queue:
            job = r.queue[0]
            if r.kv() + job.need + sum(j.decoding for j in r.running) + 1 > r.capacity:
                break
            r.queue.pop(0)
            r.running.append(job)
            job.where = "running"
            if not job.travelled:
                hits = 0
                while hits < len(job.blocks) and job.blocks[hits] in r.cache:
                    hits += 1
                job.have = min(512 * hits, job.prompt, job.need - 1)
            job.travelled = False
            if job.have == job.need:
                job.decoding = True
                continue
            tokens = min(budget, job.need - job.have)
            r.work.append((job, tokens))
            budget -= tokens
        r.decodes = [j for j in r.running if j.decoding]
        if not r.work and not r.decodes:
            r.end = None
            return
        attention = sum((j.have + n) ** 2 - j.have**2 for j, n in r.work)
        resident = sum(j.have for j in r.decodes)
        r.end = (
            self.now + r.cost.compute_ns(sum(n for _, n in r.work), attention, len(r.decodes)) + r.cost.kv_ns * resident
        )

    def finish_iteration(self, r: SlowReplica) -> None:
        for job in r.decodes:
            job.have += 1
            job.seen += 1
        for job, tokens in r.work:
            job.have += tokens
            if job.have == job.need:
                for block in reversed(job.blocks):
                    if block in r.cache:
                        r.cache.remove(block)
                    r.cache.append(block)
                del r.cache[: max(0, len(r.cache) - r.cache_capacity)]
                job.decoding = True
                job.seen += 1
                if job.first is None:
                    job.first = self.now
        for job in list(r.running):
            if job.seen == job.output:
                r.running.remove(job)
                job.finish, job.where = self.now, "done"
        for job, to in r.leaving:
            if job in r.running:
                r.running.remove(job)
                if job.decoding:
                    job.need = job.have
                job.decoding, job.travelled, job.where = False, True, "moving"
                self.send(job, to)
        r.leaving = []

    def send(self, job: SlowJob, to: int) -> None:
        job.where = "moving"
        self.travelling.append((self.now + -(-job.have * self.kv_bytes * 10**9 // self.link), job, to))

    def requeue(self, r: SlowReplica, job: SlowJob) -> None:
        r.running.remove(job)
        self.reset(job)
        r.queue.insert(0, job)

    def reset(self, job: SlowJob) -> None:
        job.need, job.have, job.decoding, job.travelled, job.where = job.prompt + job.seen, 0, False, False, "queued"

    def move(self, job: SlowJob, to: int) -> None:
        assert job.place is not None
        r = self.replicas[job.place]
        if job.place == to:
            return
        if job.where == "queued":
            r.queue.remove(job)
            if job.travelled:
                self.send(job, to)
            else:
                self.submit(job, to)
        elif job.where == "running" and job not in [j for j, _ in r.leaving]:
            r.leaving.append((job, to))

    def set_cost(self, number: int, cost: CostModel) -> None:
        self.replicas[number].cost = cost

    def replace(self, number: int) -> None:
        r = self.replicas[number]
        for job in r.running:
            self.reset(job)
        for job in r.queue:
            if job.travelled:
                self.reset(job)
        r.queue = r.running + r.queue
        r.running, r.cache, r.leaving = [], [], []
        self.start_iteration(r)


def state_of(engine: SlowEngine) -> list[dict[str, Any]]:
    """What a report says of each replica, but for the estimate of what is queued."""
    return [
        {
            "queued": len(r.queue),
            "running": len(r.running),
            "kv": r.kv(),
            "cache": sorted(r.cache),
        }
        for r in engine.replicas
    ]
