"""What would help a person: what a step of the first plan is spent on, and which event cost most, and how."""

from __future__ import annotations

from evaluators.training_placement.cluster import Case
from evaluators.training_placement.figures import Figures
from evaluators.training_placement.plan import Plan
from evaluators.training_placement.step import Step
from evaluators.training_placement.training import Run, Segment

MOST_LETTERS = 500


def explain(run: Run, figures: Figures) -> str:
    """Return one line of at most 500 characters."""
    case = run.case
    facts = [
        f"{case.family}, {len(case.nodes)} nodes, {case.horizon_s // 3600} h: {run.hours_per_billion:.2f} h per 1e9 "
        f"tokens (naive {figures.naive:.2f}, reference {figures.reference:.2f}, all GPUs busy {figures.ideal:.2f})"
    ]
    first = next((one for one in run.segments if one.step is not None), None)
    if first is not None and first.step is not None:
        facts.append(_of_step(case, first.plan, first.step))
    stopped = sum(one.stopped_us for one in run.segments)
    if stopped:
        worst = max(run.segments, key=lambda one: one.stopped_us)
        facts.append(
            f"no training in {stopped / 3.6e9:.2f} h, most after hour {worst.start_us / 3.6e9:.1f}: {_why(worst)}"
        )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def bubble_share(plan: Plan, step: Step) -> float:
    """Return the share of time in which a stage of the plan does nothing, before gradients are reduced."""
    busy = total = 0
    for count, ahead, back in zip(plan.microbatches, step.forward, step.backward, strict=True):
        busy += count * (sum(ahead) + sum(back))
        total += max(step.pipelines_us) * len(ahead)
    return 1 - busy / total


def _of_step(case: Case, plan: Plan, step: Step) -> str:
    p = step.slowest
    passes = [a + b for a, b in zip(step.forward[p], step.backward[p], strict=True)]
    slow = max(range(len(passes)), key=passes.__getitem__)
    stage = plan.pipelines[p][slow]
    return (
        f"step {step.us / 1e6:.2f} s with {len(plan.pipelines)} pipelines on {len(plan.nodes())} nodes, "
        f"{100 * bubble_share(plan, step):.0f} % of stages' time idle, {step.exposed_us / 1e6:.2f} s for gradients; "
        f"pipeline {p} ends last, its slowest stage {slow} (layers {stage.first}..{stage.last}) "
        f"{passes[slow] / 1e3:.0f} ms a microbatch, the fastest {min(passes) / 1e3:.0f}"
    )


def _why(worst: Segment) -> str:
    hours = worst.stopped_us / 3.6e9
    if worst.step is None:
        return f"the plan had lost GPUs and waited {hours:.2f} h"
    parts = worst.recovery
    what = "loading a checkpoint" if parts.reload else "moving state"
    return f"communicators {parts.communicators_us / 1e6:.0f} s, {what} {parts.state_us / 1e6:.0f} s" + (
        f", {worst.lost} steps done again" if worst.lost else ""
    )
