"""The verifier of vm_rescheduling: it carries out the plan itself, move by move, and counts what is in fragments."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.vm_rescheduling.cluster import Cluster, fragments, rate, rate_64
from evaluators.vm_rescheduling.feedback import explain
from evaluators.vm_rescheduling.figures import figures_of, of_cluster, stored, worth_drawing
from evaluators.vm_rescheduling.migration import Move, aged, carried_out, checked_moves
from evaluators.vm_rescheduling.picture import drawn
from evaluators.vm_rescheduling.public_format import read_clusters, write_clusters
from evaluators.vm_rescheduling.workload import RECIPES, Case, Family, drawn_case, own_case
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Split, relative_score


class VmReschedulingOptions(BaseModel):
    """Options of vm_rescheduling, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family = Field(
        "standard",
        description="'standard': as the page says; 'multi_resource': memory is scarce everywhere; "
        "'anti_affinity': VMs in groups everywhere",
    )
    stale: int = Field(
        0, ge=0, le=40, description="how many VMs come or leave before a plan is carried out; moves may then be skipped"
    )
    limit: int = Field(50, ge=1, le=100_000, description="moves allowed on a cluster of a file that names no limit")


class VmRescheduling(Evaluator):
    """Choose the few VMs to move, and where to, so that the free CPU of a cluster is in whole blocks again."""

    name = "vm_rescheduling"
    summary = "Move a few virtual machines so that less of the free CPU is in fragments"
    defines = ("reschedule",)
    limits = Limits(cpu_s=1.0, memory_mb=512, answer_mb=1)
    Options = VmReschedulingOptions
    options: VmReschedulingOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the clusters of a split; hosts and VMs are drawn when one is evaluated."""
        return _own(self.options.family, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw clusters that nobody has seen, by the recipes of a split."""
        draw = partial(drawn_case, self.options.family, split)
        slots = range(len(RECIPES[split]))
        return drawn_afresh(split, seed, count, slots, draw, lambda case: worth_drawing(figures_of(case)))

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a JSON file of the VMR2L data, or a folder of them."""
        return read_clusters(path, self.options.limit)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a JSON file for each cluster."""
        return write_clusters(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for a plan, carry it out and score what is left in fragments."""
        assert isinstance(instance, Case)
        moves, cluster = self._planned(candidate, instance)
        state, gained = carried_out(moves, cluster, skips=self.options.stale > 0)
        cpu_free = np.array(state.cpu, dtype=np.int64)
        figures, left = of_cluster(cluster), fragments(cpu_free)
        score = relative_score(figures.naive, figures.reference, left) if figures.tells else None
        metrics = {
            "fr16_share": rate(left, figures.free),
            "fr16_before_share": rate(figures.naive, figures.free),
            "fr16_bound_share": rate(figures.reference, figures.free),
            "fr64_share": rate_64(cpu_free),
            "moves": float(sum(gain is not None for gain in gained)),
        }
        return Outcome(score, metrics, explain(cluster, moves, gained, state, left, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw how the fragment rate falls with the moves."""
        assert isinstance(instance, Case)
        moves, cluster = self._planned(candidate, instance)
        state, gained = carried_out(moves, cluster, skips=self.options.stale > 0)
        return drawn(instance.id, cluster, state, gained, of_cluster(cluster))

    def _planned(self, candidate: Candidate, case: Case) -> tuple[list[Move], Cluster]:
        """Return a plan for the cluster as it is seen, and the cluster as it is when the plan is carried out."""
        seen = case.cluster
        moves = checked_moves(candidate.call("reschedule", seen.pm, seen.vm, seen.limit), seen)
        return moves, aged(seen, case.id, self.options.stale) if self.options.stale else seen


@functools.cache
def _own(family: Family, split: Split) -> tuple[Case, ...]:
    return tuple(own_case(family, split, index, again) for index, again in enumerate(stored(family).attempts[split]))
