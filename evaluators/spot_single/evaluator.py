"""The verifier: scores a policy on windows of spot availability, from its answers alone."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.spot_single.feedback import explain
from evaluators.spot_single.figures import Figures, figures_of, stored
from evaluators.spot_single.mechanics import Bill, Window, info_of, play
from evaluators.spot_single.picture import drawn
from evaluators.spot_single.public_format import read_windows, write_windows
from evaluators.spot_single.workload import RECIPES, drawn_window, own_window, public_instances
from evaluators.spot_traces import published
from evaluators.spot_traces.options import RunOptions
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation, Rules
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Split, relative_score


class SpotOptions(RunOptions):
    """What a user may set by `--set evaluator.key=value`."""

    rules: Rules = Field(
        "strict",
        description="'strict': the guard at the last safe tick is on demand, no run ends late. "
        "'public': the published simulator's rules, on the own splits too, to evolve for its leaderboard.",
    )


class SpotSingle(Evaluator):
    """Finish a job before its deadline at the least cost, on spot and on-demand machines of one zone."""

    name = "spot_single"
    summary = "When to run on spot, on demand or wait, so that a job meets its deadline cheaply (one zone)"
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
        """Run the policies of a window in lockstep, one message a tick, and score what they pay."""
        assert isinstance(instance, Window)
        rules = self.rules_of(instance)
        policies = [candidate.new("Policy", info_of(instance, terms)) for terms in instance.runs]

        def ask(runs: Sequence[int], observations: Sequence[Observation]) -> list[Any]:
            return candidate.map([policies[run] for run in runs], "decide", observations)

        bills = play(instance, rules, ask)
        figures = figures_of(instance, rules)
        # Over all runs together: where a tight deadline leaves nothing to decide, a few cents are not to count.
        naive, best, paid = map(math.fsum, (figures.naive_usd, figures.optimum_usd, [b.cost_usd for b in bills]))
        score = relative_score(naive, best, paid) if figures.tells else None
        return Outcome(score, _metrics(instance, bills, figures), explain(instance, bills, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw what each run of a window did against the availability of spot."""
        assert isinstance(instance, Window)
        return drawn(candidate, instance, self.rules_of(instance))

    def remark(self, split: Split) -> str:
        """Say what the public rules reward that has nothing to do with scheduling."""
        assert isinstance(self.options, SpotOptions)
        if split is not Split.PUBLIC and self.options.rules == "strict":
            return ""
        return "The public rules let spot ride on past the last safe tick, and a run that ends late costs nothing more."

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric; on the public set also the published score, over all its runs.

        The published scale is one of 48 h of work: a user's windows with another task have no published score.
        """
        figures = super().summarise(split, outcomes)
        if split is Split.PUBLIC:
            figures["mean_cost_usd"] = figures["cost_usd"]
            if all(outcome.metrics["task_h"] == published.TASK_H for outcome in outcomes):
                figures["adrs_score"] = published.adrs_score(figures["cost_usd"])
        return figures


@functools.cache
def _instances(split: Split) -> tuple[Window, ...]:
    if split is Split.PUBLIC:
        return tuple(public_instances())
    return tuple(own_window(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))


def _metrics(window: Window, bills: Sequence[Bill], figures: Figures) -> dict[str, float]:
    """Return the figures of a window: means over its runs, and how many ended late."""

    def mean(values: Sequence[float]) -> float:
        return math.fsum(values) / len(values)

    return {
        "cost_usd": mean([b.cost_usd for b in bills]),
        "naive_cost_usd": mean(figures.naive_usd),
        "optimum_cost_usd": mean(figures.optimum_usd),
        "task_h": mean([t.task_s / 3600 for t in window.runs]),
        "spot_h": mean([b.hours(SPOT) for b in bills]),
        "on_demand_h": mean([b.hours(ON_DEMAND) for b in bills]),
        "waiting_h": mean([b.hours(NONE) for b in bills]),
        "restarts": mean([b.starts for b in bills]),
        "late_runs": sum(b.finish_s > t.deadline_s for b, t in zip(bills, window.runs, strict=True)),
    }
