"""The verifier of flow_time: runs machines tick by tick as the policy says, and times the jobs itself."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from evaluators.flow_time.feedback import explain
from evaluators.flow_time.figures import figures_of, mean_flow, stored, worth_drawing
from evaluators.flow_time.machine import Case, Day, Kind, Present, info_of, serve
from evaluators.flow_time.picture import drawn
from evaluators.flow_time.public_format import public_cases, read_cases, write_cases
from evaluators.flow_time.workload import RECIPES, drawn_case, own_case
from evaluators.fresh_draws import drawn_afresh
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    UsageError,
    relative_score,
)

OWN_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


class FlowTimeOptions(BaseModel):
    """Options of flow_time, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(
        "gradual",
        description="'gradual': an operation's length is known when it is next; 'blind': no length is known; "
        "'estimate': none, but an estimate of the whole job; 'tests': two operations, a test and what it reveals",
    )
    load: float = Field(0.9, gt=0, le=1.5, description="load of the machine that runs a SWIM trace given by --data")


class FlowTime(Evaluator):
    """Share a machine among jobs whose work is hidden, so that they are there for a short time."""

    name = "flow_time"
    summary = "Which job runs next, for how long, when their work is revealed bit by bit: least mean flow time"
    defines = ("Policy",)
    limits = Limits(cpu_s=5.0, memory_mb=512)
    splits = (*OWN_SPLITS, Split.PUBLIC)
    Options = FlowTimeOptions
    options: FlowTimeOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        if self.options.kind == "tests":
            self.splits = OWN_SPLITS

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split; jobs are drawn when an instance is evaluated."""
        if split is Split.PUBLIC:
            if self.options.kind == "tests":
                raise UsageError("flow_time, kind tests: no public trace has tests; leave --split public out.")
            return public_cases()
        return _own(self.options.kind, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw jobs that nobody has seen, by the recipes of a split."""
        kind = self.options.kind
        return drawn_afresh(
            split,
            seed,
            count,
            range(len(RECIPES[kind][split])),
            functools.partial(drawn_case, kind, split),
            lambda case: worth_drawing(figures_of(case, kind)),
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a trace of SWIM's form, or a folder of them; see public_format.py."""
        return read_cases(path, self.options.load)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a trace of ticks for each case."""
        return write_cases(instances, folder)

    def kind_of(self, instance: Instance) -> str:
        """Return what the jobs are like."""
        assert isinstance(instance, Case)
        return instance.family

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Run the machines of a case as the program says, and score the flow times of its jobs."""
        assert isinstance(instance, Case)
        kind = self.options.kind
        days = _served(candidate, instance, kind)
        mean = mean_flow(instance, days)
        figures = figures_of(instance, kind)
        metrics: dict[str, float] = {
            "mean_flow_ticks": mean,
            "round_robin_ticks": figures.naive,
            "srpt_ticks": figures.reference,
            "ratio": mean / figures.reference,
            "asked_per_job": sum(day.asked for day in days) / instance.jobs,
        }
        if instance.tick_s:
            metrics["mean_flow_s"] = mean * instance.tick_s
        score = relative_score(figures.naive, figures.reference, mean) if figures.tells else None
        return Outcome(score, metrics, explain(instance, kind, days, figures, mean))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw which job runs when on the machine that lost most, and how long each job is there."""
        assert isinstance(instance, Case)
        days = _served(candidate, instance, self.options.kind)
        return drawn(instance, days, figures_of(instance, self.options.kind), mean_flow(instance, days))


def _served(candidate: Candidate, case: Case, kind: Kind) -> list[Day]:
    """Run the machines of a case in lockstep, one message for all that have something to ask."""
    info = info_of(case, kind)
    policies = [candidate.new("Policy", info) for _ in case.machines]

    def ask(machines: Sequence[int], seen: Sequence[Present]) -> list[Any]:
        return candidate.map([policies[machine] for machine in machines], "run", seen)

    return serve(case, kind, ask)


@functools.cache
def _own(kind: Kind, split: Split) -> tuple[Case, ...]:
    return tuple(own_case(kind, split, index, attempt) for index, attempt in enumerate(stored(kind).attempts[split]))
