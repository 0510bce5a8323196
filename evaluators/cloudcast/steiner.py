"""The least that egress can cost: a directed Steiner tree of minimum price, exactly.

A partition that reaches every destination has crossed the edges of some tree from the source to all of them, so no
routing sends a GB of the data for less than the cheapest tree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST_DESTINATIONS = 12
"""Up to here the optimum takes well below a second; the work triples with every further destination."""


def cheapest_paths(usd_per_gb: np.ndarray) -> np.ndarray:
    """Return the price of the cheapest path between all regions.

    usd_per_gb: (regions, regions) float64, >= 0, inf where there is no edge.
    Returns (regions, regions) float64, 0 from a region to itself. Source: Floyd 1962, Algorithm 97.
    """
    price = np.array(usd_per_gb, dtype=np.float64)
    np.fill_diagonal(price, 0.0)
    for via in range(len(price)):
        np.minimum(price, price[:, via, None] + price[None, via, :], out=price)
    return price


def cheapest_tree_usd_per_gb(usd_per_gb: np.ndarray, source: int, destinations: Sequence[int]) -> float:
    """Return the price of the cheapest tree from the source to all destinations, USD per GB; inf where there is none.

    usd_per_gb: (regions, regions) float64, >= 0, inf where there is no edge.
    Exact, by dynamic programming over subsets of the destinations: the best tree from v to a set either forks in v
    into the trees of two parts of it, or starts with a path to where it forks.
    Source: Dreyfus & Wagner 1971, "The Steiner problem in graphs", for directed edges.
    """
    path = cheapest_paths(usd_per_gb)
    tree = np.empty((1 << len(destinations), len(path)))  # [subset, region that it is reached from]
    for subset in range(1, len(tree)):
        lowest = subset & -subset
        rest = subset ^ lowest
        if not rest:
            tree[subset] = path[:, destinations[subset.bit_length() - 1]]
            continue
        parts = []  # every part of the subset but itself that has its lowest member, so that no pair counts twice
        part = rest
        while part:
            part = (part - 1) & rest
            parts.append(part | lowest)
        fork = (tree[parts] + tree[[subset ^ part for part in parts]]).min(axis=0)
        tree[subset] = (path + fork).min(axis=1)
    return float(tree[-1, source])
