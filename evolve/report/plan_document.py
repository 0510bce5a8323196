"""What a run would do, for a person."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from evolve.report.figures import seconds_text
from evolve.report.tables import facts_table


@dataclass(frozen=True)
class Plan:
    """What a run would come to.

    Attributes:
        seed_s: wall seconds of the seed on one instance of train, verifier included.
        start_s, child_s, end_s: seconds of evaluations: seed and baselines; one child; finalists at the end.
        evaluations: children; None: no budget of them.
        calls: model calls, one a child: answers that give no new program come on top; None where none is asked.
        prompt_tokens, answer_tokens: of one call, estimated as characters / 4.
        tokens, cost_usd: of all calls; None where it is not known.
        minutes: of evaluations, spread over the workers, without the time of models.
        warnings: what would keep the run from being useful, one sentence each.
    """

    problem: str
    models: tuple[str, ...]
    workers: int
    train: int
    seed_s: float
    start_s: float
    child_s: float
    end_s: float
    evaluations: int | None
    calls: int | None
    prompt_tokens: int
    answer_tokens: int
    tokens: int | None
    cost_usd: float | None
    minutes: float | None
    warnings: tuple[str, ...]


def print_plan(console: Console, plan: Plan) -> None:
    """Print what a run would do, take and cost."""
    about = "no budget bounds it" if plan.evaluations is None else f"about {plan.evaluations}"
    facts = {
        "problem": plan.problem,
        "changes by": ", ".join(plan.models),
        "seed": f"{seconds_text(plan.seed_s)} on an instance, {plan.train} instances of train",
        "before the first child": f"{seconds_text(plan.start_s)}: the seed and the baselines",
        "one child": f"{seconds_text(plan.child_s)} on {plan.workers} workers, if it is as quick as the seed",
        "children": about,
        "after the last": f"{seconds_text(plan.end_s)}: validation and test",
    }
    if plan.minutes is not None:
        facts["evaluations in all"] = f"{plan.minutes:.1f} minutes, the models' own time left out"
    if plan.prompt_tokens:
        facts["one call"] = f"about {plan.prompt_tokens} + {plan.answer_tokens} tokens; later prompts are longer"
        if plan.calls is not None:
            facts["calls"] = f"{plan.calls} or more: an answer may give no new program"
            facts["tokens"] = f"about {plan.tokens}"
        facts["cost"] = "no price is known" if plan.cost_usd is None else f"about ${plan.cost_usd:.2f}"
    else:
        facts["cost"] = "nothing: no model is asked"
    console.print(facts_table(facts))
    for warning in plan.warnings:
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True)
