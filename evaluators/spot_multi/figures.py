"""Two figures that a score depends on, per window: what the naive policy pays, and the least that anybody could pay.

Those of the built-in windows are kept in reference.json, which `python -m evaluators.spot_multi.reference` writes.
Those of a user's traces are found when they are first needed, about a second a window, and kept in the user's cache
folder, under the hash of the window and the naive program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from evaluators.kept_figures import computed_once, differ, digest_of, far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.spot_multi.mechanics import Ask, play
from evaluators.spot_multi.optimum import optimum
from evaluators.spot_multi.window import Window, info_of
from evaluators.spot_traces.runs import ON_DEMAND_USD_PER_H, Observation, Rules

NAIVE = Path(__file__).parent / "baselines" / "greedy.py"
STORED = Path(__file__).parent / "reference.json"


@dataclass(frozen=True)
class Figures:
    """What the naive policy and the offline optimum pay, USD. optimum_did: what it did, as the feedback tells it."""

    naive_usd: float
    optimum_usd: float
    optimum_did: str = ""

    @property
    def tells(self) -> bool:
        """Return whether naive and optimum differ enough for the window to have a score."""
        return differ(self.naive_usd, self.optimum_usd)

    @property
    def far_apart(self) -> bool:
        """Return whether they differ enough for an instance of our own."""
        return far_apart(self.naive_usd, self.optimum_usd)


@functools.cache
def stored() -> Stored[dict[str, Figures]]:
    """Return the figures of the built-in windows, by rules."""
    return read_reference(STORED, "windows", dict[str, Figures])


def digest(window: Window) -> str:
    """Return a hash of all that a window's figures are computed from: traces, terms, prices and the naive program."""
    facts = (
        window.tick_s,
        [zone.hex() for zone in window.available],
        window.spot_usd_per_h,
        ON_DEMAND_USD_PER_H,
        (window.terms.deadline_s, window.terms.task_s, window.terms.overhead_s),
        NAIVE.read_text("utf-8"),
    )
    return digest_of(facts)


def figures_of(window: Window, rules: Rules) -> Figures:
    """Return the figures of a window: kept ones where there are, else from the user's cache, else found now."""
    kept = stored().figures.get(window.id, {}).get(rules)
    return kept if kept is not None else _of_file(window, rules)


def compute(window: Window, rules: Rules) -> Figures:
    """Find the figures of a window."""
    return Figures(play(window, rules, naive(window)).cost_usd, optimum(window, rules).cost_usd)


@functools.lru_cache(maxsize=1024)
def _of_file(window: Window, rules: Rules) -> Figures:
    key = f"{digest(window)}-{rules}"
    return computed_once("spot_multi", key, Figures, window.id, lambda: compute(window, rules))


def naive(window: Window) -> Ask:
    """Answer by the naive baseline in this process: it is ours, and only its cost is asked for, not a score."""
    program: dict[str, Any] = {}
    exec(compile(NAIVE.read_text(encoding="utf-8"), str(NAIVE), "exec"), program)
    decide: Callable[[Observation], Any] = program["Policy"](info_of(window)).decide
    seen = unpacker(window)
    return lambda obs: decide(seen(obs))


def unpacker(window: Window) -> Callable[[Observation], Observation]:
    """Return what turns an observation into what the candidate's end sees: arrays, not the form they are sent in."""
    available = np.array([np.frombuffer(zone, dtype=np.uint8) for zone in window.available]).astype(bool).T
    prices = np.array(list(window.prices()))
    return lambda obs: msgspec.structs.replace(obs, spot_available=available[obs.tick], spot_usd_per_h=prices[obs.tick])
