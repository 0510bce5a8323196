"""The verifier of cloudcast: the price of a broadcast, from the candidate's paths and our own copy of the network."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path

from evaluators.cloudcast.answer import checked_paths
from evaluators.cloudcast.figures import Figures, figures_of, parts, stored
from evaluators.cloudcast.picture import drawn
from evaluators.cloudcast.public_format import public_broadcasts, read_broadcasts, write_broadcasts
from evaluators.cloudcast.transfer import Bill, Broadcast, Edge, bill
from evaluators.cloudcast.workload import RECIPES, drawn_broadcast, own_broadcast
from evaluators.fresh_draws import drawn_afresh
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Split, relative_score

PUBLISHED_WORST_USD, PUBLISHED_BEST_USD = 1199.0, 626.24
"""The ends of the published scale: all five broadcasts over direct paths, and the best that was published."""


class Cloudcast(Evaluator):
    """Send data from one region to several, over other regions where that is cheaper."""

    name = "cloudcast"
    summary = "Route a broadcast to many regions of several clouds so that egress and VMs cost little"
    defines = ("route",)
    limits = Limits(cpu_s=10.0, memory_mb=512, answer_mb=8)
    libraries = ("networkx",)
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the broadcasts of a split."""
        return _instances(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw broadcasts that nobody has seen, as those of a split are drawn."""
        draw = functools.partial(drawn_broadcast, split)
        return drawn_afresh(split, seed, count, range(RECIPES[split].count), draw, lambda b: figures_of(b).far_apart)

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a folder with cost.csv, throughput.csv and configurations."""
        return read_broadcasts(path, "data")

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write CSV files of the networks and JSON of the broadcasts."""
        return write_broadcasts(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for the paths of one broadcast and score what they cost."""
        assert isinstance(instance, Broadcast)
        names = instance.network.regions
        answer = candidate.call(
            "route",
            names[instance.source],
            [names[destination] for destination in instance.destinations],
            instance.graph(),
            instance.partitions,
        )
        paid = bill(instance, checked_paths(answer, instance))
        figures = figures_of(instance)
        score = relative_score(figures.naive_usd, figures.reference_usd, paid.cost_usd) if figures.tells else None
        metrics = {
            "cost_usd": paid.cost_usd,
            "egress_usd": paid.egress_usd,
            "vm_usd": paid.vm_usd,
            "time_s": paid.time_s,
            "naive_cost_usd": figures.naive_usd,
            "reference_cost_usd": figures.reference_usd,
        }
        if figures.bound_usd is not None:
            metrics["bound_usd"] = figures.bound_usd
        return Outcome(score, metrics, explain(instance, paid, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw the broadcast on a map."""
        assert isinstance(instance, Broadcast)
        names = instance.network.regions
        wanted = [names[destination] for destination in instance.destinations]
        answer = candidate.call("route", names[instance.source], wanted, instance.graph(), instance.partitions)
        return drawn(instance, bill(instance, checked_paths(answer, instance)), figures_of(instance))

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric; for the public broadcasts also their total and the published score.

        The published scale belongs to those five: a user's own data, known by what direct paths cost, has none.
        """
        metrics = super().summarise(split, outcomes)
        if split is Split.PUBLIC and _are_public(outcomes):
            metrics["total_cost_usd"] = math.fsum(outcome.metrics["cost_usd"] for outcome in outcomes)
            metrics["adrs_score"] = adrs_score(metrics["total_cost_usd"])
        return metrics


def adrs_score(total_cost_usd: float) -> float:
    """Return the published score, 0 to 100, of what the five public broadcasts cost together."""
    clamped = min(max(total_cost_usd, PUBLISHED_BEST_USD), PUBLISHED_WORST_USD)
    return 100 * (PUBLISHED_WORST_USD - clamped) / (PUBLISHED_WORST_USD - PUBLISHED_BEST_USD)


def _are_public(outcomes: Sequence[Outcome]) -> bool:
    known = [figures_of(broadcast).naive_usd for broadcast in public_broadcasts()]
    return len(outcomes) == len(known) and all(
        math.isclose(outcome.metrics["naive_cost_usd"], naive_usd, rel_tol=1e-9)
        for outcome, naive_usd in zip(outcomes, known, strict=True)
    )


@functools.cache
def _instances(split: Split) -> tuple[Broadcast, ...]:
    if split is Split.PUBLIC:
        return public_broadcasts()
    return tuple(own_broadcast(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))


def explain(broadcast: Broadcast, paid: Bill, figures: Figures) -> str:
    """Say what the bill consists of, which edge costs most and how its end is had for less, and what takes longest."""
    known = [f"direct {figures.naive_usd:.2f}", f"reference {figures.reference_usd:.2f}: {figures.reference_did}"]
    if figures.bound_usd is not None:
        known.append(f"cheapest tree {figures.bound_usd:.2f}")
    facts = [
        f"{broadcast.volume_gb:g} GB in {broadcast.partitions} partitions to {len(broadcast.destinations)} "
        f"destinations cost {paid.cost_usd:.2f} USD: {parts(broadcast, paid)}",
        ", ".join(known),
        _dearest(broadcast, paid),
        _slowest(broadcast, paid),
    ]
    return "; ".join(facts) + "."


def _named(broadcast: Broadcast, edge: Edge) -> str:
    return f"{broadcast.network.regions[edge[0]]} -> {broadcast.network.regions[edge[1]]}"


def _dearest(broadcast: Broadcast, paid: Bill) -> str:
    price, gb = broadcast.network.usd_per_gb, broadcast.partition_gb
    edge = max(paid.load, key=lambda e: paid.load[e] * price[e])
    text = (
        f"dearest edge {_named(broadcast, edge)}: {paid.load[edge]} partitions at "
        f"{price[edge]:g} USD/GB, {paid.load[edge] * gb * price[edge]:.2f} USD"
    )
    head = edge[1]
    tail = min((region for region in paid.regions if region != head), key=lambda region: float(price[region, head]))
    if price[tail, head] < price[edge]:
        text += f" ({price[tail, head]:g} from {broadcast.network.regions[tail]}, in use)"
    return text


def _slowest(broadcast: Broadcast, paid: Bill) -> str:
    edge = max(paid.load, key=lambda e: paid.load[e] / paid.flow_gbit_s[e])
    flow, alone = paid.flow_gbit_s[edge], broadcast.flow_alone(edge)
    text = f"slowest {_named(broadcast, edge)}: {paid.load[edge]} at {flow:.2f} Gbit/s"
    if flow >= alone:
        return text + ", all it can carry"
    sharing = []
    for end, text_of in ((0, "{} edges leave its tail"), (1, "{} enter its head")):
        count = sum(e[end] == edge[end] for e in paid.load)
        if count > 1:
            sharing.append(text_of.format(count))
    return text + f" of {alone:.2f}, " + (", ".join(sharing) or "cut by a region's limit")
