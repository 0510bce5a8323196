"""A training run: steps, checkpoints and recoveries between events, whole microseconds.

No simpy here: between two events the time of a step is constant, so that time jumps from event to event. What happens
to nodes is drawn by simpy (workload.py), and the tests have a second run on simpy, step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evaluators.training_placement.cluster import GPUS, Case, Change, Event, Seen, seen
from evaluators.training_placement.plan import Plan, checked
from evaluators.training_placement.recovery import Held, Recovery, checkpoint_us, holdings, recovery_of
from evaluators.training_placement.step import Step, step_of
from evolve.evaluator import Infeasible

Place = Callable[[Seen], Any]
Replan = Callable[[Seen, dict[str, Any], Change], Any]


@dataclass(frozen=True)
class Segment:
    """What was done from one event to the next, us and steps.

    event: None at the start.  step: None while the plan waits for lost GPUs.  recovery: what was asked for before the
    first step; recovered: whether that ended in time.  lost: steps since the last checkpoint, done again.
    """

    start_us: int
    end_us: int
    event: Event | None
    plan: Plan
    step: Step | None
    recovery: Recovery
    recovered: bool
    steps: int
    lost: int
    writing_us: int

    @property
    def stopped_us(self) -> int:
        """Return for how long there was no training: recovering, or waiting."""
        if self.step is None or not self.recovered:
            return self.end_us - self.start_us
        return self.recovery.us


@dataclass(frozen=True)
class Run:
    """A whole run. steps: those that count at the end."""

    case: Case
    segments: tuple[Segment, ...]
    steps: int

    @property
    def tokens(self) -> int:
        """Return the tokens that the model was trained on, at least those of a step."""
        return max(1, self.steps) * self.case.job.global_batch * self.case.job.seq

    @property
    def hours_per_billion(self) -> float:
        """Return what is to be small: hours per 1e9 tokens."""
        return self.case.horizon_s / 3600 / (self.tokens / 1e9)


class Progress:
    """A run as far as it has come; `go` takes it to the next event."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.alive = [True] * len(case.nodes)
        self.speed = [1.0] * len(case.nodes)
        self.plan: Plan | None = None
        self.ran: Plan | None = None
        self.held: dict[int, Held] = {}
        self.steps = self.saved = 0
        self.segments: list[Segment] = []
        self._next = 0  # of the events
        self._lost = False

    @property
    def now_us(self) -> int:
        """Return the time of the event before which the run stands."""
        return self.segments[-1].end_us if self.segments else 0

    @property
    def event(self) -> Event | None:
        """Return what has just happened, None at the start."""
        return self.case.events[self._next - 1] if self._next else None

    def copy(self) -> Progress:
        """Return one that goes on by itself."""
        other = Progress(self.case)
        other.__dict__.update(self.__dict__)
        other.alive, other.speed = list(self.alive), list(self.speed)
        other.held, other.segments = dict(self.held), list(self.segments)
        return other

    def seen(self) -> Seen:
        """Return what a program sees of the cluster now."""
        return seen(self.case.nodes, self.alive, self.speed)

    def change(self) -> Change:
        """Return what a program is told of the event."""
        event = self.event
        assert event is not None
        lost, back = (
            [GPUS * node + k for node in nodes for k in range(GPUS)] for nodes in (event.lost, event.returned)
        )
        slower = [node for node, speed in event.speed if speed < 1]
        return Change(event.at_s / 3600, lost, back, slower, [node for node, speed in event.speed if speed >= 1])

    def go(self, plan: Plan) -> None:
        """Train by a plan until the next event, or the end, and let that happen."""
        case, start = self.case, self.now_us
        end_s = case.events[self._next].at_s if self._next < len(case.events) else case.horizon_s
        end = 1_000_000 * end_s
        event = self.event
        if not all(self.alive[node] for node in plan.nodes()):
            self._add(Segment(start, end, event, plan, None, Recovery(), False, 0, 0, 0))
        else:
            recovery = Recovery() if self.ran is None else self._recovery(plan)
            step = step_of(case, plan, self.speed)
            if start + recovery.us > end:
                self._add(Segment(start, end, event, plan, step, recovery, False, 0, 0, 0))
            else:
                lost = self.steps - self.saved if recovery.reload else 0
                self.steps -= lost
                steps, writing = self._train(plan, step.us, end - start - recovery.us)
                self._add(Segment(start, end, event, plan, step, recovery, True, steps, lost, writing))
                self.ran, self.held, self._lost = plan, holdings(plan), False
        self.plan = plan
        self._happen()

    def _recovery(self, plan: Plan) -> Recovery:
        assert self.ran is not None
        return recovery_of(self.case, self.ran, self.held, plan, self._lost)

    def _train(self, plan: Plan, step_us: int, room_us: int) -> tuple[int, int]:
        """Return the steps that end within some time, and how long checkpoints took; they are taken note of."""
        every, write_us = plan.checkpoint_every, checkpoint_us(self.case, plan)
        first = max(1, every - (self.steps - self.saved))
        left = room_us - first * step_us - write_us
        if left < 0:
            done = min(first, room_us // step_us)
            writing = room_us - done * step_us if done == first else 0
            self.steps += done
            return done, writing
        more, left = divmod(left, every * step_us + write_us)
        rest = min(every, left // step_us)
        done = first + more * every + rest
        self.steps += done
        self.saved = self.steps - rest
        writing = (1 + more) * write_us + (left - rest * step_us if rest == every else 0)
        return done, writing

    def _add(self, segment: Segment) -> None:
        self.segments.append(segment)

    def _happen(self) -> None:
        """Let the next event happen: who is there, how fast, and what is gone."""
        if self._next == len(self.case.events):
            return
        event = self.case.events[self._next]
        self._next += 1
        for node in event.lost:
            self.alive[node] = False
        for node in event.returned:
            self.alive[node] = True
        for node, speed in event.speed:
            self.speed[node] = speed
        gone = [gpu for gpu in self.held if gpu // GPUS in event.lost]
        for gpu in gone:
            del self.held[gpu]
        self._lost = self._lost or bool(gone)


def train(case: Case, place: Place, replan: Replan) -> Run:
    """Run a case with a program's plans. Raises Infeasible that names the hour of a wrong one."""
    progress = Progress(case)
    progress.go(checked(place(progress.seen()), case))
    while len(progress.segments) <= len(case.events):
        plan, change = progress.plan, progress.change()
        assert plan is not None
        answer = replan(progress.seen(), plan.shown(), change)
        try:
            progress.go(checked(answer, case))
        except Infeasible as error:
            raise Infeasible(f"replan at hour {change.hour:.2f}: {error}") from None
    return Run(case, tuple(progress.segments), progress.steps)
