"""One preemptive machine and its jobs, in whole ticks: what a policy sees, what becomes of its answers, what is best.

Plain Python, not simpy: there is one machine, and what happens next is the least of three moments (an operation ends, a
job comes, the budget is used up).
"""

from __future__ import annotations

import functools
import heapq
import random
import reprlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from evaluators.kept_figures import digest_of
from evolve.evaluator import Infeasible, Instance, Record

Kind: TypeAlias = Literal["gradual", "blind", "estimate", "tests"]
KINDS: tuple[Kind, ...] = ("gradual", "blind", "estimate", "tests")

HIDDEN = -1
NEVER = 2**62
MOST_ASKED = 50
"""Questions per job, on average over the jobs of a machine."""
MOST_PIECES = 1000
"""Pieces of one plan."""


class Job(NamedTuple):
    """arrival: tick.  ops: lengths of its operations, 1 tick or more each."""

    arrival: int
    ops: tuple[int, ...]


Machines: TypeAlias = tuple[tuple[Job, ...], ...]
"""The jobs of each machine, by rising arrival."""


class Source(Protocol):
    """Where the jobs of a case come from: drawn, or read from a file, when they are first needed."""

    def machines(self) -> Machines:
        """Return the jobs."""


@dataclass(frozen=True)
class Case(Instance):
    """Machines that work side by side, each with jobs of its own.

    family: what the jobs are like, for messages.  load: share of the time that each machine is busy, in the long run.
    error: by which factor an estimate is wrong, at most.  tick_s: seconds of a tick, for a trace; else 0.
    """

    family: str
    load: float
    source: Source = field(repr=False)
    error: float = 3.0
    tick_s: float = 0.0

    @functools.cached_property
    def machines(self) -> Machines:
        """The jobs of each machine."""
        return self.source.machines()

    @functools.cached_property
    def srpt(self) -> tuple[tuple[int, ...], ...]:
        """When each job ends at best, see `shortest_remaining`."""
        return tuple(tuple(shortest_remaining(jobs)) for jobs in self.machines)

    @property
    def jobs(self) -> int:
        """How many jobs there are on all machines."""
        return sum(map(len, self.machines))


class MachineInfo(Record, frozen=True):
    """What is known of a machine beforehand, given to `Policy(info)`."""

    kind: str
    mean_op: int
    load: float
    ops: int
    error: float


class Present(Record, frozen=True):
    """What `run` sees: the jobs present, in the order in which they came. Lists of k whole numbers, ticks."""

    now: int
    job: list[int]
    arrived: list[int]
    attained: list[int]
    op_index: list[int]
    op_left: list[int]
    revealed_total: list[int]
    estimate: list[int]
    last: int
    finished: list[tuple[int, int]]


class Piece(NamedTuple):
    """Work on one job without a break. left: ticks of work that the job had left at the start."""

    start: int
    end: int
    job: int
    left: int


@dataclass(frozen=True)
class Day:
    """What a machine did. end: when each job was completed, ticks.  asked: how often the policy was asked."""

    end: tuple[int, ...]
    pieces: tuple[Piece, ...]
    asked: int


MEAN_OP_TICKS = 1000


def info_of(case: Case, kind: Kind) -> MachineInfo:
    """Return what a policy is told before any job has come."""
    return MachineInfo(
        kind, MEAN_OP_TICKS, case.load, 2 if kind == "tests" else 0, case.error if kind == "estimate" else 0.0
    )


def digest(case: Case) -> str:
    """Return a hash of the jobs."""
    return _digest(case)


@functools.lru_cache(maxsize=256)
def _digest(case: Case) -> str:
    return digest_of((case.load, case.error, [[tuple(job) for job in jobs] for jobs in case.machines]))


def estimates(case: Case, machine: int) -> list[int]:
    """Return an estimate of every job's work, ticks: off by a factor of up to `error`, log-uniform both ways.

    Each is drawn from a stream of its own, which depends on all jobs of the case: who knows the estimates, or the jobs
    that have ended, knows nothing of the others.
    """
    seed = f"flow_time/estimate/{digest(case)}/{machine}"
    found = []
    for number, job in enumerate(case.machines[machine]):
        factor = case.error ** random.Random(f"{seed}/{number}").uniform(-1, 1)
        found.append(max(1, round(sum(job.ops) * factor)))
    return found


def operate(jobs: Sequence[Job], kind: Kind, guesses: Sequence[int] = ()) -> Generator[Present, Any, Day]:
    """Run a machine: yields what the policy sees, is sent its answer, returns what the machine did.

    jobs: by rising arrival.  guesses: estimates of their work, for kind estimate.
    With one job present there is nothing to decide, and nobody is asked. Raises Infeasible for an answer that is no
    plan, and for a policy that asks to be asked too often.
    """
    shows = kind in ("gradual", "tests")
    n, coming, now, asked = len(jobs), 0, 0, 0
    last, since, until_last, had = -1, 0, 0, 0  # the job that ran last, from when to when, what it had left at first
    ends = [0] * n
    pieces: list[Piece] = []
    finished: list[tuple[int, int]] = []
    left = [sum(job.ops) for job in jobs]
    # The jobs present, column by column.
    names, arrived, attained, op_index, op_left, ended = (list[int]() for _ in range(6))

    while coming < n or names:
        if not names:
            now = max(now, jobs[coming].arrival)
        while coming < n and jobs[coming].arrival <= now:
            names.append(coming)
            arrived.append(jobs[coming].arrival)
            op_left.append(jobs[coming].ops[0])
            for column in (attained, op_index, ended):
                column.append(0)
            coming += 1
        until = jobs[coming].arrival if coming < n else NEVER
        plan: Sequence[Sequence[int]]
        if len(names) == 1:
            plan = ((0, op_left[0]),)
        else:
            asked += 1
            if asked > MOST_ASKED * n:
                raise Infeasible(
                    f"at {now} ticks the policy is asked for the {asked}th time for {n} jobs, at most {MOST_ASKED} "
                    "times per job are allowed: give larger budgets, or a plan of several pieces"
                )
            answer = yield Present(
                now,
                names.copy(),
                arrived.copy(),
                attained.copy(),
                op_index.copy(),
                op_left.copy() if shows else [HIDDEN] * len(names),
                [a + b for a, b in zip(attained, op_left, strict=True)] if shows else ended.copy(),
                [guesses[name] for name in names] if guesses else [HIDDEN] * len(names),
                last,
                finished.copy(),
            )
            finished.clear()
            plan = checked_plan(answer, len(names), now)
        for place, budget in plan:
            name = names[place]
            if name != last:
                if last >= 0:
                    pieces.append(Piece(since, until_last, last, had))
                last, since, had = name, now, left[name]
            ticks = min(budget, op_left[place], until - now)
            now += ticks
            until_last = now
            left[name] -= ticks
            attained[place] += ticks
            op_left[place] -= ticks
            if op_left[place] == 0:
                ended[place] = attained[place]
                op_index[place] += 1
                ops = jobs[name].ops
                if op_index[place] == len(ops):
                    ends[name] = now
                    finished.append((len(ops), attained[place]))
                    for column in (names, arrived, attained, op_index, op_left, ended):
                        del column[place]
                else:
                    op_left[place] = ops[op_index[place]]
                break
            if now == until:
                break
    if last >= 0:
        pieces.append(Piece(since, until_last, last, had))
    return Day(tuple(ends), tuple(pieces), asked)


def checked_plan(answer: Any, present: int, now: int) -> Sequence[Sequence[int]]:
    """Read an answer of `run`: one (place, budget), or a list of such. Raises Infeasible that names what is wrong."""
    if isinstance(answer, list) and len(answer) == 2 and type(answer[0]) is int and type(answer[1]) is int:
        answer = [answer]
    if not isinstance(answer, list) or not 1 <= len(answer) <= MOST_PIECES:
        count = f"a list of {len(answer)}" if isinstance(answer, list) else f"{reprlib.repr(answer)}"
        raise Infeasible(
            f"at {now} ticks run returned {count}, expected (place, budget), or a list of 1 to {MOST_PIECES} such pairs"
        )
    for piece in answer:
        if type(piece) is list and len(piece) == 2:
            place, budget = piece
            if type(place) is int and type(budget) is int and 0 <= place < present and budget >= 1:
                continue
        raise Infeasible(f"at {now} ticks {_wrong_with(piece, present)}")
    return answer


def _wrong_with(piece: Any, present: int) -> str:
    """Say what is wrong with a piece of a plan."""
    if not isinstance(piece, list) or len(piece) != 2 or type(piece[0]) is not int or type(piece[1]) is not int:
        return f"{reprlib.repr(piece)} is no pair of whole numbers (int) (place, budget in ticks)"
    if not 0 <= piece[0] < present:
        return f"place {piece[0]} is none of the {present} jobs present, 0..{present - 1}"
    return f"a budget is {piece[1]} ticks, expected 1 or more"


def serve(case: Case, kind: Kind, ask: Callable[[Sequence[int], Sequence[Present]], Sequence[Any]]) -> list[Day]:
    """Run all machines of a case side by side. ask: (machines, what each policy sees) -> answers.

    The machines' jobs have nothing to do with each other, so what happens on one tells nothing of another's future.
    """
    running = {}
    for machine, jobs in enumerate(case.machines):
        running[machine] = operate(jobs, kind, estimates(case, machine) if kind == "estimate" else ())
    days: dict[int, Day] = {}
    answers: dict[int, Any] = dict.fromkeys(running)
    while running:
        seen: dict[int, Present] = {}
        for machine in list(running):
            try:
                seen[machine] = running[machine].send(answers[machine])
            except StopIteration as stop:
                days[machine] = stop.value
                del running[machine]
        if seen:
            answers = dict(zip(seen, ask(list(seen), list(seen.values())), strict=True))
    return [days[machine] for machine in range(len(case.machines))]


def flows(jobs: Sequence[Job], end: Sequence[int]) -> list[int]:
    """Return each job's flow time, from its arrival to its end, ticks."""
    return [done - job.arrival for job, done in zip(jobs, end, strict=True)]


def shortest_remaining(jobs: Sequence[Job]) -> list[int]:
    """Return when each job ends if the one with the least work left always runs, ticks.

    No schedule of one preemptive machine has a lower mean flow time, whatever it knows.
    Source: Schrage 1968 (A proof of the optimality of the shortest remaining processing time discipline).
    """
    ends, heap, now, coming = [0] * len(jobs), list[tuple[int, int]](), 0, 0
    while coming < len(jobs) or heap:
        if not heap:
            now = max(now, jobs[coming].arrival)
        while coming < len(jobs) and jobs[coming].arrival <= now:
            heapq.heappush(heap, (sum(jobs[coming].ops), coming))
            coming += 1
        work, job = heap[0]
        until = jobs[coming].arrival if coming < len(jobs) else now + work
        if now + work <= until:
            heapq.heappop(heap)
            now += work
            ends[job] = now
        else:
            heapq.heapreplace(heap, (work - (until - now), job))
            now = until
    return ends
