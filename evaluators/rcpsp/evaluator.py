"""The verifier of rcpsp: it builds or checks the schedule itself, in whole ticks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.kept_figures import differ
from evaluators.rcpsp.decoding import SCHEMES
from evaluators.rcpsp.feedback import breaches_text, explain
from evaluators.rcpsp.figures import figures_of, stored, tells_apart
from evaluators.rcpsp.picture import drawn
from evaluators.rcpsp.project import ProjectInstance, critical_path_ticks, makespan_bound_ticks, makespan_ticks
from evaluators.rcpsp.public_format import public_projects, read_projects, write_projects
from evaluators.rcpsp.rules import breaches
from evaluators.rcpsp.workload import RECIPES, Kind, drawn_instance, own_instance
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Infeasible,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    UsageError,
    index_array,
    relative_score,
)

LARGEST = 1e300
"""Priorities lie within this."""


class RcpspOptions(BaseModel):
    """Options of rcpsp, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(
        "makespan", description="'makespan': end as early as possible; 'feasible': meet releases, deadlines, downtime"
    )
    public: Literal["sample", "j30", "j60", "j90", "j120", "all"] = Field(
        "sample", description="which of PSPLIB's projects the public split has; sample: 156 of j30, j60 and j120"
    )


class Rcpsp(Evaluator):
    """Give every task of a project a start, so that the whole ends early or every constraint is met."""

    name = "rcpsp"
    summary = "Schedule the tasks of a project that share resources, so that it ends early"
    defines = ("schedule",)
    limits = Limits(cpu_s=2.0, memory_mb=512, answer_mb=1)
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)
    Options = RcpspOptions
    options: RcpspOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the projects of a split."""
        if split is Split.PUBLIC:
            if self.options.kind == "feasible":
                raise UsageError("rcpsp: no public projects of kind 'feasible' are known; leave --split public out.")
            return public_projects(self.options.public)
        return _own(self.options.kind, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw projects that nobody has seen, by the recipes of a split."""
        kind = self.options.kind

        def tells(instance: ProjectInstance) -> bool:
            return tells_apart(instance, figures_of(instance))

        return drawn_afresh(
            split, seed, count, range(len(RECIPES[kind][split])), partial(drawn_instance, kind, split), tells
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a project in the Patterson format, or a folder of them."""
        return read_projects(path)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a file in the Patterson format for each project."""
        return write_projects(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for one schedule, or the priorities that make one, and score it."""
        assert isinstance(instance, ProjectInstance)
        project = instance.project
        starts = decoded(candidate.call("schedule", project), instance)
        broken = list(breaches(project, starts))
        figures = figures_of(instance)
        metrics: dict[str, float] = {"makespan_ticks": makespan_ticks(project, starts)}
        if instance.feasible:
            metrics |= {"met_share": float(not broken), "broken_rules": len(broken)}
            return Outcome(
                0.0 if broken else 100.0, metrics, breaches_text(broken) if broken else "every constraint is met."
            )
        if broken:
            raise Infeasible(broken[0])
        metrics["bound_ticks"] = makespan_bound_ticks(project)
        metrics["over_best_pct"] = 100.0 * (metrics["makespan_ticks"] / figures.reference - 1.0)
        metrics["over_critical_path_pct"] = 100.0 * (metrics["makespan_ticks"] / critical_path_ticks(project) - 1.0)
        score = None
        if differ(figures.naive, figures.reference):
            score = relative_score(figures.naive, figures.reference, metrics["makespan_ticks"])
        return Outcome(score, metrics, explain(project, starts, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw the schedule, and the use of each resource."""
        assert isinstance(instance, ProjectInstance)
        project = instance.project
        starts = decoded(candidate.call("schedule", project), instance)
        broken = list(breaches(project, starts))
        known = broken[0] if broken else f"The best known has {figures_of(instance).reference:g}."
        return drawn(instance.id, project, starts, known)


@functools.cache
def _own(kind: Kind, split: Split) -> tuple[ProjectInstance, ...]:
    return tuple(own_instance(kind, split, index, again) for index, again in enumerate(stored(kind).attempts[split]))


def decoded(answer: Any, instance: ProjectInstance) -> list[int]:
    """Read an answer `(how, numbers)` and return (n,) starts, ticks. Raises Infeasible that names the task."""
    how, numbers = answer if isinstance(answer, list) and len(answer) == 2 else (None, None)
    if how == "start":
        starts: list[int] = index_array(
            numbers, (instance.project.tasks,), instance.horizon + 1, "start of task"
        ).tolist()
        return starts
    if not isinstance(how, str) or how not in SCHEMES:
        raise Infeasible(
            f"the answer is {answer!s:.60}, expected ('serial' or 'parallel', priorities) or ('start', starts)"
        )
    return SCHEMES[how](instance.project, _priorities(numbers, instance.project.tasks), instance.horizon)


def _priorities(answer: Any, tasks: int) -> list[float]:
    """Read (n,) finite numbers, ints or floats. Raises Infeasible."""
    if isinstance(answer, np.ndarray):
        if answer.shape != (tasks,) or answer.dtype.kind not in "iuf":
            raise Infeasible(f"priorities are {answer.dtype.name} of shape {answer.shape}, expected ({tasks},) numbers")
        answer = answer.tolist()
    if not isinstance(answer, list) or len(answer) != tasks:
        count = f"{len(answer)} " if isinstance(answer, list) else ""
        raise Infeasible(f"priorities are {count}{type(answer).__name__}, expected a list of {tasks} numbers")
    for task, value in enumerate(answer):
        if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
            raise Infeasible(f"the priority of task {task} is {value!r:.40}, expected a number within {LARGEST:g}")
    return answer
