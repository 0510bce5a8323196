"""Per partition a cheap tree: the destination that is cheapest to reach from the tree so far joins it next.

An edge that many earlier partitions use looks a little dearer, so that among trees of equal price the partitions take
different ones. Every region may be passed, a destination or not.
Source: Takahashi & Matsuyama, "An approximate solution for the Steiner problem in graphs", 1980 (shortest path
heuristic), on directed edges; Wooders et al., "Cloudcast", NSDI 2024, for sending partitions over different trees.
"""

from itertools import pairwise

import numpy as np

BUSY = 0.002  # by what share an edge looks dearer for each partition that it carries already
SLOW_USD = 1e-6  # what an edge of 1 Gbit/s looks dearer: of two that cost the same, the fast one is taken


def cheapest_from(usd, roots):
    """Dijkstra over a full matrix from several roots: prices and predecessors. usd: (n, n) float64."""
    n = len(usd)
    price = np.full(n, np.inf)
    before = np.full(n, -1)
    price[roots] = 0.0
    open_price = price.copy()
    for _ in range(n):
        tail = int(open_price.argmin())
        if open_price[tail] == np.inf:
            break
        open_price[tail] = np.inf
        through = price[tail] + usd[tail]
        better = through < price - 1e-12
        price[better] = through[better]
        before[better] = tail
        open_price[better] = through[better]
    return price, before


def route(source, destinations, graph, partitions):
    names = graph.regions
    index = {name: number for number, name in enumerate(names)}
    exists = graph.gbit_s > 0
    slow = SLOW_USD / np.where(exists, graph.gbit_s, 1.0)
    carried = np.zeros(exists.shape)
    paths = {}
    for partition in range(partitions):
        usd = np.where(exists, graph.usd_per_gb * (1.0 + BUSY * carried) + slow, np.inf)
        tree = {index[source]: [source]}
        waiting = [index[name] for name in destinations]
        while waiting:
            price, before = cheapest_from(usd, list(tree))
            nearest = min(waiting, key=lambda d: price[d])
            way = [nearest]
            while way[-1] not in tree:
                way.append(int(before[way[-1]]))
            for tail, head in pairwise(way[::-1]):
                tree[head] = [*tree[tail], names[head]]
                carried[tail, head] += 1
            waiting = [d for d in waiting if d not in tree]
        for name in destinations:
            paths[name, partition] = tree[index[name]]
    return paths
