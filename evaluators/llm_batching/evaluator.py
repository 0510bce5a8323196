"""The verifier of llm_batching: serves calls as the policy plans, and times every token by its own clock.

The engine is `evaluators.serving.planned`; calls, tools and transfers are processes in `server.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.llm_batching.calls import Case
from evaluators.llm_batching.credit import credits_of, metrics_of
from evaluators.llm_batching.feedback import explain
from evaluators.llm_batching.figures import figures_of, stored
from evaluators.llm_batching.observation import Observation
from evaluators.llm_batching.picture import drawn
from evaluators.llm_batching.public_format import public_cases, read_cases, write_cases
from evaluators.llm_batching.server import Service, info_of, serve
from evaluators.llm_batching.workload import RECIPES, drawn_case, own_case
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Run, Split, relative_score


class LlmBatchingOptions(BaseModel):
    """What a user may set by `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    load: float = Field(
        1.0, gt=0, le=3, description="how fast a trace given by --data is run: share of the engine's saturated rate"
    )


class LlmBatching(Evaluator):
    """Plan what each iteration of a language model engine computes, so that tokens come in time."""

    name = "llm_batching"
    summary = "What each iteration of a language model engine computes: admission, chunks, preemption"
    defines = ("Policy",)
    limits = Limits(cpu_s=20.0, memory_mb=512, counter=True)  # thousands of calls an instance
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)
    Options: ClassVar[type[BaseModel]] = LlmBatchingOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split; calls are drawn when an instance is evaluated."""
        return _cases(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, as those of a split are drawn."""
        draw = functools.partial(drawn_case, split)
        return drawn_afresh(split, seed, count, range(len(RECIPES[split])), draw, lambda one: figures_of(one).far_apart)

    def load(self, path: Path) -> Sequence[Instance]:
        """Read traces of Azure, BurstGPT, Mooncake or Qwen-Bailian, or cases of our own format, or a folder of them."""
        assert isinstance(self.options, LlmBatchingOptions)
        return read_cases(path, self.options.load)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write each case in our own format. Returns the files."""
        return write_cases([case for case in instances if isinstance(case, Case)], folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Serve the calls of a case and score the tokens that come in time."""
        assert isinstance(instance, Case)
        service = _served(candidate, instance)
        credits_ = credits_of(instance, service)
        metrics = dict(metrics_of(service, credits_))
        figures = figures_of(instance)
        metrics |= {"naive_cost": figures.naive, "bound_cost": figures.bound}
        score = relative_score(figures.naive, figures.reference, metrics["cost"]) if figures.tells else None
        return Outcome(score, metrics, explain(instance, service, credits_, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw KV in use, queue lengths, and when first tokens came."""
        assert isinstance(instance, Case)
        service = _served(candidate, instance)
        return drawn(instance, service, credits_of(instance, service), figures_of(instance))


class _Sandboxed:
    """A policy in the candidate's process."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def schedule(self, observation: Observation) -> Any:
        return self._run.call("schedule", observation)


def _served(candidate: Candidate, case: Case) -> Service:
    return serve(case, _Sandboxed(candidate.new("Policy", info_of(case))), as_sent=True)


@functools.cache
def _cases(split: Split) -> tuple[Case, ...]:
    if split is Split.PUBLIC:
        return tuple(public_cases())
    return tuple(own_case(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
