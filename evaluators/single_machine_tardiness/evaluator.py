"""The verifier of single_machine_tardiness: what an order of our own jobs costs, in whole ticks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.orders import checked_order
from evaluators.single_machine_tardiness.feedback import explain
from evaluators.single_machine_tardiness.figures import columns, figures_of, stored, worth_drawing
from evaluators.single_machine_tardiness.jobs import (
    Jobs,
    Kind,
    Present,
    Schedule,
    arrivals_of,
    costs,
    dispatch,
    in_order,
    shown,
)
from evaluators.single_machine_tardiness.picture import drawn
from evaluators.single_machine_tardiness.public_format import public_jobs, read_jobs, write_jobs
from evaluators.single_machine_tardiness.workload import RECIPES, drawn_jobs, own_jobs
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


class TardinessOptions(BaseModel):
    """Options of single_machine_tardiness, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(
        "weighted",
        description="'weighted': tardiness times weight; 'unweighted': all jobs count alike; 'online': jobs come one "
        "after the other, and a program defines Policy instead of sequence",
    )
    public: Literal["all", "wt40", "wt50", "wt100"] = Field(
        "all", description="which of the OR-Library's sets the public split has, 125 instances each"
    )


class SingleMachineTardiness(Evaluator):
    """Order jobs on one machine so that they are late as little as possible."""

    name = "single_machine_tardiness"
    summary = "Order jobs with due dates on one machine so that their weighted tardiness is small"
    defines = ("sequence",)
    limits = Limits(call_s=20.0, cpu_s=1.0, memory_mb=512, answer_mb=1)
    splits = (*OWN_SPLITS, Split.PUBLIC)
    Options = TardinessOptions
    options: TardinessOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        if self.options.kind == "online":
            self.defines, self.splits = ("Policy",), OWN_SPLITS

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the instances of a split."""
        if split is Split.PUBLIC:
            self._has_files("no public jobs with release dates are bundled; leave --split public out.")
            return [
                jobs for jobs in public_jobs(self.options.kind) if self.options.public in ("all", jobs.id.split("/")[1])
            ]
        return _own(self.options.kind, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw jobs that nobody has seen, by the recipes of a split."""
        kind = self.options.kind
        draw = functools.partial(drawn_jobs, kind, split)
        return drawn_afresh(
            split,
            seed,
            count,
            range(len(RECIPES[kind][split])),
            draw,
            lambda jobs: worth_drawing(jobs, figures_of(jobs, kind)),
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a file of the OR-Library's form, or a folder of them; weights are left out when all jobs count alike."""
        self._has_files(f"files of jobs have no release dates (got --data {path}); leave --data out.")
        return read_jobs(path, self.options.kind)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write files of the OR-Library's form."""
        self._has_files("files of jobs have no place for release dates; leave the kind out.")
        return write_jobs(instances, folder)

    def _has_files(self, otherwise: str) -> None:
        if self.options.kind == "online":
            raise UsageError(f"single_machine_tardiness, kind online: {otherwise}")

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for one order of all jobs, or for the next job whenever the machine is free, and score its cost."""
        assert isinstance(instance, Jobs)
        kind = self.options.kind
        jobs = shown(instance)
        schedule = _online(candidate, jobs) if jobs.online else _offline(candidate, jobs)
        paid = costs(jobs, schedule)
        total = sum(paid)
        figures = figures_of(instance, kind)
        score = relative_score(figures.naive, figures.reference, total) if figures.tells and figures.reference else None
        metrics: dict[str, float] = {
            "cost_ticks": total,
            "edd_ticks": figures.naive,
            "mdd_ticks": figures.mdd,
            "reference_ticks": figures.reference,
            "late_jobs": sum(cost > 0 for cost in paid),
        }
        if figures.reference == 0:
            metrics["zero_missed"] = float(total > 0)
        return Outcome(score, metrics, explain(jobs, kind, schedule, paid, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw the jobs in their order, and what each costs."""
        assert isinstance(instance, Jobs)
        jobs = shown(instance)
        schedule = _online(candidate, jobs) if jobs.online else _offline(candidate, jobs)
        return drawn(
            instance.id, jobs, schedule, costs(jobs, schedule), figures_of(instance, self.options.kind).reference
        )

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric, and figures of sums, which no instance with a cost near 0 can distort.

        `over_reference`: all costs over all references.  `score_over_mdd`: 100 * (MDD - x) / (MDD - reference), of
        sums.  `zero_missed`: of the instances on which nothing need be late, on how many something was.
        """
        figures = super().summarise(split, outcomes)
        cost, mdd, reference = (
            sum(o.metrics[name] for o in outcomes) for name in ("cost_ticks", "mdd_ticks", "reference_ticks")
        )
        if reference:
            figures["over_reference"] = cost / reference
        if mdd > reference:
            figures["score_over_mdd"] = 100 * (mdd - cost) / (mdd - reference)
        if "zero_missed" in figures:
            figures["zero_missed"] = sum(o.metrics.get("zero_missed", 0) for o in outcomes)
        return figures


@functools.cache
def _own(kind: Kind, split: Split) -> tuple[Jobs, ...]:
    return tuple(own_jobs(kind, split, index, attempt) for index, attempt in enumerate(stored(kind).attempts[split]))


def _offline(candidate: Candidate, jobs: Jobs) -> Schedule:
    answer = candidate.call("sequence", *columns(jobs))
    return in_order(jobs, checked_order(answer, len(jobs.processing), "job"))


def _online(candidate: Candidate, jobs: Jobs) -> Schedule:
    policy = candidate.new("Policy", arrivals_of(jobs))

    def pick(seen: Present) -> Any:
        return policy.call("pick", seen)

    return dispatch(jobs, pick)
