"""What each tick offers to a policy that knows the whole window: the ways to have spot, under either set of rules."""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.spot_multi.mechanics import tick_usd
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import SPOT


@dataclass(frozen=True)
class Way:
    """A way to have SPOT in a tick: the slot it leads to, what it costs, and the region to name for it."""

    slot: int
    usd: float
    region: int


@dataclass(frozen=True)
class Offers:
    """What a tick offers.

    starts: ways to start SPOT.  rides: by slot, ways to go on with SPOT.  dead: a region without spot, or None.
    last: a region in which SPOT may complete the work, or None; under strict rules every way may, and this is unused.
    """

    starts: tuple[Way, ...]
    rides: tuple[tuple[Way, ...], ...]
    dead: int | None
    last: int | None


def offers_of(window: Window, final_usd_per_h: float | None) -> list[Offers]:
    """Return what each tick offers that can still be seen done: a run is over only when it is asked once more.

    final_usd_per_h: under the public rules, the first price of the region in which the run ends; None = strict rules.
    """
    columns = list(zip(*window.available, strict=True))
    offers = []
    for tick, prices in enumerate(list(window.prices())[:-1]):
        now, then = columns[tick], columns[tick + 1]
        dead = now.index(0) if 0 in now else None
        last = None
        if final_usd_per_h is None:
            ways = [Way(r, tick_usd(SPOT, prices[r], window.tick_s), r) for r in range(len(now)) if now[r]]
            rides = tuple(tuple(way for way in ways if way.slot == r) for r in range(len(now)))
        else:
            usd = tick_usd(SPOT, final_usd_per_h, window.tick_s)
            final = (r for r, price in enumerate(window.first_prices) if price == final_usd_per_h and now[r])
            last = next(final, None)
            reached = {int(then[r]): r for r in reversed(range(len(now))) if now[r]}
            ways = [Way(slot, usd, region) for slot, region in reached.items()]
            rides = ((), tuple(ways))
        offers.append(Offers(tuple(ways), rides, dead, last))
    return offers
