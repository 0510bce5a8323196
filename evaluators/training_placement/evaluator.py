"""The verifier of training_placement: it times every step and every recovery itself, from the program's plans."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from evaluators.fresh_draws import drawn_afresh
from evaluators.training_placement.cluster import GPUS, Case, step_flops
from evaluators.training_placement.feedback import bubble_share, explain
from evaluators.training_placement.figures import figures_of, stored, worth_drawing
from evaluators.training_placement.picture import drawn
from evaluators.training_placement.public_format import read_cases, write_cases
from evaluators.training_placement.training import Run, train
from evaluators.training_placement.workload import RECIPES, drawn_case, own_case
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


class TrainingPlacement(Evaluator):
    """Say which GPUs train which layers, and anew whenever a node fails, returns or gets slow."""

    name = "training_placement"
    summary = "Which GPUs of unlike nodes train which layers of a model, and what to do when nodes fail"
    defines = ("Policy",)
    limits = Limits(cpu_s=8.0, memory_mb=512, answer_mb=1)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split."""
        if split is Split.PUBLIC:
            raise UsageError("training_placement: no public set is bundled; give cases of your own with --data.")
        return _own(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, by the recipes of a split."""
        draw = functools.partial(drawn_case, split)
        slots = range(len(RECIPES[split]))
        return drawn_afresh(split, seed, count, slots, draw, lambda case: worth_drawing(case, figures_of(case)))

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a case, or a folder of them; see public_format.py."""
        return read_cases(path)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a file for each case."""
        return write_cases(instances, folder)

    def kind_of(self, instance: Instance) -> str:
        """Return what is particular about the cluster."""
        assert isinstance(instance, Case)
        return instance.family

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Train by a program's plans and score the hours per token."""
        assert isinstance(instance, Case)
        run, figures = trained(candidate, instance), figures_of(instance)
        score = relative_score(figures.naive, figures.reference, run.hours_per_billion) if figures.tells else None
        metrics = {
            "hours_per_billion_tokens": run.hours_per_billion,
            "naive_hours": figures.naive,
            "reference_hours": figures.reference,
            "ideal_hours": figures.ideal,
            **_metrics(run),
        }
        return Outcome(score, metrics, explain(run, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw when the job trained, recovered and waited, and which nodes were there."""
        assert isinstance(instance, Case)
        return drawn(trained(candidate, instance), figures_of(instance))


def trained(candidate: Candidate, case: Case) -> Run:
    """Train a case by a program's plans. Raises Infeasible that names what is wrong with one of them."""
    policy = candidate.new("Policy", case.job)
    return train(case, functools.partial(policy.call, "place"), functools.partial(policy.call, "replan"))


def _metrics(run: Run) -> dict[str, float]:
    """Return the figures of a run, those of a step for the first plan that trained."""
    segments, horizon_us = run.segments, 1e6 * run.case.horizon_s
    found = {
        "recovery_s": sum(one.recovery.us for one in segments if one.recovered) / 1e6,
        "waiting_s": sum(one.stopped_us for one in segments if one.step is None) / 1e6,
        "lost_steps": float(sum(one.lost for one in segments)),
        "effective_time_share": sum(one.steps * one.step.us for one in segments if one.step is not None) / horizon_us,
    }
    first = next((one for one in segments if one.step is not None), None)
    if first is not None and first.step is not None:
        step = first.step
        flops = step_flops(run.case.job) / (step.us * 1e6)
        found["step_s"] = step.us / 1e6
        found["tflops_per_gpu"] = flops / (GPUS * len(run.case.nodes))
        found["mfu"] = flops / (GPUS * sum(node.tflops for node in run.case.nodes))
        found["bubble_share"] = bubble_share(first.plan, step)
        found["exposed_comm_share"] = step.exposed_us / step.us
    return found


@functools.cache
def _own(split: Split) -> tuple[Case, ...]:
    return tuple(own_case(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
