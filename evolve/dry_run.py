"""What a run would do, without doing it: seed and baselines are scored, a first prompt is made, nobody is asked.

Of the first prompt's size and the seed's time it is estimated what the budget comes to. A later prompt is longer (what
was tried, who is best where), so that tokens are a lower estimate; how long a model takes is not known.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evolve import loop
from evolve.archive import Role, Store
from evolve.config import BUILTIN, RunConfig
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.loop.finish import BEST_ON_TRAIN, LEADERS
from evolve.mutate.models.completion import Usage, estimated_tokens
from evolve.mutate.models.prices import prices_of, with_known_prices
from evolve.report.plan_document import Plan

if TYPE_CHECKING:
    from evolve.mutate.models.answer import Answer
    from evolve.mutate.prompts.prompt import Prompt
    from evolve.registry import Problem

ANSWER_TOKENS = 1500
"""What an answer is taken to have, where nothing is known: a few sentences and an edit; a whole program if longer."""


class _Heard(UsageError):
    """The first prompt is made: that is all there is to learn."""


class _Listener:
    """Takes the place of a model, and keeps the first prompt."""

    def __init__(self) -> None:
        self.prompt: Prompt | None = None

    def warm_up(self) -> None:
        """Nothing to do."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Nothing is spent."""
        return 0, 0.0

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Keep the prompt, and end the run."""
        self.prompt = prompt
        raise _Heard("the first prompt is made")

    async def close(self) -> None:
        """Nothing to do."""


async def dry_run(problem: Problem, config: RunConfig) -> Plan:
    """Return what a run would come to. Raises UsageError for what would keep it from starting."""
    asked = [model for model in with_known_prices(config.models) if model.name != BUILTIN]
    listener = _Listener()
    budget = config.budget.model_copy(update={"evaluations": 1, "minutes": None, "cost_usd": None, "tokens": None})
    trial = config.model_copy(
        update={"budget": budget, "record": None, "replay": None, "deterministic": False, "archive": ""}
    )
    if not asked:
        trial = trial.model_copy(update={"budget": budget.model_copy(update={"evaluations": 0})})
    with tempfile.TemporaryDirectory(prefix="evolve-dry-run-") as name:
        folder = Path(name) / "run"
        with contextlib.suppress(_Heard):
            await loop.run(folder, trial, problem, clients={model.name: listener for model in asked})
        with Store.open(folder) as store:
            seed = store.program(0)
            baselines = store.programs(Role.BASELINE)
            times = [r.wall_s for one in (seed, *baselines) if one for r in store.evaluations(one.id, Split.TRAIN)]
            own = [r.wall_s for r in store.evaluations(0, Split.TRAIN)]
    seed_s = math.fsum(own) / max(1, len(own))
    child_s = math.fsum(own) / config.workers
    return _plan(problem, config, listener.prompt, len(own), seed_s, math.fsum(times) / config.workers, child_s, asked)


def _plan(
    problem: Problem,
    config: RunConfig,
    prompt: Prompt | None,
    train: int,
    seed_s: float,
    start_s: float,
    child_s: float,
    asked: Sequence[object],
) -> Plan:
    budget = config.budget
    known = 1 + len(problem.baselines) + bool(config.start.source)
    held_out = {
        split: len(problem.instances(split))
        for split in (Split.VALIDATION, Split.TEST)
        if split in problem.evaluator.splits
    }
    programs = {Split.VALIDATION: known + BEST_ON_TRAIN + LEADERS, Split.TEST: known + 1}
    end_s = seed_s * sum(count * programs[split] for split, count in held_out.items()) / config.workers
    prompt_tokens = 0 if prompt is None else estimated_tokens(prompt.system + prompt.user)
    answer_tokens = 0 if prompt is None else max(ANSWER_TOKENS, estimated_tokens(config.start.source or problem.seed))
    share = _share_of_models(config)
    prices = [prices_of(model) for model in with_known_prices(config.models) if model.name != BUILTIN]
    each = [one.cost_usd(Usage(prompt_tokens, answer_tokens)) for one in prices if one is not None]
    cost_usd = math.fsum(each) / len(each) if each and len(each) == len(prices) else None
    limits = [float(budget.evaluations)] if budget.evaluations is not None else []
    if budget.minutes is not None and child_s > 0:
        limits.append(max(0.0, 60 * budget.minutes - start_s) / child_s)
    if asked and share:
        per_child = (prompt_tokens + answer_tokens) * share
        limits += [budget.calls / share] if budget.calls is not None else []
        limits += [budget.tokens / per_child] if budget.tokens is not None else []
        limits += [budget.cost_usd / (cost_usd * share)] if budget.cost_usd is not None and cost_usd else []
    evaluations = math.floor(min(limits)) if limits else None
    calls = None if not asked or evaluations is None else math.ceil(evaluations * share)
    return Plan(
        problem=problem.evaluator.name,
        models=tuple(model.name for model in config.models),
        workers=config.workers,
        train=train,
        seed_s=seed_s,
        start_s=start_s,
        child_s=child_s,
        end_s=end_s,
        evaluations=evaluations,
        calls=calls,
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
        tokens=None if calls is None else calls * (prompt_tokens + answer_tokens),
        cost_usd=None if calls is None or cost_usd is None else calls * cost_usd,
        minutes=None if evaluations is None else (start_s + evaluations * child_s + end_s) / 60,
        warnings=tuple(_warnings(config, evaluations, start_s, child_s, bool(asked))),
    )


def _share_of_models(config: RunConfig) -> float:
    """Return the share of children for which a model is asked, by the models' weights."""
    weights = {model.name: model.weight for model in config.models}
    whole = math.fsum(weights.values())
    return 1 - weights.get(BUILTIN, 0.0) / whole if whole else 1.0


def _warnings(config: RunConfig, evaluations: int | None, start_s: float, child_s: float, asks: bool) -> list[str]:
    found = []
    if evaluations is not None and evaluations < 1:
        found.append("the budget is too small for one child: raise what ends it first")
    elif evaluations is not None and evaluations < 10:
        found.append(f"the budget allows about {evaluations} children: a search needs tens of them to learn anything")
    minutes = config.budget.minutes
    if minutes is not None and start_s + child_s > 60 * minutes:
        found.append(f"seed and baselines alone take {start_s / 60:.1f} of {minutes:g} minutes")
    if asks and config.budget.cost_usd is None and config.budget.tokens is None:
        found.append("no budget in dollars or tokens: what is spent ends with the evaluations")
    return found
