"""The verifier of job_shop: it dispatches every operation itself, in whole ticks, as the program says."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.job_shop.dispatching import Floor, Option, Schedule, dispatched
from evaluators.job_shop.feedback import explain_late, explain_makespan
from evaluators.job_shop.figures import cost, figures_of, stored, weighted_tardiness, worth_drawing
from evaluators.job_shop.picture import drawn
from evaluators.job_shop.public_format import read_shops, write_shops
from evaluators.job_shop.public_sets import PublicSet, public_shops
from evaluators.job_shop.shop import Kind, ShopInstance, info_of, makespan_bound_ticks
from evaluators.job_shop.workload import RECIPES, drawn_instance, own_instance
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Split, relative_score

OWN_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


class JobShopOptions(BaseModel):
    """Options of job_shop, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(
        "jsp",
        description="'jsp': job shop; 'fjsp': an operation has a choice of machines; 'blocking': no room for waiting "
        "jobs, some machines break down; 'dynamic': jobs come and are due, machines break down",
    )
    public: PublicSet = Field(
        "sample",
        description="which shops the public split has, e.g. 'ta' (Taillard's 80, kind jsp), 'mk' (kind fjsp), 'all'",
    )


class JobShop(Evaluator):
    """Say which of the waiting operations a free machine does next."""

    name = "job_shop"
    summary = "Which waiting operation a free machine does next, so that all jobs end early or few are late"
    defines = ("Policy",)
    limits = Limits(cpu_s=2.0, memory_mb=512, answer_mb=1, counter=True)  # a shop is thousands of calls
    splits: tuple[Split, ...] = (*OWN_SPLITS, Split.PUBLIC)
    Options = JobShopOptions
    options: JobShopOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        if self.options.kind == "dynamic":
            self.splits = OWN_SPLITS

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the shops of a split; jobs are drawn when a shop is evaluated."""
        if split is Split.PUBLIC:
            return public_shops(self.options.kind, self.options.public)
        return _own(self.options.kind, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw shops that nobody has seen, by the recipes of a split."""
        kind = self.options.kind

        def tells(instance: ShopInstance) -> bool:
            return worth_drawing(kind, figures_of(instance))

        slots = range(len(RECIPES[kind][split]))
        return drawn_afresh(split, seed, count, slots, partial(drawn_instance, kind, split), tells)

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a shop in the format of its kind, or a folder of them; see public_format.py."""
        return read_shops(path, self.options.kind)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a file for each shop, in the format of its kind."""
        return write_shops(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for one decision after the other, and score when all is done."""
        assert isinstance(instance, ShopInstance)
        schedule = _schedule(candidate, instance)
        figures, x = figures_of(instance), cost(instance, schedule)
        score = relative_score(figures.naive, figures.reference, x) if figures.tells else None
        if instance.kind == "dynamic":
            return Outcome(score, _late_metrics(instance, schedule), explain_late(instance, schedule, figures, x))
        metrics = {
            "makespan_ticks": x,
            "bound_ticks": float(instance.lower_bound or makespan_bound_ticks(instance.shop)),
            "over_reference_pct": 100.0 * (x / figures.reference - 1.0),
            "idled": float(schedule.idled),
        }
        return Outcome(score, metrics, explain_makespan(instance, schedule, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw which machine does what when."""
        assert isinstance(instance, ShopInstance)
        schedule = _schedule(candidate, instance)
        return drawn(instance, schedule, figures_of(instance), cost(instance, schedule))


def _schedule(candidate: Candidate, instance: ShopInstance) -> Schedule:
    """Run a shop as a program says."""
    policy = candidate.new("Policy", info_of(instance))

    def choose(floor: Floor, options: list[Option]) -> Any:
        return policy.call("dispatch", floor.observation(options))

    return dispatched(instance.shop, instance.kind == "blocking", choose)


@functools.cache
def _own(kind: Kind, split: Split) -> tuple[ShopInstance, ...]:
    return tuple(own_instance(kind, split, index, again) for index, again in enumerate(stored(kind).attempts[split]))


def _late_metrics(instance: ShopInstance, schedule: Schedule) -> dict[str, float]:
    jobs, counted = instance.shop.jobs, slice(instance.warm_up, None)
    late = weighted_tardiness(jobs, schedule)[counted]
    flow = [runs[-1].end - job.arrival for job, runs in zip(jobs, schedule.runs, strict=True)][counted]
    return {
        "weighted_tardiness_ticks": sum(late) / len(late),
        "late_share": sum(ticks > 0 for ticks in late) / len(late),
        "mean_flow_ticks": sum(flow) / len(flow),
        "p95_flow_ticks": float(np.quantile(flow, 0.95)),
        "idled": float(schedule.idled),
    }
