"""Send every partition straight to each destination: to be passed on counts as so dear that no detour pays."""

from itertools import pairwise

import numpy as np

# EVOLVE-BLOCK-START
JOIN = 1.0  # share of the direct price that it costs to go on from a region that has the data, for each hop it is away
HOP = 1.0  # share of the direct price that every new hop costs on top of its own price
SLOW_USD = 0.0  # USD/GB that an edge of 1 Gbit/s costs on top of its price
TREES = 1  # partition p takes tree p % TREES
BUSY = 0.0  # by what share an edge gets dearer for each earlier tree that uses it


def join_cost(hops, direct_usd):
    """What it costs to go on from a region that has the data and is so many hops away from the source, USD/GB."""
    return JOIN * direct_usd * hops


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


def tree_paths(cost, source, destinations):
    """Let one destination after the other join the tree. Returns region -> path from the source, for all in it."""
    paths = {source: [source]}
    dearest_usd = cost[np.isfinite(cost)].max()
    for destination in sorted(destinations, key=lambda d: cost[source, d]):
        direct_usd = min(cost[source, destination], dearest_usd)
        start = {region: join_cost(len(paths[region]) - 1, direct_usd) for region in paths}
        for tail, head in pairwise(way_to(destination, cost + HOP * direct_usd, start)):
            paths[head] = [*paths[tail], head]
    return paths


def route(source, destinations, graph, partitions):
    """Returns {(destination, partition): [region, ...]}."""
    index = {name: number for number, name in enumerate(graph.regions)}
    exists = graph.gbit_s > 0
    slow = SLOW_USD / np.where(exists, graph.gbit_s, 1.0)
    used = np.zeros(exists.shape)
    trees = max(1, min(int(TREES), partitions))
    answer = {}
    for number in range(trees):
        cost = np.where(exists, graph.usd_per_gb * (1.0 + BUSY * used) + slow, np.inf)
        paths = tree_paths(cost, index[source], [index[name] for name in destinations])
        for name in destinations:
            path = paths[index[name]]
            for tail, head in pairwise(path):
                used[tail, head] += 1
            for partition in range(number, partitions, trees):
                answer[name, partition] = [graph.regions[region] for region in path]
    return answer


# EVOLVE-BLOCK-END
