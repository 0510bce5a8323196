"""What a broadcast costs and how long it takes, from the paths of its partitions.

Plain Python, neither numpy nor simpy: the model has no events, only steady flows, and a broadcast uses some dozen
edges, for which dicts are faster than matrices.

Vocabulary: an *edge* leads from a region to another; a *partition* is one equal part of the data; the *flow* of an
edge is what it carries, Gbit/s, with all VMs of a region together.
Source: Wooders 2024 (Cloudcast, NSDI), cost model; Cheng 2025 (arXiv 2510.06189) for the benchmark and its limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from evaluators.cloudcast.network import Network
from evolve.evaluator import Instance, Record

VM_USD_PER_H = 0.54
"""Price of one VM in any region."""

Edge = tuple[int, int]
Paths = Mapping[tuple[int, int], Sequence[int]]
"""(destination, partition) -> regions from the source on, all of them numbers of regions of the network."""


class Graph(Record, frozen=True):
    """What a candidate is told of the network; n regions.

    regions: names of the n regions.  usd_per_gb: (n, n) float64, egress price from row to column, inf where there is no
    edge.  gbit_s: (n, n) float64, flow of an edge that nothing else limits, 0 where there is no edge.
    ingress_gbit_s, egress_gbit_s: (n,) float64, most that all edges into (out of) a region carry together.
    partition_gb: GB of one partition.  region_usd_per_s: price of the VMs of one region, USD per s.
    """

    regions: list[str]
    usd_per_gb: np.ndarray
    gbit_s: np.ndarray
    ingress_gbit_s: np.ndarray
    egress_gbit_s: np.ndarray
    partition_gb: float
    region_usd_per_s: float


@dataclass(frozen=True, eq=False)
class Broadcast(Instance):
    """Data that one region has and others want.

    Attributes:
        network: regions and edges.
        source: number of the region that has the data.
        destinations: numbers of the regions that want it, in the order in which their paths are looked at.
        volume_gb: size of the data, GB.
        partitions: equal parts that it is cut into.
        vms: VMs in each region that takes part.
        vm_ingress_gbit_s, vm_egress_gbit_s: (regions,) most that one VM of a region takes in and gives out, Gbit/s.
    """

    network: Network
    source: int
    destinations: tuple[int, ...]
    volume_gb: float
    partitions: int
    vms: int
    vm_ingress_gbit_s: tuple[float, ...]
    vm_egress_gbit_s: tuple[float, ...]

    @property
    def partition_gb(self) -> float:
        """GB of one partition."""
        return self.volume_gb / self.partitions

    def flow_alone(self, edge: Edge) -> float:
        """Return the flow of an edge that nothing else limits, Gbit/s."""
        return self.vms * float(self.network.bit_s[edge]) / 1e9

    def graph(self) -> Graph:
        """Return the network as a candidate sees it."""
        return Graph(
            list(self.network.regions),
            self.network.usd_per_gb,
            self.vms * self.network.bit_s / 1e9,
            self.vms * np.array(self.vm_ingress_gbit_s, dtype=np.float64),
            self.vms * np.array(self.vm_egress_gbit_s, dtype=np.float64),
            self.partition_gb,
            self.vms * VM_USD_PER_H / 3600,
        )


@dataclass(frozen=True)
class Bill:
    """What a broadcast cost.

    Attributes:
        regions: numbers of the regions that take part, in order of first appearance.
        load: partitions that each edge carries, each of them once.
        flow_gbit_s: what each edge carries per second after all limits.
        time_s: until the last partition has arrived.
        egress_usd: price of the GB sent.
        vm_usd: price of the VMs.
    """

    regions: tuple[int, ...]
    load: dict[Edge, int]
    flow_gbit_s: dict[Edge, float]
    time_s: float
    egress_usd: float
    vm_usd: float

    @property
    def cost_usd(self) -> float:
        """Price of it all, USD."""
        return self.egress_usd + self.vm_usd


def loads(broadcast: Broadcast, paths: Paths) -> tuple[tuple[int, ...], dict[Edge, int]]:
    """Return the regions that take part and the partitions that each edge carries.

    Regions and edges come in the order in which they first appear: destinations and partitions in the order of the
    broadcast, edges from the source on, tail before head. A partition counts once on an edge, whoever gets it.
    """
    regions: dict[int, None] = {}
    carried: dict[Edge, set[int]] = {}
    for destination in broadcast.destinations:
        for partition in range(broadcast.partitions):
            path = paths[destination, partition]
            regions.update(dict.fromkeys(path))
            for edge in pairwise(path):
                carried.setdefault(edge, set()).add(partition)
    return tuple(regions), {edge: len(partitions) for edge, partitions in carried.items()}


def flows(broadcast: Broadcast, regions: Iterable[int], edges: Iterable[Edge]) -> dict[Edge, float]:
    """Return what each edge carries when every region keeps to its limits, Gbit/s.

    Region by region in the order given: where the flows into it, as cut down so far, add up to more than it can take
    in, each is cut to an equal share of that; likewise out of it. The order matters, as in the public benchmark.
    """
    flow = {edge: broadcast.flow_alone(edge) for edge in edges}
    into: dict[int, list[Edge]] = {}
    out_of: dict[int, list[Edge]] = {}
    for edge in flow:
        out_of.setdefault(edge[0], []).append(edge)
        into.setdefault(edge[1], []).append(edge)
    for region in regions:
        for side, vm_limit in ((into, broadcast.vm_ingress_gbit_s), (out_of, broadcast.vm_egress_gbit_s)):
            shared = side.get(region, [])
            limit = broadcast.vms * vm_limit[region]
            if sum(flow[edge] for edge in shared) > limit:
                for edge in shared:
                    flow[edge] = min(flow[edge], limit * (1 / len(shared)))
    return flow


def bill(broadcast: Broadcast, paths: Paths) -> Bill:
    """Return what a broadcast over these paths costs.

    time_s = max over edges of partitions * GB * 8 / flow; egress = sum over edges of partitions * GB * USD/GB;
    VMs = regions * VMs in each * USD per s * time, which is rounded to 0.01 s here and nowhere else.
    """
    regions, load = loads(broadcast, paths)
    flow = flows(broadcast, regions, load)
    gb = broadcast.partition_gb
    price = broadcast.network.usd_per_gb
    time_s = max(count * gb * 8 / flow[edge] for edge, count in load.items())
    egress_usd = math.fsum(count * gb * float(price[edge]) for edge, count in load.items())
    vm_usd = len(regions) * broadcast.vms * VM_USD_PER_H / 3600 * round(time_s, 2)
    return Bill(regions, load, flow, time_s, egress_usd, vm_usd)
