"""Zones that never were: availability correlated within a region, and prices that change."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np

from evaluators.spot_multi.window import Steps
from evaluators.spot_traces import semi_markov

FOLLOWING = semi_markov.Zone(semi_markov.Stretch(2.46, 0.5), semi_markov.Stretch(2.25, 0.5))
"""When a zone does as its region does (stretches of 13.3 h in the mean) and when it goes its own way (10.8 h).

Two zones that follow 55 % of the time each, and not at the same times, agree with their region at once 30 % of it:
this is their correlation. Real zones of one region have 0.35 to 0.6, of different regions 0 to 0.25.
"""

FLOOR_USD_PER_H = 0.3 * 3.06
"""AWS never lets spot fall below 30 % of the price on demand; the public windows' prices lie at this floor often."""
CEILING_USD_PER_H = 0.9 * 3.06

BETWEEN_CHANGES_H = (3.0, 8.0)
"""Hours from one change of a price to the next, least and most, as in the public windows."""


def region(zones: Sequence[semi_markov.Zone], tick_s: int, ticks: int, rng: random.Random) -> list[bytes]:
    """Draw the availability of the zones of one region, one byte per tick each.

    The region itself has a trace, drawn from the model of one of its zones; every zone follows it some of the time.
    """
    common = _drawn(rng.choice(zones), tick_s, ticks, rng)
    return [
        np.where(_drawn(FOLLOWING, tick_s, ticks, rng), common, _drawn(zone, tick_s, ticks, rng)).tobytes()
        for zone in zones
    ]


def _drawn(zone: semi_markov.Zone, tick_s: int, ticks: int, rng: random.Random) -> np.ndarray:
    return np.frombuffer(semi_markov.draw(zone, tick_s, ticks, rng), dtype=np.uint8)


def price(first_usd_per_h: float, change: float, tick_s: int, ticks: int, rng: random.Random) -> Steps:
    """Draw the price of spot in a zone: a walk on the log scale between floor and ceiling.

    change: standard deviation of one change, as a share of the price. The first tick of a window falls anywhere
    between two changes.
    """
    usd = first_usd_per_h
    steps = [(0, _within(usd))]
    tick = _ticks_to_change(tick_s, rng) * rng.random()
    while tick < ticks:
        usd = _within(usd * math.exp(rng.gauss(0.0, change)))
        if steps[-1][0] < round(tick) < ticks and usd != steps[-1][1]:
            steps.append((round(tick), usd))
        tick += _ticks_to_change(tick_s, rng)
    return tuple(steps)


def _ticks_to_change(tick_s: int, rng: random.Random) -> float:
    return rng.uniform(*BETWEEN_CHANGES_H) * 3600 / tick_s


def _within(usd_per_h: float) -> float:
    """Return a price between floor and ceiling, in hundredths of a cent, so that no platform's last bit is in it."""
    return round(min(max(usd_per_h, FLOOR_USD_PER_H), CEILING_USD_PER_H), 4)
