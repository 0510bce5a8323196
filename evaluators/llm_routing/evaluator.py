"""The verifier of llm_routing: serves requests as the policy routes them, and times them by its own clock.

The engines and the gateway are in `gateway.py` and `evaluators.serving`; why simpy drives the rare processes and a heap
the engines is said there.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.llm_routing.cluster import Case
from evaluators.llm_routing.feedback import explain
from evaluators.llm_routing.figures import figures_of, stored
from evaluators.llm_routing.gateway import info_of, serve
from evaluators.llm_routing.observation import Observation, Report
from evaluators.llm_routing.picture import drawn
from evaluators.llm_routing.public_format import public_cases, read_cases, write_cases
from evaluators.llm_routing.service import metrics_of
from evaluators.llm_routing.workload import RECIPES, drawn_case, own_case
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Run, Split, relative_score


class LlmRoutingOptions(BaseModel):
    """What a user may set by `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicas: int = Field(
        16, ge=2, le=64, description="A100 machines that serve a trace given by --data; a light trace needs few."
    )


class LlmRouting(Evaluator):
    """Send each request to one of many language model engines, so that answers come soon."""

    name = "llm_routing"
    summary = "Which replica of a language model gets a request: cached prefixes against load"
    defines = ("Policy",)
    limits = Limits(cpu_s=20.0, memory_mb=512, counter=True)  # thousands of calls an instance
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)
    Options: ClassVar[type[BaseModel]] = LlmRoutingOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split; requests are drawn when an instance is evaluated."""
        return _cases(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, as those of a split are drawn."""
        draw = functools.partial(drawn_case, split)
        return drawn_afresh(
            split, seed, count, range(RECIPES[split].count), draw, lambda one: figures_of(one).far_apart
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a trace of Mooncake (JSONL) or Azure (CSV), or a folder of them, for `replicas` A100 machines."""
        assert isinstance(self.options, LlmRoutingOptions)
        return read_cases(path, self.options.replicas)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write the requests of each case in Mooncake's format. Returns the files."""
        return write_cases([case for case in instances if isinstance(case, Case)], folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Serve the requests of a case and score how many times their SLOs they take."""
        assert isinstance(instance, Case)
        policy = _Sandboxed(candidate.new("Policy", info_of(instance)))
        service = serve(instance, policy, packed=True)
        metrics = dict(metrics_of(instance, service))
        figures = figures_of(instance)
        metrics |= {"naive_times_slo": figures.naive, "bound_times_slo": figures.bound}
        found = metrics["times_slo"]
        score = relative_score(figures.naive, figures.reference, found) if figures.tells else None
        return Outcome(score, metrics, explain(instance, service, figures, found))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw requests, queues and hits by replica over time."""
        assert isinstance(instance, Case)
        service = serve(instance, _Sandboxed(candidate.new("Policy", info_of(instance))), packed=True)
        return drawn(instance, service, figures_of(instance), metrics_of(instance, service)["times_slo"])


class _Sandboxed:
    """A policy in the candidate's process."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.rebalances = run.offers("rebalance")

    def route(self, observation: Observation) -> Any:
        return self._run.call("route", observation)

    def rebalance(self, report: Report) -> Any:
        return self._run.call("rebalance", report)


@functools.cache
def _cases(split: Split) -> tuple[Case, ...]:
    if split is Split.PUBLIC:
        return tuple(public_cases())
    return tuple(own_case(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
