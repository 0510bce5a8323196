"""The verifier of pd_disaggregation: serves requests as the policy says, and times them by its own clock.

The engines are `evaluators.serving.pooled`; pools, links, changes of role and failures are in `pools.py`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.pd_disaggregation.feedback import explain
from evaluators.pd_disaggregation.figures import figures_of, stored
from evaluators.pd_disaggregation.fleet import Case, Family
from evaluators.pd_disaggregation.observation import Prefilled, Prompt, Report, info_of
from evaluators.pd_disaggregation.operation import serve
from evaluators.pd_disaggregation.picture import drawn
from evaluators.pd_disaggregation.public_format import public_cases, read_cases, write_cases
from evaluators.pd_disaggregation.record import Service
from evaluators.pd_disaggregation.service import metrics_of, times_of
from evaluators.pd_disaggregation.workload import RECIPES, drawn_case, own_case
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Instance,
    Limits,
    Outcome,
    Picture,
    Run,
    Split,
    UsageError,
    relative_score,
)

OWN_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


class PdDisaggregationOptions(BaseModel):
    """What a user may set by `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family = Field(
        "pools",
        description="'pools': a machine computes prompts or answers; 'semi_pd': it may divide its SMs between both",
    )
    instances: int = Field(8, ge=2, le=64, description="A100 machines that serve a trace given by --data.")
    load: float = Field(
        0.8,
        gt=0,
        le=1.1,
        description="how fast a trace given by --data is run: its work, as a share of the fleet's time",
    )
    switch_s: float = Field(
        5.0, ge=0, le=300, description="for how long a machine that serves a trace given by --data changes its role"
    )


class PdDisaggregation(Evaluator):
    """Say which machines compute prompts and which answers, and who gets each request."""

    name = "pd_disaggregation"
    summary = "Which machines compute prompts (prefill), which answers (decode), and who gets each request"
    defines = ("Policy",)
    limits = Limits(cpu_s=20.0, memory_mb=512, counter=True)  # ten thousand calls an instance
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)
    Options: ClassVar[type[BaseModel]] = PdDisaggregationOptions
    options: PdDisaggregationOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        if self.options.family != "pools":
            self.splits, self.seed_variant = OWN_SPLITS, self.options.family

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split; requests are drawn when an instance is evaluated."""
        if split is Split.PUBLIC and self.options.family != "pools":
            raise UsageError(
                f"pd_disaggregation: no public cases of the family {self.options.family}; leave --split public out, or "
                "give a trace with --data."
            )
        return _cases(self.options.family, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, as those of a split are drawn."""
        draw = functools.partial(drawn_case, split, family=self.options.family)
        return drawn_afresh(split, seed, count, range(len(RECIPES[split])), draw, lambda one: figures_of(one).far_apart)

    def load(self, path: Path) -> Sequence[Instance]:
        """Read traces of Azure, BurstGPT, Mooncake or Qwen-Bailian, or cases of our own format, or a folder of them."""
        options = self.options
        cases = read_cases(path, options.instances, options.load, options.switch_s)
        return [dataclasses.replace(case, family=options.family) for case in cases]

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write each case in our own format. Returns the files."""
        return write_cases([case for case in instances if isinstance(case, Case)], folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Serve the requests of a case and score how many are within their SLOs."""
        assert isinstance(instance, Case)
        service = _served(candidate, instance)
        times = times_of(instance, service)
        figures = figures_of(instance)
        metrics = dict(metrics_of(instance, service, times))
        metrics |= {"naive_cost": figures.naive, "fixed_cost": figures.fixed_cost, "fluid_bound_cost": figures.fluid}
        score = relative_score(figures.naive, figures.reference, times.cost) if figures.tells else None
        return Outcome(score, metrics, explain(instance, service, times, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw roles and load over time, and how late tokens were."""
        assert isinstance(instance, Case)
        service = _served(candidate, instance)
        return drawn(instance, service, times_of(instance, service), figures_of(instance))


class _Sandboxed:
    """A policy in the candidate's process."""

    def __init__(self, run: Run) -> None:
        self._call = run.call

    def dispatch(self, prompt: Prompt) -> Any:
        return self._call("dispatch", prompt)

    def assign(self, prefilled: Prefilled) -> Any:
        return self._call("assign", prefilled)

    def control(self, report: Report) -> Any:
        return self._call("control", report)


def _served(candidate: Candidate, case: Case) -> Service:
    return serve(case, _Sandboxed(candidate.new("Policy", info_of(case))), "packed")


@functools.cache
def _cases(family: Family, split: Split) -> tuple[Case, ...]:
    if split is Split.PUBLIC:
        return tuple(public_cases())
    return tuple(
        own_case(split, index, attempt, family) for index, attempt in enumerate(stored(family).attempts[split])
    )
