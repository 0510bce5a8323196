"""Reads a candidate's answer: a simple path over existing edges for every destination and partition, or a refusal."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from evaluators.cloudcast.transfer import Broadcast
from evolve.evaluator import Infeasible


def checked_paths(answer: Any, broadcast: Broadcast) -> dict[tuple[int, int], tuple[int, ...]]:
    """Return (destination, partition) -> numbers of regions from the source to the destination.

    Raises Infeasible that names the key or the edge, and what is wrong with it.
    """
    if not isinstance(answer, dict):
        raise Infeasible(
            f"the answer is {type(answer).__name__}, expected a dict {{(destination, partition): [region, ...]}}"
        )
    names = broadcast.network.regions
    wanted = {names[d]: d for d in broadcast.destinations}
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    for key, path in answer.items():
        if not (isinstance(key, tuple) and len(key) == 2):
            raise Infeasible(f"key {_shown(key)} is no pair (destination, partition)")
        destination, partition = key
        if type(destination) is not str or destination not in wanted:
            raise Infeasible(f"key {_shown(key)}: {_shown(destination)} is none of the {len(wanted)} destinations")
        # A bool or a float would be equal to the number that it stands for.
        if type(partition) is not int or not 0 <= partition < broadcast.partitions:
            raise Infeasible(
                f"key {_shown(key)}: the partition is {_shown(partition)} ({type(partition).__name__}), "
                f"expected a whole number (int) in 0..{broadcast.partitions - 1}"
            )
        found[wanted[destination], partition] = _path(path, broadcast, wanted[destination], partition)
    missing = [(d, p) for d in broadcast.destinations for p in range(broadcast.partitions) if (d, p) not in found]
    if missing:
        destination, partition = missing[0]
        raise Infeasible(
            f"{names[destination]}, partition {partition}: no path "
            f"({len(missing)} of {len(wanted) * broadcast.partitions} paths are missing)"
        )
    return found


def _path(path: Any, broadcast: Broadcast, destination: int, partition: int) -> tuple[int, ...]:
    network = broadcast.network
    where = f"{network.regions[destination]}, partition {partition}"
    if not isinstance(path, list):
        raise Infeasible(f"{where}: the path is {type(path).__name__}, expected a list of regions")
    regions: dict[int, None] = {}
    for place, name in enumerate(path):
        region = network.index.get(name) if type(name) is str else None
        if region is None:
            raise Infeasible(f"{where}: item {place} of the path is {_shown(name)}, which is no region of the graph")
        if region in regions:
            raise Infeasible(f"{where}: the path visits {name} twice (items {list(regions).index(region)} and {place})")
        regions[region] = None
    numbers = tuple(regions)
    for what, place, expected in (("starts", 0, broadcast.source), ("ends", -1, destination)):
        if not numbers or numbers[place] != expected:
            got = f"in {network.regions[numbers[place]]}" if numbers else "nowhere: it is empty"
            raise Infeasible(f"{where}: the path {what} {got}, expected {network.regions[expected]}")
    for tail, head in pairwise(numbers):
        if not network.exists[tail, head]:
            raise Infeasible(f"{where}: there is no edge from {network.regions[tail]} to {network.regions[head]}")
    return numbers


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
