"""The shop floor: whenever a machine is free and an operation waits for it, somebody is asked which one it does.

An event heap and no simpy: there are four kinds of events, and their order at one tick is stated here: operations end,
machines are repaired, machines break down, jobs come. Then free machines are offered; without room for waiting jobs
(kind blocking), jobs that hold each other's next machines all move on at once when nobody is left to be asked about.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from evaluators.job_shop.shop import JobInfo, Shop, seen
from evolve.evaluator import Infeasible, Record

FREE = -1
IDLE = -1
"""The answer that leaves what is free idle until the next event."""


class Option(NamedTuple):
    """An operation that could start now, and the machine that would do it."""

    job: int
    op: int
    machine: int
    duration: int


class Observation(Record, frozen=True):
    """What `dispatch` sees: k options, by rising job and machine, and m machines. All ticks are whole numbers.

    now: tick.  arrived: jobs that came since the last call (kind dynamic).
    job, op, machine, duration: (k,) int, which operation of which job, on which machine, for how long.
    ready_since: (k,) tick at which it could first have started, had a machine been free.
    work_left, ops_left: (k,) ticks (mean over the machines that can do an operation) and number of operations that the
    job has left, this one included.  due (-1: none), weight: (k,) int.
    next_machine (-1: none), next_duration, next_queue_work: (k,) int, the fastest machine of the job's next operation,
    its ticks, and those of all operations that wait for that machine.
    machine_free_at: (m,) tick at which the operation on it ends as planned; `now` where none runs.
    machine_up: (m,) bool.  queue_work: (m,) ticks of all operations that wait for it.
    """

    now: int
    arrived: list[JobInfo]
    job: list[int]
    op: list[int]
    machine: list[int]
    duration: list[int]
    ready_since: list[int]
    work_left: list[float]
    ops_left: list[int]
    due: list[int]
    weight: list[int]
    next_machine: list[int]
    next_duration: list[int]
    next_queue_work: list[int]
    machine_free_at: list[int]
    machine_up: list[bool]
    queue_work: list[int]


class Event(IntEnum):
    """What happens; of one tick in this order."""

    END = 0
    REPAIR = 1
    BREAKDOWN = 2
    ARRIVAL = 3


class Run(NamedTuple):
    """An operation that was done. left: when the job left the machine, later than its end where it was blocked."""

    machine: int
    ready: int
    start: int
    end: int
    left: int


@dataclass
class Schedule:
    """What was done. runs: per job and operation.  asked, idled: how often somebody was, and chose to wait."""

    runs: list[list[Run]]
    asked: int = 0
    idled: int = 0

    @property
    def makespan_ticks(self) -> int:
        """When the last operation ends."""
        return max(runs[-1].end for runs in self.runs)


@dataclass
class Facts:
    """What is known of each operation beforehand, by job: see `Observation`."""

    work_left: list[list[float]] = field(default_factory=list)
    following: list[list[tuple[int, int]]] = field(default_factory=list)

    @classmethod
    def of(cls, shop: Shop) -> Facts:
        """Find them."""
        facts = cls()
        for job in shop.jobs:
            fastest = [min(op, key=lambda pair: (pair[1], pair[0])) for op in job.ops]
            left, sums = Fraction(0), []
            for op in reversed(job.ops):
                left += Fraction(sum(ticks for _, ticks in op), len(op))
                sums.append(float(left))  # exact until here: equal sums are equal, whatever their order
            facts.work_left.append(sums[::-1])
            facts.following.append([*fastest[1:], (-1, 0)])
        return facts


class Floor:
    """The state of a shop between two events."""

    def __init__(self, shop: Shop, blocking: bool) -> None:
        machines, jobs = shop.machines, len(shop.jobs)
        self.shop, self.blocking, self.now = shop, blocking, 0
        self.facts = Facts.of(shop)
        self.holder = [FREE] * machines  # the job on each machine
        self.up = [True] * machines
        self.end: list[int | None] = [None] * machines  # of the operation that a machine does
        self.stopped: list[int | None] = [None] * machines  # ticks left of one that a breakdown interrupted
        self.waiting: list[list[int]] = [[] for _ in range(machines)]
        self.queue_work = [0] * machines
        self.at = [FREE] * jobs  # the machine that each job is on
        self.next_op = [0] * jobs
        self.ready = [job.arrival for job in shop.jobs]
        self.arrived: list[JobInfo] = []
        self.started: list[list[tuple[int, int, int]]] = [[] for _ in range(jobs)]  # machine, ready, start
        self.ended: list[list[int]] = [[] for _ in range(jobs)]
        self.left: list[list[int]] = [[] for _ in range(jobs)]
        self.running = 0
        self.open = set(range(machines))  # free and up
        self.events: list[tuple[int, Event, int, int]] = []
        for number, job in enumerate(shop.jobs):
            self.events.append((job.arrival, Event.ARRIVAL, number, 0))
        for one in shop.breakdowns:
            self.events.append((one.start, Event.BREAKDOWN, one.machine, 0))
            self.events.append((one.end, Event.REPAIR, one.machine, 0))
        heapq.heapify(self.events)
        self.to_come = jobs
        self.unfinished = jobs

    def options(self) -> list[Option]:
        """Return what could start now, by rising job and machine."""
        found = []
        for machine in self.open:
            for job in self.waiting[machine]:
                held = self.at[job]
                if held == FREE or self.up[held]:
                    op = self.next_op[job]
                    found.append(Option(job, op, machine, self._ticks(job, op, machine)))
        found.sort()
        return found

    def _ticks(self, job: int, op: int, machine: int) -> int:
        pairs = self.shop.jobs[job].ops[op]
        return pairs[0][1] if len(pairs) == 1 else dict(pairs)[machine]

    def observation(self, options: list[Option]) -> Observation:
        """Return what a program sees of the state."""
        work_left, following, jobs, now = self.facts.work_left, self.facts.following, self.shop.jobs, self.now
        after = [following[o.job][o.op] for o in options]
        return Observation(
            now,
            self.arrived,
            [o.job for o in options],
            [o.op for o in options],
            [o.machine for o in options],
            [o.duration for o in options],
            [self.ready[o.job] for o in options],
            [work_left[o.job][o.op] for o in options],
            [len(jobs[o.job].ops) - o.op for o in options],
            [jobs[o.job].due for o in options],
            [jobs[o.job].weight for o in options],
            [machine for machine, _ in after],
            [ticks for _, ticks in after],
            [self.queue_work[machine] if machine >= 0 else 0 for machine, _ in after],
            [now + (self.stopped[m] or 0) if end is None else end for m, end in enumerate(self.end)],
            list(self.up),
            list(self.queue_work),
        )

    def advance(self) -> None:
        """Go to the next tick at which something happens, and let all of it happen."""
        happened = False
        while not happened:
            self.now = self.events[0][0]
            while self.events and self.events[0][0] == self.now:
                _, event, number, op = heapq.heappop(self.events)
                happened |= self._happens(event, number, op)

    def _happens(self, event: Event, number: int, op: int) -> bool:
        """Let it happen; return False for the end of an operation that a breakdown has put off."""
        if event is Event.END:
            machine, _, _ = self.started[number][op]
            if self.end[machine] != self.now or self.holder[machine] != number:
                return False
            self._end(number, machine)
        elif event is Event.ARRIVAL:
            self.to_come -= 1
            self.arrived.append(seen(number, self.shop.jobs[number]))
            self._get_ready(number)
        elif event is Event.BREAKDOWN:
            self._break(number)
        else:
            self._repair(number)
        return True

    def _get_ready(self, job: int) -> None:
        self.ready[job] = self.now
        for machine, ticks in self.shop.jobs[job].ops[self.next_op[job]]:
            insort(self.waiting[machine], job)
            self.queue_work[machine] += ticks

    def _end(self, job: int, machine: int) -> None:
        self.end[machine] = None
        self.running -= 1
        self.ended[job].append(self.now)
        self.next_op[job] += 1
        done = self.next_op[job] == len(self.shop.jobs[job].ops)
        if done:
            self.unfinished -= 1
        if done or not self.blocking:
            self._leave(job)
        if not done:
            self._get_ready(job)

    def _leave(self, job: int) -> None:
        machine = self.at[job]
        self.left[job].append(self.now)
        self.at[job] = self.holder[machine] = FREE
        if self.up[machine]:
            self.open.add(machine)

    def _break(self, machine: int) -> None:
        self.up[machine] = False
        self.open.discard(machine)
        end = self.end[machine]
        if end is not None:
            self.stopped[machine], self.end[machine] = end - self.now, None

    def _repair(self, machine: int) -> None:
        self.up[machine] = True
        if self.holder[machine] == FREE:
            self.open.add(machine)
        left = self.stopped[machine]
        if left is not None:
            self.stopped[machine], self.end[machine] = None, self.now + left
            job = self.holder[machine]
            heapq.heappush(self.events, (self.now + left, Event.END, job, self.next_op[job]))

    def start(self, option: Option) -> None:
        """Begin an operation; a job that is still on its last machine leaves it."""
        job, op, machine, ticks = option
        if self.at[job] != FREE:
            self._leave(job)
        self._enter(job, op, machine, ticks)

    def _enter(self, job: int, op: int, machine: int, ticks: int) -> None:
        for other, duration in self.shop.jobs[job].ops[op]:
            self.waiting[other].remove(job)
            self.queue_work[other] -= duration
        self.holder[machine], self.at[job] = job, machine
        self.open.discard(machine)
        self.started[job].append((machine, self.ready[job], self.now))
        self.end[machine] = self.now + ticks
        self.running += 1
        heapq.heappush(self.events, (self.now + ticks, Event.END, job, op))

    def swap(self) -> bool:
        """Move every ring of jobs that wait for each other's machines one machine on; return whether there was one.

        A job that is being worked on, and a machine that is down, are in no ring.
        """
        wants: dict[int, int] = {}  # machine -> machine that the job on it waits for
        for machine, job in enumerate(self.holder):
            if job != FREE and self.up[machine] and self.end[machine] is None:
                wants[machine] = self.shop.jobs[job].ops[self.next_op[job]][0][0]
        moved, looked_at = False, set[int]()
        for first in list(wants):
            path: list[int] = []
            machine = first
            while machine in wants and machine not in looked_at:
                looked_at.add(machine)
                path.append(machine)
                machine = wants[machine]
            if machine in path:
                ring = path[path.index(machine) :]
                jobs = [self.holder[m] for m in ring]
                for job in jobs:
                    self._leave(job)
                for job in jobs:
                    op = self.next_op[job]
                    target, ticks = self.shop.jobs[job].ops[op][0]
                    self._enter(job, op, target, ticks)
                moved = True
        return moved

    def schedule(self, asked: int, idled: int) -> Schedule:
        """Return what was done."""
        runs = [
            [
                Run(machine, ready, start, end, left)
                for (machine, ready, start), end, left in zip(started, ended, lefts, strict=True)
            ]
            for started, ended, lefts in zip(self.started, self.ended, self.left, strict=True)
        ]
        return Schedule(runs, asked, idled)


Chooses: TypeAlias = Callable[[Floor, list[Option]], Any]
"""Is asked: returns what a program answered, the index of an option, or IDLE."""


def dispatched(shop: Shop, blocking: bool, choose: Chooses) -> Schedule:
    """Run a shop as somebody says. Raises Infeasible: an answer that is none, or waiting for nothing."""
    floor = Floor(shop, blocking)
    asked = idled = 0
    while floor.unfinished:
        floor.advance()
        while options := floor.options() if floor.open else []:
            answer = choose(floor, options)
            asked += 1
            floor.arrived = []
            index = checked_choice(answer, len(options), floor.now)
            if index == IDLE:
                idled += 1
                break
            floor.start(options[index])
        if blocking:
            floor.swap()
        if options and not floor.running and not floor.to_come and all(floor.up):
            raise Infeasible(f"t={floor.now}: nothing runs and nothing comes, yet the answer is to leave all idle (-1)")
    return floor.schedule(asked, idled)


def checked_choice(answer: Any, options: int, now: int) -> int:
    """Read an answer. Raises Infeasible."""
    if type(answer) is not int:
        raise Infeasible(
            f"t={now}: the answer is {answer!r:.40} ({type(answer).__name__}), expected an int, -1 for none"
        )
    if not IDLE <= answer < options:
        raise Infeasible(f"t={now}: option {answer} of {options}, expected 0..{options - 1}, or -1 to leave all idle")
    return answer
