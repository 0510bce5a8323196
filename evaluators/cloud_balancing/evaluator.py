"""The verifier of cloud_balancing: it lives through the day itself and charges energy, overload and migrations."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from evaluators.cloud_balancing.feedback import explain
from evaluators.cloud_balancing.figures import compute, figures_of, stored, worth_drawing
from evaluators.cloud_balancing.picture import drawn
from evaluators.cloud_balancing.public_format import read_days, write_days
from evaluators.cloud_balancing.simulation import Day, lived
from evaluators.cloud_balancing.workload import RECIPES, Case, drawn_case, own_case
from evaluators.fresh_draws import drawn_afresh
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Split, relative_score


class CloudBalancingOptions(BaseModel):
    """Options of cloud_balancing, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vms: int = Field(
        150, ge=4, le=10_000, description="how many VMs at most a day has that is read from PlanetLab files"
    )


class CloudBalancing(Evaluator):
    """Say every five minutes which VMs move to which hosts."""

    name = "cloud_balancing"
    summary = "Move virtual machines between hosts: little energy, no overload, few migrations"
    defines = ("Policy",)
    limits = Limits(cpu_s=5.0, memory_mb=512, answer_mb=1, counter=True)  # a day is 288 calls
    Options = CloudBalancingOptions
    options: CloudBalancingOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the days of a split; what is asked is drawn when one is evaluated."""
        return _own(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw days that nobody has seen, by the recipes of a split."""
        slots = range(len(RECIPES[split]))
        return drawn_afresh(
            split, seed, count, slots, partial(drawn_case, split), lambda case: worth_drawing(compute(case))
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a folder of PlanetLab files, a day, or a folder of such folders."""
        return read_days(path, self.options.vms)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a folder of PlanetLab files for each day."""
        return write_days(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask at every tick what moves, and charge the day."""
        assert isinstance(instance, Case)
        day, figures = _lived(candidate, instance), figures_of(instance)
        score = relative_score(figures.naive, figures.reference, day.cost_usd) if figures.tells else None
        metrics = {
            "cost_usd": day.cost_usd,
            "bound_usd": figures.reference,
            "energy_kwh": day.energy_kwh,
            "unmet_mips_h": day.unmet_mips_s / 3600,
            "slatah_pct": day.slatah_pct,
            "pdm_pct": day.pdm_pct,
            "migrations": float(day.migrations),
            "migrated_gb": day.migrated_gb,
            "esv": day.energy_kwh * day.slatah_pct * day.pdm_pct,
        }
        return Outcome(score, metrics, explain(instance.cloud, day, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw hosts that are on, and migrations."""
        assert isinstance(instance, Case)
        return drawn(instance.id, instance.cloud, _lived(candidate, instance))


def _lived(candidate: Candidate, case: Case) -> Day:
    policy = candidate.new("Policy", case.cloud.info)
    return lived(case.cloud, lambda tick: policy.call("rebalance", tick))


@functools.cache
def _own(split: Split) -> tuple[Case, ...]:
    return tuple(own_case(split, index, again) for index, again in enumerate(stored().attempts[split]))
