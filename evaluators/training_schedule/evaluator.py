"""The verifier of training_schedule: it trains, and asks a program before every step for rate, batch and mix."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.kept_figures import differ
from evaluators.training_schedule.feedback import explain
from evaluators.training_schedule.figures import figures_of, stored, tells_apart
from evaluators.training_schedule.picture import drawn
from evaluators.training_schedule.training import BATCHES, MOST_WEIGHT, Choice, Course, Step, train
from evaluators.training_schedule.workload import RECIPES, Case, Mode, drawn_case, own_case
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Infeasible,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    mean,
    relative_score,
)

MOST_NUMBER = 1e300


class TrainingScheduleOptions(BaseModel):
    """Options of training_schedule, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = Field("rate", description="'rate': one source of data; 'mix': four, whose quality is not shown")


class TrainingSchedule(Evaluator):
    """Choose learning rate, batch and data mix step by step, so that a fixed number of samples teaches most."""

    name = "training_schedule"
    summary = "Learning rate, batch and data mix of each training step under a fixed budget of samples"
    defines = ("Policy",)
    limits = Limits(cpu_s=5.0, memory_mb=512)
    Options = TrainingScheduleOptions
    options: TrainingScheduleOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split; data are drawn when a case is evaluated."""
        return _own(self.options.mode, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, by the recipes of a split."""
        draw = functools.partial(drawn_case, self.options.mode, split)
        return drawn_afresh(
            split, seed, count, range(len(RECIPES[split])), draw, lambda case: tells_apart(case, figures_of(case))
        )

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Train all runs of a case as the program says, and score the mean of their final test losses."""
        assert isinstance(instance, Case)
        courses, figures = trained(candidate, instance), figures_of(instance)
        loss = mean([course.test_loss for course in courses])
        metrics = {
            "test_loss": loss,
            "test_loss_std": float(np.std([course.test_loss for course in courses])),
            "constant_rate_loss": figures.naive,
            "reference_loss": figures.reference,
            "steps": mean([float(len(course.rates)) for course in courses]),
            "diverged_runs": float(sum(course.diverged for course in courses)),
        }
        score = None
        if differ(figures.naive, figures.reference):
            score = relative_score(figures.naive, figures.reference, loss)
        return Outcome(score, metrics, explain(instance, courses, loss, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw rate, loss and mix over the budget."""
        assert isinstance(instance, Case)
        courses = trained(candidate, instance)
        return drawn(instance, courses, mean([course.test_loss for course in courses]), figures_of(instance))

    def remark(self, split: Split) -> str:
        """Say how much chance there is in a score."""
        runs = sorted({recipe.runs for recipe in RECIPES[split]}) if split in RECIPES else []
        return (
            f"A case is the mean of {runs[0]} runs, the same for every program; under other runs, scores differ by a "
            "few points: compare programs on validation or test, not on train."
            if runs
            else ""
        )


def trained(candidate: Candidate, case: Case) -> list[Course]:
    """Return how each run goes. The process of one run knows nothing of the others."""
    courses = []
    for run in range(case.recipe.runs):
        policy = (candidate.fresh() if run else candidate).new("Policy", case.info)

        def decide(seen: Step, policy: Any = policy) -> Choice:
            return read(policy.call("step", seen), seen.t, len(case.sources))

        courses.append(train(case.task(run), case.info.lr_hint, decide))
    return courses


def read(answer: object, t: int, sources: int) -> Choice:
    """Read an answer: rate, batch, and a weight of each source. Raises Infeasible: the step and what is wrong."""
    if not isinstance(answer, list) or len(answer) != 3:
        what = f"{len(answer)} values" if isinstance(answer, list) else type(answer).__name__
        raise Infeasible(f"step {t}: the answer is {what}, expected 3: (rate, batch, mix)")
    rate, batch, mix = answer
    if not _is_number(rate) or rate <= 0:
        raise Infeasible(f"step {t}: the rate is {rate!r:.40}, expected a finite number above 0")
    if type(batch) is not int or batch not in BATCHES:
        raise Infeasible(f"step {t}: the batch is {batch!r:.40}, expected one of {', '.join(map(str, BATCHES))}")
    if isinstance(mix, np.ndarray) and mix.ndim == 1:
        mix = mix.tolist()
    if not isinstance(mix, list) or len(mix) != sources:
        what = f"{len(mix)} weights" if isinstance(mix, list) else type(mix).__name__
        raise Infeasible(f"step {t}: the mix is {what}, expected a list of {sources}, one for each source")
    for source, weight in enumerate(mix):
        if not _is_number(weight) or not 0 <= weight <= MOST_WEIGHT:
            raise Infeasible(
                f"step {t}: the weight of source {source} is {weight!r:.40}, expected a number from 0 to 1e9"
            )
    if not any(mix):
        raise Infeasible(f"step {t}: all {sources} weights of the mix are 0")
    return float(rate), batch, mix


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST_NUMBER


@functools.cache
def _own(mode: Mode, split: Split) -> tuple[Case, ...]:
    return tuple(own_case(mode, split, index, attempt) for index, attempt in enumerate(stored(mode).attempts[split]))
