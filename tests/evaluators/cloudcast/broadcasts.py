"""Small broadcasts for the tests, and a second, slow reading of the public rules to compare with."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

import evaluators.cloudcast
import seeds
from evaluators.cloudcast.network import Network, provider
from evaluators.cloudcast.transfer import Broadcast
from evaluators.cloudcast.workload import VM_LIMITS_GBIT_S

FOLDER = Path(evaluators.cloudcast.__file__).parent
BASELINES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "baselines").glob("*.py"))}
SEED = (Path(str(seeds.__file__)).parent / "cloudcast.py").read_text(encoding="utf-8")


def small(edges, volume_gb, partitions, destinations, source=None, vms=2):
    """A broadcast over edges {(tail, head): (Gbit/s of one VM, USD/GB)}, from the tail of the first one."""
    regions = tuple(dict.fromkeys(itertools.chain.from_iterable(edges)))
    number = {name: i for i, name in enumerate(regions)}
    usd = np.full((len(regions), len(regions)), np.inf)
    bit_s = np.zeros((len(regions), len(regions)))
    for (tail, head), (gbit_s, price) in edges.items():
        usd[number[tail], number[head]] = price
        bit_s[number[tail], number[head]] = gbit_s * 1e9
    limits = [VM_LIMITS_GBIT_S[provider(name)] for name in regions]
    return Broadcast(
        "small",
        Network(regions, usd, bit_s),
        number[source or regions[0]],
        tuple(number[name] for name in destinations),
        volume_gb,
        partitions,
        vms,
        tuple(ingress for ingress, _ in limits),
        tuple(egress for _, egress in limits),
    )


def numbered(broadcast, paths):
    """Paths by names -> paths by numbers."""
    index = broadcast.network.index
    return {(index[d], p): tuple(index[name] for name in path) for (d, p), path in paths.items()}


def random_small(rng, most_regions=5, most_destinations=3, most_partitions=4, dense=1.0):
    """A random broadcast in which every destination can be reached over a direct edge."""
    count = int(rng.integers(3, most_regions + 1))
    regions = [f"{rng.choice(['aws', 'gcp', 'azure'])}:{i}" for i in range(count)]
    wanted = rng.permutation(np.arange(1, count))[: int(rng.integers(1, min(most_destinations, count - 1) + 1))]
    edges = {}
    for tail, head in itertools.permutations(range(count), 2):
        if rng.random() < dense or (tail == 0 and head in wanted):
            edges[regions[tail], regions[head]] = (round(rng.uniform(0.3, 15), 2), round(rng.uniform(0.01, 0.2), 3))
    return small(
        edges,
        round(float(rng.uniform(10, 500)), 1),
        int(rng.integers(1, most_partitions + 1)),
        [regions[d] for d in wanted],
        regions[0],
        int(rng.integers(1, 4)),
    )


def random_path(rng, broadcast, destination):
    """A random simple path over existing edges."""
    while True:
        path = [broadcast.source]
        while path[-1] != destination:
            ahead = [r for r in np.flatnonzero(broadcast.network.exists[path[-1]]).tolist() if r not in path]
            if not ahead:
                break
            path.append(int(rng.choice(ahead)))
        else:
            return tuple(path)


def random_paths(rng, broadcast):
    return {(d, p): random_path(rng, broadcast, d) for d in broadcast.destinations for p in range(broadcast.partitions)}


def slow_cost(broadcast, paths):
    """The public rules, transcribed step by step over lists: time and cost."""
    g = broadcast.partition_gb
    triples = [
        (path[i], path[i + 1], p)
        for d in broadcast.destinations
        for p in range(broadcast.partitions)
        for path in [paths[d, p]]
        for i in range(len(path) - 1)
    ]
    nodes, edges = [], []
    for a, b, _ in triples:
        for node in (a, b):
            if node not in nodes:
                nodes.append(node)
        if (a, b) not in edges:
            edges.append((a, b))
    held = [len({p for a, b, p in triples if (a, b) == edge}) for edge in edges]
    flow = [broadcast.vms * broadcast.network.bit_s[edge] / 1e9 for edge in edges]
    for node in nodes:
        cloud = broadcast.network.regions[node].split(":")[0]
        for end, limits in ((1, {"aws": 10, "gcp": 16, "azure": 16}), (0, {"aws": 5, "gcp": 7, "azure": 16})):
            mine = [i for i, edge in enumerate(edges) if edge[end] == node]
            limit = limits[cloud] * broadcast.vms
            if sum(flow[i] for i in mine) > limit:
                for i in mine:
                    flow[i] = min(flow[i], limit * (1 / len(mine)))
    time = max(n * g * 8 / f for n, f in zip(held, flow, strict=True))
    price = sum(n * g * broadcast.network.usd_per_gb[edge] for n, edge in zip(held, edges, strict=True))
    return time, price + len(nodes) * broadcast.vms * 0.54 / 3600 * round(time, 2)
