"""Routes of a broadcast: shortest paths and trees that the block may use or leave."""

from itertools import pairwise

import numpy as np


def way_to(destination, cost, start):
    """Dijkstra from all regions that have the data. start: region -> cost. Returns regions, one that has it first."""
    total = np.full(len(cost), np.inf)
    for region in start:
        total[region] = start[region]
    before = np.full(len(cost), -1)
    waiting = total.copy()
    for _ in range(len(cost)):
        tail = int(waiting.argmin())
        if tail == destination:
            break
        waiting[tail] = np.inf
        through = total[tail] + cost[tail]
        better = through < total
        total[better] = through[better]
        waiting[better] = through[better]
        before[better] = tail
    way = [destination]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return way[::-1]


def tree_paths(cost, source, destinations, join_cost, hop_cost):
    """Let one destination after the other join the tree. Returns region -> path from the source, for all in it."""
    paths = {source: [source]}
    dearest_usd = cost[np.isfinite(cost)].max()
    for destination in sorted(destinations, key=lambda d: cost[source, d]):
        direct_usd = min(cost[source, destination], dearest_usd)
        start = {region: max(join_cost(len(path) - 1, direct_usd), 0.0) for region, path in paths.items()}
        for tail, head in pairwise(way_to(destination, cost + max(hop_cost(direct_usd), 0.0), start)):
            paths[head] = [*paths[tail], head]
    return paths


def trees_for(source, destinations, graph, count, edge_cost, join_cost, hop_cost):
    """Make one tree after the other. Returns for each of them destination -> [region, ...] from the source."""
    index = {name: number for number, name in enumerate(graph.regions)}
    exists = graph.gbit_s > 0
    gbit_s = np.where(exists, graph.gbit_s, 1.0)
    used = np.zeros(exists.shape)
    trees = []
    for _ in range(count):
        cost = np.where(exists, np.maximum(edge_cost(graph.usd_per_gb, gbit_s, used), 0.0), np.inf)
        paths = tree_paths(cost, index[source], [index[name] for name in destinations], join_cost, hop_cost)
        for name in destinations:
            for tail, head in pairwise(paths[index[name]]):
                used[tail, head] += 1
        trees.append({name: [graph.regions[region] for region in paths[index[name]]] for name in destinations})
    return trees


# EVOLVE-BLOCK-START
# Straight to each destination: to be passed on counts as so dear that no detour pays.
JOIN = 1.0  # share of the direct price that it costs to go on from a region that has the data, for each hop it is away
HOP = 1.0  # share of the direct price that every new hop costs on top of its own price
SLOW_USD = 0.0  # USD/GB that an edge of 1 Gbit/s costs on top of its price
BUSY = 0.0  # by what share an edge gets dearer for each path over it in earlier trees
TREES = 1  # partition p takes tree p % TREES


def join_cost(hops, direct_usd):
    """What it costs to go on from a region that has the data and is so many hops away from the source, USD/GB."""
    return JOIN * direct_usd * hops


def hop_cost(direct_usd):
    """What every hop costs that is new in the tree, on top of the edge, USD/GB."""
    return HOP * direct_usd


def edge_cost(usd_per_gb, gbit_s, used):
    """What every edge counts as, USD/GB. All (regions, regions); used: paths of earlier trees over the edge."""
    return usd_per_gb * (1.0 + BUSY * used) + SLOW_USD / gbit_s


def route(source, destinations, graph, partitions):
    """Returns {(destination, partition): [region, ...]}."""
    trees = trees_for(source, destinations, graph, min(TREES, partitions), edge_cost, join_cost, hop_cost)
    return {(name, p): trees[p % len(trees)][name] for name in destinations for p in range(partitions)}


# EVOLVE-BLOCK-END
