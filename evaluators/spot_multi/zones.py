"""Which ticks of which real zones a split may cut its windows from.

No tick is in two splits, and none of the ticks of a public window is in any, in no zone: zones share a clock, and what
one does at a time tells of its neighbours. Of the zones that train sees, train has the first 60 % of the ticks,
validation the next 20 %, test the last 20 %. Test also has zones that train never sees, at any time that is not
public, and the traces of other machines in other months, which the other splits and the fit leave alone.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from evaluators.spot_multi.public_windows import public_windows
from evaluators.spot_traces import semi_markov
from evaluators.spot_traces.bundled import bundled_traces
from evolve.evaluator import Split

CLOCK = "aws-02-15-2023"
"""Nine zones, one sample per 195 s, the same clock: the traces of the public windows and of train."""
OTHER_CLOCK = "aws-10-26-2022"
"""Pools of V100 and K80 machines in two zones, one sample per 600 s, the same clock: for test alone."""

UNSEEN_ZONES = tuple(f"{CLOCK}/{zone}_v100_1" for zone in ("us-east-1d", "us-east-2b", "us-west-2b"))
"""Zones kept for test, one of each region: spot is there 45, 68 and 90 % of the time."""

LEAST_TICKS = 400
"""A piece of time between two public windows that is shorter than this (22 h) is left alone."""

Piece = tuple[int, int]
"""First tick and end of a piece of time."""


def zones_of(clock: str) -> tuple[str, ...]:
    """Return the zones of the traces that share a clock."""
    return tuple(zone for zone in bundled_traces() if zone.startswith(f"{clock}/"))


KNOWN_ZONES = tuple(zone for zone in zones_of(CLOCK) if zone not in UNSEEN_ZONES)
"""Zones that train and validation see."""


@functools.cache
def private_pieces(first: int, end: int) -> tuple[Piece, ...]:
    """Return the pieces of [first, end) of the public windows' clock that belong to no public window."""
    public = public_windows()
    pieces, free = [], first
    for start in (*sorted(public.start_ticks), end):
        if min(start, end) - free >= LEAST_TICKS:
            pieces.append((free, min(start, end)))
        free = max(free, start + public.length_ticks)
    return tuple(pieces)


@functools.cache
def pools(split: Split) -> tuple[tuple[tuple[str, ...], tuple[Piece, ...]], ...]:
    """Return what a split may cut from: groups of zones, each with the pieces of time in which it may."""
    ticks = len(bundled_traces()[KNOWN_ZONES[0]].available)
    bounds: Mapping[Split, Piece] = {
        Split.TRAIN: (0, ticks * 6 // 10),
        Split.VALIDATION: (ticks * 6 // 10, ticks * 8 // 10),
        Split.TEST: (ticks * 8 // 10, ticks),
    }
    if split is not Split.TEST:
        return ((KNOWN_ZONES, private_pieces(*bounds[split])),)
    others = zones_of(OTHER_CLOCK)
    whole = ((0, len(bundled_traces()[others[0]].available)),)
    return (
        (UNSEEN_ZONES, private_pieces(0, ticks)),
        ((*KNOWN_ZONES, *UNSEEN_ZONES), private_pieces(*bounds[Split.TEST])),
        (tuple(zone for zone in others if "v100" in zone), whole),
        (tuple(zone for zone in others if "k80" in zone), whole),
    )


@functools.cache
def fitted_zones() -> tuple[semi_markov.Zone, ...]:
    """Return the model of every zone that train sees, fitted to train's part of it."""
    ((zones, pieces),) = pools(Split.TRAIN)
    traces = [bundled_traces()[zone] for zone in zones]
    return tuple(
        semi_markov.fit([trace.available[first:end] for first, end in pieces], trace.tick_s) for trace in traces
    )
