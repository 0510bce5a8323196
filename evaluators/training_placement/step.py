"""How long a training step takes under a plan, whole microseconds. No simpy: a step is a recurrence over its passes.

Each pipeline runs 1F1B (Narayanan 2021, Megatron-LM): of p stages the i-th has at most 1 + (p - 1 - i)*(1 + ahead)
microbatches in flight, and does a backward pass whenever it has so many, else a forward pass. ahead = 0 is Megatron's;
1, which hides slow links, policy B of DAPPLE (Fan 2021, PPoPP). Then the replicas of each layer reduce their
gradients; 70 % of that is hidden under backward passes, as far as these last. Experts that are shared by `ep` pipelines
exchange tokens, in chunks that overlap with computing (Liu 2025, FSMoE).
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.training_placement.cluster import (
    ETHERNET_GBS,
    GPUS,
    Case,
    dense_flops,
    dense_parameters,
    efficiency,
    expert_flops,
    expert_parameters,
    gpu_rate_gbs,
    rdma,
)
from evaluators.training_placement.plan import Plan, Stage, most_in_flight

HIDDEN = 0.7
A2A_START_US, CHUNK_START_US = 50, 20
"""What an exchange of tokens costs before its first byte, and an expert's pass before its first token."""


@dataclass(frozen=True)
class Step:
    """A step. us: how long.

    pipelines_us: of each, until its last backward pass.  forward, backward: per pipeline and stage, us a microbatch.
     sync_us: all of the reduction; exposed_us: what of it is not hidden.
    """

    us: int
    pipelines_us: tuple[int, ...]
    forward: tuple[tuple[int, ...], ...]
    backward: tuple[tuple[int, ...], ...]
    sync_us: int
    exposed_us: int

    @property
    def slowest(self) -> int:
        """Return the pipeline that ends last."""
        return max(range(len(self.pipelines_us)), key=self.pipelines_us.__getitem__)


def step_of(case: Case, plan: Plan, speed: Sequence[float]) -> Step:
    """Return the time of a step. speed: (nodes) 1 = as fast as it should be."""
    forward, backward, times = [], [], []
    busiest = 0
    for p, (pipeline, count) in enumerate(zip(plan.pipelines, plan.microbatches, strict=True)):
        passes = [_passes(case, plan, p, stage, speed) for stage in pipeline]
        ahead, back = (tuple(one) for one in zip(*passes, strict=True))
        links = tuple(_send_us(case, plan, a, b) for a, b in itertools.pairwise(pipeline))
        forward.append(ahead)
        backward.append(back)
        times.append(pipeline_us(ahead, back, links, count, plan.ahead))
        busiest = max(busiest, count * max(back))
    sync = sync_us(case, plan)
    exposed = max(sync - round(HIDDEN * sync), sync - busiest)
    return Step(max(times) + exposed, tuple(times), tuple(forward), tuple(backward), sync, exposed)


@functools.lru_cache(maxsize=4096)
def pipeline_us(
    forward: tuple[int, ...], backward: tuple[int, ...], links: tuple[int, ...], count: int, ahead: int
) -> int:
    """Return when the last backward pass of a pipeline ends, us, if all stages have nothing to do at 0.

    forward, backward: (p) of a microbatch, per stage.  links: (p - 1) from each stage to the next, both ways.
    In round r stage i does the backward pass of microbatch r - in_flight[i] and then the forward pass of microbatch r:
    what they wait for was found in a round before, or in this one at the stage before.
    """
    p = len(forward)
    in_flight = [most_in_flight(p, i, ahead) for i in range(p)]
    free, back = [0] * p, [[0] * count for _ in range(p)]
    for r in range(count + in_flight[0]):
        arrived = 0
        for i in range(p):
            m = r - in_flight[i]
            if 0 <= m < count:
                start = free[i]
                if i + 1 < p:
                    start = max(start, back[i + 1][m] + links[i])
                free[i] = back[i][m] = start + backward[i]
            if r < count:
                free[i] = max(free[i], arrived) + forward[i]
                if i + 1 < p:
                    arrived = free[i] + links[i]
    return max(ends[-1] for ends in back)


def _passes(case: Case, plan: Plan, p: int, stage: Stage, speed: Sequence[float]) -> tuple[int, int]:
    """Return the times of a forward and a backward pass of a microbatch in a stage, us."""
    job, node = case.job, stage.gpus[0] // GPUS
    rate = case.nodes[node].tflops * 1e6 * speed[node] * efficiency(plan.tp, plan.microbatch) * plan.tp
    layers = range(stage.first, stage.last + 1)
    dense = plan.microbatch * sum(dense_flops(job, layer) for layer in layers) / rate
    experts = [plan.microbatch * expert_flops(job, layer) / rate for layer in layers]
    experts = [one for one in experts if one]
    again = 1 if plan.recompute else 0
    if plan.ep == 1 or not experts:
        once = dense + sum(experts)
        return round(once), round((2 + again) * once)
    exchange = _exchange_us(case, plan, p, stage)
    ahead = sum(chunked_us(one, exchange, plan.a2a_chunks[0]) for one in experts)
    behind = sum(chunked_us(2 * one, exchange, plan.a2a_chunks[1]) for one in experts)
    return round(dense + ahead), round(2 * dense + behind + again * (dense + ahead))


def _exchange_us(case: Case, plan: Plan, p: int, stage: Stage) -> float:
    """Return how long one exchange of a microbatch's tokens takes in one piece, without its start, us."""
    job, first = case.job, p - p % plan.ep
    mates = [s for one in plan.pipelines[first : first + plan.ep] for s in one if s.first == stage.first]
    rate = gpu_rate_gbs(case.nodes, {mate.gpus[0] // GPUS for mate in mates})
    size = 2 * job.seq * plan.microbatch * job.top_k * job.hidden / plan.tp * (plan.ep - 1) / plan.ep
    return size / (1e3 * rate)


def chunked_us(compute: float, exchange: float, chunks: int) -> float:
    """Return how long dispatch, experts and combine take in chunks that overlap, us.

    The link carries one chunk at a time, all dispatches before all combines; an expert's pass has a start of its own.
    """
    sent = A2A_START_US + exchange / chunks
    done = CHUNK_START_US + compute / chunks
    ended, combined = 0.0, chunks * sent
    for chunk in range(1, chunks + 1):
        ended = max(ended, chunk * sent) + done
        combined = max(combined, ended) + sent
    return combined


def _send_us(case: Case, plan: Plan, one: Stage, other: Stage) -> int:
    """Return how long the activations of a microbatch take to the next stage, us; each GPU of it sends its part."""
    rate = gpu_rate_gbs(case.nodes, {one.gpus[0] // GPUS, other.gpus[0] // GPUS})
    return round(2 * case.job.seq * plan.microbatch * case.job.hidden / plan.tp / (1e3 * rate))


def sync_us(case: Case, plan: Plan) -> int:
    """Return how long it takes to reduce all gradients among the replicas of each layer, us.

    Each GPU of a ring of d sends 4 B * parameters/tp * (d - 1)/d. Its own link works through its layers one after the
    other, at the rate of the slowest link of each ring; a node's Ethernet through all rings that leave it.
    """
    job, nodes = case.job, case.nodes
    gpu_us: dict[int, float] = defaultdict(float)
    node_us: dict[int, float] = defaultdict(float)
    for rings, layers in _shared(plan):
        for part, members in rings:
            of = expert_parameters if part else dense_parameters
            divided = plan.tp * (plan.ep if part else 1)
            size = 4 * sum(of(job, layer) for layer in layers) / divided * (len(members) - 1) / len(members)
            if not size:
                continue
            homes = {stage.gpus[0] // GPUS for stage in members}
            if len(homes) > 1 and not rdma(nodes, homes):
                for home in homes:
                    node_us[home] += size * plan.tp / (1e3 * ETHERNET_GBS)
            else:
                for stage in members:
                    gpu_us[stage.gpus[0]] += size / (1e3 * gpu_rate_gbs(nodes, homes))
    return round(max([0.0, *gpu_us.values(), *node_us.values()]))


def _shared(plan: Plan) -> list[tuple[list[tuple[bool, list[Stage]]], range]]:
    """Return runs of layers that the same stages hold, with their rings: (of experts or not, a stage per replica)."""
    cuts = sorted({stage.first for pipeline in plan.pipelines for stage in pipeline})
    ends = [*cuts[1:], plan.pipelines[0][-1].last + 1]
    found = []
    for first, end in zip(cuts, ends, strict=True):
        holders = [next(s for s in pipeline if s.first <= first <= s.last) for pipeline in plan.pipelines]
        rings = [(False, holders), *((True, holders[k :: plan.ep]) for k in range(plan.ep))]
        found.append((rings, range(first, end)))
    return found
