"""The smallest online problem: a program that decides again and again, and learns the future as it comes."""

from __future__ import annotations

import random
from collections.abc import Sequence

from evolve.evaluator import Candidate, Evaluator, Infeasible, Instance, Limits, Outcome, Record, Split, relative_score

JOBS = 20


class Queue(Record):
    now_s: float
    waiting_s: list[float]


class OneMachineOnline(Evaluator):
    name = "one_machine_online"
    summary = "Choose the next job of one machine while further ones arrive"
    defines = ("Policy",)
    limits = Limits(cpu_s=5.0)

    def instances(self, split: Split) -> Sequence[Instance]:
        return [Instance(f"{split}/{number}") for number in range(3)]

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        policy = candidate.new("Policy", JOBS)
        found = self.waited_s(instance, lambda queue: policy.call("decide", queue))
        naive = self.waited_s(instance, lambda queue: 0)
        best = self.waited_s(instance, lambda queue: queue.waiting_s.index(min(queue.waiting_s)))
        text = f"the jobs wait {found:.0f} s in all; the shortest of those that wait first: {best:.0f} s"
        return Outcome(relative_score(naive, best, found), {"waiting_s": found}, text)

    def waited_s(self, instance: Instance, decide) -> float:  # type: ignore[no-untyped-def]
        rng = random.Random(instance.id)
        jobs = sorted((rng.uniform(0, 300), rng.uniform(1, 60)) for _ in range(JOBS))  # (arrives, takes), s
        now_s = total_s = 0.0
        queue: list[tuple[float, float]] = []
        while jobs or queue:
            if not queue:
                now_s = max(now_s, jobs[0][0])
            while jobs and jobs[0][0] <= now_s:
                queue.append(jobs.pop(0))
            chosen = decide(Queue(now_s, [takes_s for _, takes_s in queue]))
            if type(chosen) is not int or not 0 <= chosen < len(queue):
                raise Infeasible(f"decide answered {chosen!r:.40}; expected 0..{len(queue) - 1}")
            arrived_s, takes_s = queue.pop(chosen)
            total_s += now_s - arrived_s
            now_s += takes_s
        return total_s
