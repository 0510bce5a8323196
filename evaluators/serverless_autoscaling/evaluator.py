"""The verifier of serverless_autoscaling: it plays a day, or an hour of a service, and adds up what it costs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.kept_figures import differ
from evaluators.serverless_autoscaling.feedback import explain, gb
from evaluators.serverless_autoscaling.figures import figures_of, stored, tells_apart
from evaluators.serverless_autoscaling.functions import MOST_WARM, Calls, Day, Minute, bill
from evaluators.serverless_autoscaling.picture import drawn
from evaluators.serverless_autoscaling.public_format import read_days, write_days
from evaluators.serverless_autoscaling.service import MOST_LIMIT, MOST_REPLICAS, Course, Hour, Tick, serve
from evaluators.serverless_autoscaling.service_feedback import drawn_hour_of, explain_hour
from evaluators.serverless_autoscaling.service_figures import (
    figures_of_hour,
    hour_tells_apart,
    score_of_hour,
    stored_hours,
)
from evaluators.serverless_autoscaling.service_workload import HOURS, drawn_hour, own_hour
from evaluators.serverless_autoscaling.workload import RECIPES, drawn_day, own_day, public_days
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

OWN_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


class ServerlessAutoscalingOptions(BaseModel):
    """Options of serverless_autoscaling, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["functions", "concurrency"] = Field(
        "functions",
        description="'functions': instances of 200 functions, minute by minute; 'concurrency': replicas of one service "
        "and how many requests each does at once, every 2 s, and a program defines Scaler instead of Policy",
    )


class ServerlessAutoscaling(Evaluator):
    """Say minute by minute how many instances of each function stay warm."""

    name = "serverless_autoscaling"
    summary = "How many instances of each serverless function stay warm, when only past calls are known"
    defines = ("Policy",)
    limits = Limits(cpu_s=5.0, memory_mb=512, answer_mb=1)
    splits = (*OWN_SPLITS, Split.PUBLIC)
    Options = ServerlessAutoscalingOptions
    options: ServerlessAutoscalingOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        if self.options.mode == "concurrency":
            self.defines, self.splits, self.seed_variant = ("Scaler",), OWN_SPLITS, self.options.mode

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the days or hours of a split; calls are drawn when one is evaluated."""
        if self.options.mode == "concurrency":
            self._of_functions(split is Split.PUBLIC, "no public services are bundled; leave --split public out.")
            return _own_hours(split)
        return public_days() if split is Split.PUBLIC else _own(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw days or hours that nobody has seen, by the recipes of a split."""
        if self.options.mode == "concurrency":
            return drawn_afresh(
                split,
                seed,
                count,
                range(len(HOURS[split])),
                functools.partial(drawn_hour, split),
                lambda hour: hour_tells_apart(hour, figures_of_hour(hour)),
            )
        draw = functools.partial(drawn_day, split)
        return drawn_afresh(
            split, seed, count, range(len(RECIPES[split])), draw, lambda day: tells_apart(day, figures_of(day))
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read invocations per minute in the Azure dataset's format, or a folder of such files."""
        self._of_functions(True, f"services have no file format (got --data {path}); leave --data out.")
        return read_days(path)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a file in the Azure dataset's format for each day."""
        self._of_functions(True, "services have no file format; leave the mode out.")
        return write_days(instances, folder)

    def _of_functions(self, asked: bool, otherwise: str) -> None:
        if asked and self.options.mode == "concurrency":
            raise UsageError(f"serverless_autoscaling, mode concurrency: {otherwise}")

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Play a day or an hour and score its cost."""
        if isinstance(instance, Hour):
            return _hour(candidate, instance)
        assert isinstance(instance, Day)
        day = instance.functions
        warm = played(candidate, day)
        paid, figures = bill(day, warm), figures_of(instance)
        needed = day.need.sum(axis=0)
        cold_share = 100.0 * paid.cold[needed > 0] / needed[needed > 0]
        metrics = {
            "cost_gb_min": gb(paid.total),
            "idle_gb_min": gb(int((2 * day.mem_mb * paid.idle).sum())),
            "cold_starts": float(paid.cold.sum()),
            "cold_share_q75_pct": float(np.quantile(cold_share, 0.75)) if len(cold_share) else 0.0,
            "kept_10_min_gb_min": gb(figures.naive),
            "optimum_gb_min": gb(figures.reference),
        }
        score = None
        if differ(figures.naive, figures.reference):
            score = relative_score(figures.naive, figures.reference, paid.total)
        return Outcome(score, metrics, explain(day, paid, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw what is needed, idle and started over the day, or replicas and requests over the hour."""
        if isinstance(instance, Hour):
            return drawn_hour_of(instance.id, instance.load, served(candidate, instance))
        assert isinstance(instance, Day)
        return drawn(instance.id, instance.functions, played(candidate, instance.functions))


def played(candidate: Candidate, day: Calls) -> np.ndarray:
    """Ask a policy after every minute, and return (minutes, F) int64: what is warm from the start of each.

    Nothing is warm at first. After the last minute nobody is asked: there is no minute that an answer could be for.
    """
    need, functions = day.need, day.need.shape[1]
    policy = candidate.new("Policy", day.info())
    warm = np.zeros_like(need)
    idle_min = np.full(functions, -1, dtype=np.int64)
    for minute in range(len(need) - 1):
        calls = day.calls[minute]
        idle_min = np.where(calls > 0, 0, np.where(idle_min < 0, -1, idle_min + 1))
        cold = np.maximum(0, need[minute] - warm[minute])
        answer = policy.call("target", Minute(minute, calls, need[minute], cold, warm[minute], idle_min))
        warm[minute + 1] = index_array(answer, (functions,), MOST_WARM + 1, "instances of function")
    return warm


def served(candidate: Candidate, hour: Hour) -> Course:
    """Serve an hour as a scaler says. Raises Infeasible that names the tick."""
    scaler = candidate.new("Scaler", hour.load.info())

    def decide(seen: Tick) -> tuple[int, int]:
        answer = scaler.call("decide", seen)
        if not isinstance(answer, list) or len(answer) != 2:
            what = f"{len(answer)} values" if isinstance(answer, list) else type(answer).__name__
            raise Infeasible(f"tick {seen.tick}: the answer is {what}, expected 2: (replicas, limit)")
        for name, number, most in zip(("replicas", "limit"), answer, (MOST_REPLICAS, MOST_LIMIT), strict=True):
            if type(number) is not int or not 1 <= number <= most:
                raise Infeasible(
                    f"tick {seen.tick}: {name} is {number!r:.40}, expected a whole number from 1 to {most}"
                )
        return answer[0], answer[1]

    return serve(hour.load, decide)


def _hour(candidate: Candidate, hour: Hour) -> Outcome:
    course, figures, load = served(candidate, hour), figures_of_hour(hour), hour.load
    metrics = {
        "cost_units": float(course.cost),
        "late_pct": 100.0 * course.late / max(1, int(load.arrived.sum())),
        "replicas_mean": float(np.mean([tick.ready + tick.starting for tick in course.ticks])),
        "limit_mean": float(np.mean([tick.limit for tick in course.ticks])),
        "default_units": float(figures.naive),
        "reference_units": float(figures.reference),
    }
    score = score_of_hour(figures, course.cost) if differ(figures.naive, figures.reference) else None
    return Outcome(score, metrics, explain_hour(load, course, figures))


@functools.cache
def _own_hours(split: Split) -> tuple[Hour, ...]:
    return tuple(own_hour(split, index, attempt) for index, attempt in enumerate(stored_hours().attempts[split]))


@functools.cache
def _own(split: Split) -> tuple[Day, ...]:
    return tuple(own_day(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
