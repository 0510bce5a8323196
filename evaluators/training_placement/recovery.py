"""What a change of plan costs: detection, communicators, and state that moves or is loaded.

Sources of the figures: ElasWave 2025 (communicators edited in place within 1 s, in part 3.6 times, rebuilt 82 times).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evaluators.training_placement.cluster import (
    ETHERNET_GBS,
    GPUS,
    STATE_BYTES,
    WEIGHT_BYTES,
    Case,
    dense_parameters,
    expert_parameters,
    gpu_rate_gbs,
    parameters,
    rdma,
)
from evaluators.training_placement.plan import Plan

DETECT_US, RESTART_US = 10_000_000, 300_000_000
IN_PLACE_US, PARTIAL_US, FULL_US = 1_000_000, 4_000_000, 82_000_000
STORAGE_GBS = 2.0
"""Of each node, to and from storage."""


@dataclass(frozen=True)
class Held:
    """What a GPU has in memory: its place in the plan that ran last.

    shard: (tp, rank).  experts: (ep, which of it).  zero: 0, or among how many pipelines the optimizer is split.
    """

    first: int
    last: int
    shard: tuple[int, int]
    experts: tuple[int, int]
    zero: int


@dataclass(frozen=True)
class Recovery:
    """What comes before the first step of a plan, us. reload: whether state comes from the last checkpoint."""

    detect_us: int = 0
    communicators_us: int = 0
    state_us: int = 0
    reload: bool = False

    @property
    def us(self) -> int:
        """Return all of it."""
        return self.detect_us + self.communicators_us + self.state_us


def holdings(plan: Plan) -> dict[int, Held]:
    """Return what each GPU of a plan holds while it runs."""
    zero = len(plan.pipelines) if plan.zero else 0
    return {
        gpu: Held(stage.first, stage.last, (plan.tp, rank), (plan.ep, p % plan.ep), zero)
        for p, pipeline in enumerate(plan.pipelines)
        for stage in pipeline
        for rank, gpu in enumerate(stage.gpus)
    }


def recovery_of(case: Case, ran: Plan, held: Mapping[int, Held], plan: Plan, lost: bool) -> Recovery:
    """Return what it costs to go on with a plan. ran: the plan that ran last.  held: what live GPUs still hold of it.

    lost: whether GPUs that it used were lost just now.
    """
    detect = DETECT_US if lost else 0
    if not _all_alive(case, ran, held):
        return Recovery(detect, RESTART_US, _load_us(case, plan), True)
    if plan == ran and len(held) == len(ran.gpus()):
        return Recovery(detect)
    return Recovery(detect, _communicators_us(ran, held, plan), _move_us(case, held, plan))


def _all_alive(case: Case, ran: Plan, held: Mapping[int, Held]) -> bool:
    """Return whether live GPUs hold every part of every layer; parts of a split optimizer are there once."""
    if ran.zero and len(held) < len(ran.gpus()):
        return False
    parts: dict[tuple[int, int], set[int]] = defaultdict(set)
    for one in held.values():
        parts[one.shard[1], one.experts[1] if case.job.experts else 0].update(range(one.first, one.last + 1))
    ways = ran.ep if case.job.experts else 1
    return all(len(parts[rank, way]) == case.job.layers for rank in range(ran.tp) for way in range(ways))


def _communicators_us(ran: Plan, held: Mapping[int, Held], plan: Plan) -> int:
    """Return what it costs to make groups anew: a GPU stays in place if its group and the groups beside it do.

    Those beside it: in the old chain without the stages that were lost.
    """
    chains = [[s.gpus for s in pipeline if s.gpus[0] in held] for pipeline in ran.pipelines]
    old = dict(_beside(chains))
    new = dict(_beside([[s.gpus for s in pipeline] for pipeline in plan.pipelines]))
    changed = sum(len(group) for group, beside in new.items() if old.get(group) != beside)
    if not changed:
        return IN_PLACE_US
    return PARTIAL_US if 2 * changed <= len(plan.gpus()) else FULL_US


def _beside(chains: list[list[tuple[int, ...]]]) -> Iterator[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]]:
    for chain in chains:
        padded = [(), *chain, ()]
        for before, group, after in zip(padded, chain, padded[2:], strict=False):
            yield group, (before, after)


def _move_us(case: Case, held: Mapping[int, Held], plan: Plan) -> int:
    """Return how long state takes from live peers, us: each GPU's layers one after the other over its best link.

    Ethernet is a node's: it brings what all GPUs of the node need.
    """
    homes: dict[int, set[int]] = defaultdict(set)
    for gpu, one in held.items():
        for layer in range(one.first, one.last + 1):
            homes[layer].add(gpu // GPUS)
    gpu_us: dict[int, float] = defaultdict(float)
    node_us: dict[int, float] = defaultdict(float)
    for gpu, want in holdings(plan).items():
        node = gpu // GPUS
        for layer in range(want.first, want.last + 1):
            size = _missing(case, held.get(gpu), want, layer)
            if not size:
                continue
            rates = [
                gpu_rate_gbs(case.nodes, {node, home}) for home in homes[layer] if rdma(case.nodes, {node, home})
            ] + ([case.nodes[node].intra_gbs] if node in homes[layer] else [])
            if rates:
                gpu_us[gpu] += size / (1e3 * max(rates))
            else:
                node_us[node] += size / (1e3 * ETHERNET_GBS)
    return round(max([0.0, *gpu_us.values(), *node_us.values()]))


def _missing(case: Case, has: Held | None, want: Held, layer: int) -> float:
    """Return the bytes of a layer that a GPU needs and does not hold: weights, and its part of the optimizer.

    Who holds a whole optimizer holds each part of it; parts of one that is split are of no use for another split.
    """
    there = has is not None and has.first <= layer <= has.last and has.shard == want.shard
    size = 0.0
    for parameters_of, ways in ((dense_parameters, (1, 0)), (expert_parameters, want.experts)):
        own = parameters_of(case.job, layer) / want.shard[0]
        gone = 1 / ways[0]
        if there and has is not None:
            gone -= _overlap(has.experts if parameters_of is expert_parameters else (1, 0), ways)
        size += WEIGHT_BYTES * own * gone
        if there and has is not None and has.zero:
            gone = 0.0 if (has.zero, has.experts) == (want.zero, want.experts) else 1 / ways[0]
        size += (STATE_BYTES - WEIGHT_BYTES) * own * gone / max(1, want.zero // ways[0])
    return size


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the share of all experts that both of two parts hold. one: (ep, which part)."""
    ends = min((way + 1) / ep for ep, way in (one, other))
    return max(0.0, ends - max(way / ep for ep, way in (one, other)))


def _load_us(case: Case, plan: Plan) -> int:
    """Return how long the last checkpoint takes to all nodes of a plan, us."""
    of_node: dict[int, float] = defaultdict(float)
    for gpu, want in holdings(plan).items():
        for layer in range(want.first, want.last + 1):
            of_node[gpu // GPUS] += _missing(case, None, want, layer)
    return round(max(of_node.values()) / (1e3 * STORAGE_GBS))


def checkpoint_us(case: Case, plan: Plan) -> int:
    """Return how long it takes to write a checkpoint, us: every node of the plan writes its share."""
    return round(STATE_BYTES * parameters(case.job) / (1e3 * STORAGE_GBS * len(plan.nodes())))
