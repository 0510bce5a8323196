"""What is trained where: models, nodes of eight GPUs, their links, and what happens to nodes.

Rates of links: two GPUs of a node speak at its intra-node rate; of two nodes of one site with the same kind of RDMA, at
the slower one's NIC rate per GPU; all others through Ethernet, of which a node has one line for all of its GPUs.

Sources: FLOPs and parameters of a layer as Narayanan 2021 (Megatron-LM, SC), a mixture of experts as Liu 2025 (FSMoE).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evaluators.kept_figures import digest_of
from evolve.evaluator import Instance, Record

GPUS = 8
ETHERNET_GBS = 3.1
EFFICIENCY, PER_DOUBLING, AT_ONE = 0.5, 0.97, 0.85
"""Share of the peak that a GPU computes at, what each doubling of tp leaves of it, and a microbatch of one sequence."""

STATE_BYTES, GRADIENT_BYTES, WEIGHT_BYTES = 14, 4, 2
"""Of a parameter: weights with optimizer, gradients, weights alone."""

Nic = Literal["IB", "RoCE", "Ethernet"]


class Job(Record, frozen=True):
    """What is trained. hidden, seq, vocab: sizes.  experts: 0 = none.  moe_every: every so many layers has experts.

    global_batch: sequences of a step.  checkpoint_every: steps between checkpoints, unless a plan says otherwise.
    """

    layers: int
    hidden: int
    seq: int
    vocab: int
    experts: int
    top_k: int
    moe_every: int
    global_batch: int
    checkpoint_every: int


@dataclass(frozen=True)
class Node:
    """Eight GPUs. tflops: peak of one.  nic_gbs: per GPU, GB/s, within its site.  site: which cluster it is in."""

    tflops: float
    mem_gb: float
    intra_gbs: float
    nic: Nic
    nic_gbs: float
    site: int


@dataclass(frozen=True)
class Event:
    """What happens to nodes at once. at_s: when.  speed: (node, new speed), 1 = as it should be."""

    at_s: int
    lost: tuple[int, ...] = ()
    returned: tuple[int, ...] = ()
    speed: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Case(Instance):
    """A job on some nodes over a horizon, and what happens to them, in order of time; all are there at the start."""

    family: str
    job: Job
    nodes: tuple[Node, ...]
    horizon_s: int
    events: tuple[Event, ...]


class Seen(Record, frozen=True):
    """The cluster as a program sees it: lists with an entry for each node."""

    tflops: list[float]
    mem_gb: list[float]
    intra_gbs: list[float]
    nic: list[str]
    nic_gbs: list[float]
    site: list[int]
    ethernet_gbs: float
    alive: list[bool]
    speed: list[float]


class Change(Record, frozen=True):
    """What a program is told of an event. lost, returned: GPUs.  slower, faster: nodes whose speed has changed."""

    hour: float
    lost: list[int]
    returned: list[int]
    slower: list[int]
    faster: list[int]


def digest(case: Case) -> str:
    """Return a hash of all that is asked, but not of the instance's name."""
    return digest_of(
        (
            case.family,
            tuple(getattr(case.job, name) for name in Job.__struct_fields__),
            case.nodes,
            case.horizon_s,
            case.events,
        )
    )


def seen(nodes: tuple[Node, ...], alive: list[bool], speed: list[float]) -> Seen:
    """Return what a program sees of the nodes."""
    return Seen(
        [one.tflops for one in nodes],
        [one.mem_gb for one in nodes],
        [one.intra_gbs for one in nodes],
        [one.nic for one in nodes],
        [one.nic_gbs for one in nodes],
        [one.site for one in nodes],
        ETHERNET_GBS,
        list(alive),
        list(speed),
    )


def has_experts(job: Job, layer: int) -> bool:
    """Return whether a layer is a mixture of experts: every `moe_every`-th is."""
    return job.experts > 0 and (layer + 1) % job.moe_every == 0


def dense_parameters(job: Job, layer: int) -> int:
    """Return the parameters of a layer that every replica holds; with the embedding in the first and the last layer."""
    own = (4 if has_experts(job, layer) else 12) * job.hidden**2
    return own + job.vocab * job.hidden * ((layer == 0) + (layer == job.layers - 1))


def expert_parameters(job: Job, layer: int) -> int:
    """Return the parameters of all experts of a layer."""
    return 8 * job.hidden**2 * job.experts if has_experts(job, layer) else 0


def parameters(job: Job) -> int:
    """Return the parameters of the model."""
    return sum(dense_parameters(job, layer) + expert_parameters(job, layer) for layer in range(job.layers))


def dense_flops(job: Job, layer: int) -> int:
    """Return the forward FLOPs of a sequence in a layer, without those of experts; the last one has the head, too."""
    matrices = (8 if has_experts(job, layer) else 24) * job.seq * job.hidden**2
    head = 2 * job.seq * job.hidden * job.vocab if layer == job.layers - 1 else 0
    return matrices + 4 * job.seq**2 * job.hidden + head


def expert_flops(job: Job, layer: int) -> int:
    """Return the forward FLOPs of a sequence in the experts of a layer."""
    return 16 * job.seq * job.hidden**2 * job.top_k if has_experts(job, layer) else 0


def step_flops(job: Job) -> int:
    """Return the FLOPs of a step, forward and backward, nothing computed twice."""
    once = sum(dense_flops(job, layer) + expert_flops(job, layer) for layer in range(job.layers))
    return 3 * job.global_batch * once


def efficiency(tp: int, microbatch: int) -> float:
    """Return the share of its peak that a GPU of a tensor-parallel group computes at."""
    return EFFICIENCY * PER_DOUBLING ** (tp.bit_length() - 1) * (AT_ONE if microbatch == 1 else 1.0)


def rdma(nodes: tuple[Node, ...], group: set[int]) -> bool:
    """Return whether nodes speak RDMA with one another: one site, one kind of NIC, and that not Ethernet."""
    kinds = {(nodes[one].site, nodes[one].nic) for one in group}
    return len(kinds) == 1 and next(iter(kinds))[1] != "Ethernet"


def gpu_rate_gbs(nodes: tuple[Node, ...], group: set[int]) -> float:
    """Return the GB/s of a GPU to others on these nodes; of Ethernet an eighth of the node's line."""
    if len(group) == 1:
        return nodes[next(iter(group))].intra_gbs
    if rdma(nodes, group):
        return min(nodes[one].nic_gbs for one in group)
    return ETHERNET_GBS / GPUS
