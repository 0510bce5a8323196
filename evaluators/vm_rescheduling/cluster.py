"""What is placed where, how much of the free CPU is in fragments, and how few fragments are possible at all.

Whole numbers throughout, and no simpy: a plan is carried out move by move, and no clock runs.

A host (PM) has two NUMA nodes. A one-NUMA VM takes all of its CPU and memory from one node, a two-NUMA VM half of each
from both nodes of a host. What is free on a node beyond a multiple of 16 vCPU is of no use to a VM of 16: a *fragment*.
FR = sum(free mod 16) / sum(free) over all nodes; a *block* is 16 free vCPU of one node.
Source: Ding et al. 2025 (VMR2L, EuroSys), where FR is the fragment rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluators.kept_figures import digest_of
from evolve.evaluator import Record

BLOCK = 16
"""vCPU of the flavour whose fragments are counted."""
BOTH = 2
"""The node of a VM that takes half of its CPU and memory from each of a host's two nodes."""


class PMs(Record, frozen=True):
    """The hosts. cpu_free, cpu_total: (P, 2) int, vCPU of each node.  mem_free, mem_total: (P, 2) int, MB."""

    cpu_free: np.ndarray
    mem_free: np.ndarray
    cpu_total: np.ndarray
    mem_total: np.ndarray


class VMs(Record, frozen=True):
    """The virtual machines, (V,) each.

    cpu: int, vCPU.  mem_mb: int.  pm: int, the host.  numa: int, the node 0 or 1, or 2: half on each.
    group: int, no two VMs of a group share a host; -1: of none.  movable: bool.
    """

    cpu: np.ndarray
    mem_mb: np.ndarray
    pm: np.ndarray
    numa: np.ndarray
    group: np.ndarray
    movable: np.ndarray


@dataclass(frozen=True, eq=False)
class Cluster:
    """Hosts and VMs before the moves. limit: how many moves a plan may have."""

    pm: PMs
    vm: VMs
    limit: int

    @cached_property
    def digest(self) -> str:
        """Return a hash of all that is known of the cluster."""
        facts = [getattr(part, name).tolist() for part in (self.pm, self.vm) for name in part.__struct_fields__]
        return digest_of((self.limit, facts))

    def __eq__(self, other: object) -> bool:
        """Return whether two clusters are the same, number by number."""
        return isinstance(other, Cluster) and self.digest == other.digest

    def __hash__(self) -> int:
        """Return a hash of its digest."""
        return hash(self.digest)


def fragments(cpu_free: np.ndarray) -> int:
    """Return sum(free mod 16), vCPU. cpu_free: (P, 2) int."""
    return int((cpu_free % BLOCK).sum())


def rate(fragments_vcpu: float, free_vcpu: int) -> float:
    """Return the fragment rate FR; 0 where no CPU is free."""
    return fragments_vcpu / free_vcpu if free_vcpu else 0.0


def rate_64(cpu_free: np.ndarray) -> float:
    """Return the share of the free CPU that no 64-vCPU VM could use: it takes 32 of each node of a host."""
    blocks = int((cpu_free // 32).min(axis=1).sum())
    free = int(cpu_free.sum())
    return rate(free - 64 * blocks, free)


def most_gain(vm: VMs, limit: int) -> int:
    """Return by how many blocks `limit` moves can raise their number at most.

    A VM that takes c of a node frees at most ceil(c / 16) blocks there when it is taken out, and takes at least
    floor(c / 16) wherever it is put back, whatever else moves. So it gains 1 where c is no multiple of 16, else 0; a
    two-NUMA VM twice that of its half. Only the last place of a VM counts, so the best are `limit` different ones.
    """
    both = vm.numa == BOTH
    gain = np.where(both, 2 * (vm.cpu // 2 % BLOCK != 0), vm.cpu % BLOCK != 0)[vm.movable]
    return int(np.sort(gain)[::-1][:limit].sum())


def least_fragments(cluster: Cluster) -> int:
    """Return a number of vCPU in fragments below which no plan gets (`most_gain`): F - 16 min(floor(F / 16), N + gain).

    F: free vCPU, which no move changes.  N: blocks before the moves.
    """
    free = int(cluster.pm.cpu_free.sum())
    blocks = int((cluster.pm.cpu_free // BLOCK).sum())
    return free - BLOCK * min(free // BLOCK, blocks + most_gain(cluster.vm, cluster.limit))
