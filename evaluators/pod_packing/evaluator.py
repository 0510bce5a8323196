"""The verifier of pod_packing: it adds up every node itself, in whole units, and values the placement."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.pod_packing.cluster import compared, disrupted, running, value
from evaluators.pod_packing.feedback import explain
from evaluators.pod_packing.figures import by_default, compute, figures_of, stored, worth_drawing
from evaluators.pod_packing.picture import drawn
from evaluators.pod_packing.placement import checked
from evaluators.pod_packing.public_format import read_clusters, write_clusters
from evaluators.pod_packing.workload import RECIPES, Case, Family, drawn_case, own_case
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    relative_score,
)


class PodPackingOptions(BaseModel):
    """Options of pod_packing, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family = Field(
        "mixed",
        description="'mixed': as the splits are; 'uniform' or 'alibaba': clusters of this kind alone",
    )
    nodes_per_case: int = Field(
        16, ge=1, le=1000, description="how many nodes a case has that is cut from the lists of the Alibaba trace"
    )


class PodPacking(Evaluator):
    """Choose the node of every pod on a cluster that is too full, and disturb few of those that run."""

    name = "pod_packing"
    summary = "Place pods with priorities on a full cluster, moving few of those that run"
    defines = ("place",)
    limits = Limits(cpu_s=1.0, memory_mb=512, answer_mb=1)
    Options = PodPackingOptions
    options: PodPackingOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the clusters of a split; nodes and pods are drawn when one is evaluated."""
        return _own(self.options.family, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw clusters that nobody has seen, by the recipes of a split."""
        slots = _slots(self.options.family, split)
        draw = partial(drawn_case, split)
        return drawn_afresh(split, seed, count, slots, draw, lambda case: worth_drawing(case, compute(case)))

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a folder of nodes.csv and pods.csv, of several such folders, or the lists of the Alibaba trace."""
        return read_clusters(path, self.options.nodes_per_case)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a folder with nodes.csv and pods.csv for each cluster."""
        return write_clusters(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for the node of every pod and value the placement."""
        assert isinstance(instance, Case)
        cluster = instance.cluster
        placed = checked(candidate.call("place", cluster.node, cluster.pod, cluster.moves_allowed), cluster)
        figures, naive, reached = figures_of(instance), by_default(cluster), value(cluster, placed)
        score = relative_score(1 - figures.naive, 1 - figures.reference, 1 - reached) if figures.tells else None
        metrics = {
            "value": reached,
            "running_share": float((placed >= 0).mean()),
            "top_priority_running_share": running(cluster, placed)[0]
            / int((cluster.pod.priority == cluster.tiers[0]).sum()),
            "disrupted": float(disrupted(cluster, placed)),
            "vs_default": float(compared(cluster, placed, naive)),
        }
        return Outcome(score, metrics, explain(cluster, placed, naive, reached, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw what runs on every node."""
        assert isinstance(instance, Case)
        cluster = instance.cluster
        placed = checked(candidate.call("place", cluster.node, cluster.pod, cluster.moves_allowed), cluster)
        return drawn(instance.id, cluster, placed, value(cluster, placed))

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric, and how often the placement is better than the default's, as published."""
        metrics = super().summarise(split, outcomes)
        verdicts = [outcome.metrics["vs_default"] for outcome in outcomes]
        metrics["better_than_default_pct"] = 100.0 * sum(verdict > 0 for verdict in verdicts) / len(verdicts)
        return metrics


def _slots(family: Family, split: Split) -> list[int]:
    recipes = RECIPES[split]
    return [index for index, recipe in enumerate(recipes) if family in ("mixed", recipe.kind)]


@functools.cache
def _own(family: Family, split: Split) -> tuple[Case, ...]:
    attempts = stored().attempts[split]
    return tuple(own_case(split, index, attempts[index]) for index in _slots(family, split))
