"""The verifier: scores a policy on windows of spot availability in several zones, from its answers alone."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.spot_multi.feedback import explain
from evaluators.spot_multi.figures import Figures, figures_of, stored
from evaluators.spot_multi.mechanics import Bill, play
from evaluators.spot_multi.picture import drawn
from evaluators.spot_multi.public_format import read_windows, write_windows
from evaluators.spot_multi.public_windows import public_instances
from evaluators.spot_multi.window import Window, info_of
from evaluators.spot_multi.workload import RECIPES, drawn_window, own_window
from evaluators.spot_traces import published
from evaluators.spot_traces.options import RunOptions
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation, Rules
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Split, relative_score


class SpotOptions(RunOptions):
    """What a user may set by `--set evaluator.key=value`."""

    rules: Rules = Field(
        "strict",
        description="'strict': a move is a start, the guard at the last safe tick is on demand, every tick is paid at "
        "the price of its own region. 'public': the published simulator's rules, on the own splits too, to evolve for "
        "its leaderboard.",
    )


class SpotMulti(Evaluator):
    """Finish a job before its deadline at the least cost, on spot and on-demand machines of several regions."""

    name = "spot_multi"
    summary = "When and in which region to run on spot, on demand or wait, so that a job meets its deadline cheaply"
    defines = ("Policy",)
    limits = Limits(cpu_s=10.0, memory_mb=512, counter=True)  # thousands of calls an instance
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)
    Options: ClassVar[type[BaseModel]] = SpotOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the windows of a split."""
        return _instances(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw windows that nobody has seen, as the synthetic ones of a split are drawn."""
        assert isinstance(self.options, SpotOptions)
        rules = self.options.rules
        slots = range(1, RECIPES[split].count, 2)  # the others are cut from real traces
        draw = functools.partial(drawn_window, split)
        return drawn_afresh(split, seed, count, slots, draw, lambda window: figures_of(window, rules).far_apart)

    def load(self, path: Path) -> Sequence[Instance]:
        """Read traces of the public format; 1 = spot not available unless metadata or option say otherwise."""
        assert isinstance(self.options, SpotOptions)
        return read_windows(path, self.options.orientation)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write windows as traces of the public format, in which 1 = spot not available."""
        return write_windows([window for window in instances if isinstance(window, Window)], folder)

    def rules_of(self, window: Window) -> Rules:
        """Return the rules of a window: the public ones for public windows and a user's traces, else the option's."""
        assert isinstance(self.options, SpotOptions)
        return self.options.rules if window.id.partition("/")[0] in RECIPES else "public"

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask the policy once a tick, and score what its run pays."""
        assert isinstance(instance, Window)
        rules = self.rules_of(instance)
        policy = [candidate.new("Policy", info_of(instance))]

        def ask(observation: Observation) -> Any:
            return candidate.map(policy, "decide", [observation])[0]

        bill = play(instance, rules, ask)
        figures = figures_of(instance, rules)
        score = relative_score(figures.naive_usd, figures.optimum_usd, bill.cost_usd) if figures.tells else None
        return Outcome(score, self._metrics(instance, bill, figures), explain(instance, rules, bill, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw where the run was on what, against the availability of each region."""
        assert isinstance(instance, Window)
        return drawn(candidate, instance, self.rules_of(instance))

    def remark(self, split: Split) -> str:
        """Say what the public rules reward that has nothing to do with scheduling."""
        assert isinstance(self.options, SpotOptions)
        if split is not Split.PUBLIC and self.options.rules == "strict":
            return ""
        return (
            "The public rules bill all spot of a run at the first price of the region that its last paid tick names: "
            "a program may have its gain from naming a cheap one there, not from running there. Moving is free, and "
            "lateness too."
        )

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric; on public windows also the mean of the scenarios' means, and its score.

        The published scale is one of 48 h of work: a user's windows with another task have no published score.
        """
        metrics = super().summarise(split, outcomes)
        if split is Split.PUBLIC:
            means = [value for name, value in metrics.items() if name.startswith(SCENARIO)]
            metrics["total_cost_usd"] = math.fsum(means) / len(means)
            if all(outcome.metrics["task_h"] == published.TASK_H for outcome in outcomes):
                metrics["adrs_score"] = published.adrs_score(metrics["total_cost_usd"])
        return metrics

    def _metrics(self, window: Window, bill: Bill, figures: Figures) -> dict[str, float]:
        metrics = {
            "cost_usd": bill.cost_usd,
            "naive_cost_usd": figures.naive_usd,
            "optimum_cost_usd": figures.optimum_usd,
            "task_h": window.terms.task_s / 3600,
            "spot_h": bill.hours(SPOT),
            "on_demand_h": bill.hours(ON_DEMAND),
            "waiting_h": bill.hours(NONE),
            "restarts": float(bill.starts),
            "moves": float(bill.moves),
            "free_moves": float(bill.free_moves),
            "late_runs": float(bill.finish_s > window.terms.deadline_s),
        }
        if window.id.partition("/")[0] not in RECIPES:
            metrics[f"{SCENARIO}{window.scenario}_cost_usd"] = bill.cost_usd
        return metrics


SCENARIO = "scenario_"
"""A scenario's windows have a metric of their own, `scenario_all_9_regions_cost_usd`: its mean is the scenario's."""


@functools.cache
def _instances(split: Split) -> tuple[Window, ...]:
    if split is Split.PUBLIC:
        return tuple(public_instances())
    return tuple(own_window(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
