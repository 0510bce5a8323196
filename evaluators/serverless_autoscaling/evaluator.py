"""The verifier of serverless_autoscaling: it plays a day minute by minute and adds up what it costs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluators.fresh_draws import drawn_afresh
from evaluators.kept_figures import differ
from evaluators.serverless_autoscaling.feedback import explain, gb
from evaluators.serverless_autoscaling.figures import figures_of, stored, tells_apart
from evaluators.serverless_autoscaling.functions import MOST_WARM, Calls, Day, Minute, bill
from evaluators.serverless_autoscaling.picture import drawn
from evaluators.serverless_autoscaling.public_format import read_days, write_days
from evaluators.serverless_autoscaling.workload import RECIPES, drawn_day, own_day, public_days
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    index_array,
    relative_score,
)


class ServerlessAutoscaling(Evaluator):
    """Say minute by minute how many instances of each function stay warm."""

    name = "serverless_autoscaling"
    summary = "How many instances of each serverless function stay warm, when only past calls are known"
    defines = ("Policy",)
    limits = Limits(cpu_s=5.0, memory_mb=512, answer_mb=1)
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the days of a split; calls are drawn when a day is evaluated."""
        return public_days() if split is Split.PUBLIC else _own(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw days that nobody has seen, by the recipes of a split."""
        draw = functools.partial(drawn_day, split)
        return drawn_afresh(
            split, seed, count, range(len(RECIPES[split])), draw, lambda day: tells_apart(day, figures_of(day))
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read invocations per minute in the Azure dataset's format, or a folder of such files."""
        return read_days(path)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a file in the Azure dataset's format for each day."""
        return write_days(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Play a day and score its cost."""
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
        """Draw what is needed, idle and started over the day."""
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


@functools.cache
def _own(split: Split) -> tuple[Day, ...]:
    return tuple(own_day(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
