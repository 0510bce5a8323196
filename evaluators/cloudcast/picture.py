"""The broadcast on a map: which edge carries how many partitions, at what price. No simpy: flows are steady."""

from __future__ import annotations

import math

from evaluators.cloudcast.figures import Figures
from evaluators.cloudcast.places import PLACES
from evaluators.cloudcast.transfer import Bill, Broadcast
from evolve.picture import Arc, Bar, Bars, Map, Picture, Point

EDGES_SHOWN = 30
APART = 1.6
"""Degrees by which regions of the same town are moved apart, so that each can be seen."""


def drawn(broadcast: Broadcast, paid: Bill, figures: Figures) -> Picture:
    """Return the tree of a broadcast, and what each of its edges costs and takes."""
    names, price, gb = broadcast.network.regions, broadcast.network.usd_per_gb, broadcast.partition_gb
    wanted, where = set(broadcast.destinations), _apart([names[region] for region in paid.regions])
    points = tuple(
        Point(
            names[region],
            *where[names[region]],
            "source" if region == broadcast.source else "destination" if region in wanted else "on the way",
            names[region],
        )
        for region in paid.regions
    )
    edges = sorted(paid.load, key=lambda edge: -paid.load[edge] * float(price[edge]))
    arcs, cost, time = [], [], []
    for edge in edges:
        usd = paid.load[edge] * gb * float(price[edge])
        seconds = paid.load[edge] * gb * 8 / paid.flow_gbit_s[edge]
        name = f"{names[edge[0]]} to {names[edge[1]]}"
        text = (
            f"{name}: {paid.load[edge]} partitions, {usd:.2f} USD at {float(price[edge]):g} USD/GB, "
            f"{seconds:.1f} s at {paid.flow_gbit_s[edge]:.2f} Gbit/s"
        )
        kind = "dear (0.05 USD/GB or more)" if price[edge] >= 0.05 else "cheap (below 0.05 USD/GB)"
        arcs.append(Arc(names[edge[0]], names[edge[1]], kind, 1 + 4 * paid.load[edge] / broadcast.partitions, text))
        cost.append(Bar(name, usd, kind=kind, text=text))
        time.append(Bar(name, seconds, text=text))
    time.sort(key=lambda bar: -bar.value)
    return Picture(
        f"{broadcast.id}: {paid.cost_usd:.2f} USD, {paid.time_s:.0f} s",
        (
            Map("Who sends to whom", points, tuple(arcs), True),
            Bars("What an edge costs", "egress (USD)", tuple(cost[:EDGES_SHOWN])),
            Bars("How long an edge takes", "time (s)", tuple(time[:EDGES_SHOWN])),
        ),
        f"Direct paths cost {figures.naive_usd:.2f} USD, the reference {figures.reference_usd:.2f} USD; VMs in "
        f"{len(paid.regions)} regions are {paid.vm_usd:.2f} USD of this. A thick line carries many partitions.",
    )


def _apart(regions: list[str]) -> dict[str, tuple[float, float]]:
    """Return where regions are drawn; one whose place is not known lies in the South Atlantic, in a row."""
    found: dict[str, tuple[float, float]] = {}
    taken: dict[tuple[int, int], int] = {}
    unknown = 0
    for name in regions:
        if name not in PLACES:
            found[name] = (-40.0 + 6.0 * unknown, -50.0)
            unknown += 1
            continue
        x, y = PLACES[name]
        spot = (round(x / 2), round(y / 2))
        count = taken[spot] = taken.get(spot, -1) + 1
        turn = 2.4 * count
        found[name] = (x + APART * min(count, 1) * math.cos(turn), y + APART * min(count, 1) * math.sin(turn))
    return found
