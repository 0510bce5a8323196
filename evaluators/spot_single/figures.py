"""The two figures that a score depends on, per run: what the naive policy pays, and the least that anybody could pay.

Those of the built-in windows are kept in reference.json, which `python -m evaluators.spot_single.reference` writes;
those of a user's traces are found when they are first needed, and kept in the user's cache folder, under the hash of
the window and the naive program.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.kept_figures import computed_once, differ, digest_of, far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.spot_single import mechanics
from evaluators.spot_single.mechanics import SPOT_USD_PER_H, Window, info_of
from evaluators.spot_single.optimum import optimum
from evaluators.spot_traces.runs import ON_DEMAND_USD_PER_H, Rules

NAIVE = Path(__file__).parent / "baselines" / "greedy.py"
STORED = Path(__file__).parent / "reference.json"


@dataclass(frozen=True)
class Figures:
    """What the naive policy and the offline optimum pay for each run of a window, USD.

    optimum_did: what the optimum of each run did, as the feedback tells it; empty where nobody reads it.
    """

    naive_usd: tuple[float, ...]
    optimum_usd: tuple[float, ...]
    optimum_did: tuple[str, ...] = ()

    @property
    def tells(self) -> bool:
        """Return whether naive and optimum differ enough, over all runs, for the window to have a score."""
        return differ(math.fsum(self.naive_usd), math.fsum(self.optimum_usd))

    @property
    def far_apart(self) -> bool:
        """Return whether they differ enough, over all runs, for a window of our own."""
        return far_apart(math.fsum(self.naive_usd), math.fsum(self.optimum_usd))


@functools.cache
def stored() -> Stored[dict[str, Figures]]:
    """Return the figures of the built-in windows, by rules."""
    return read_reference(STORED, "windows", dict[str, Figures])


def digest(window: Window) -> str:
    """Return a hash of all that a window's figures are computed from: trace, terms, prices and the naive program."""
    facts = (window.tick_s, window.available.hex(), SPOT_USD_PER_H, ON_DEMAND_USD_PER_H, NAIVE.read_text("utf-8"))
    terms = [(t.deadline_s, t.task_s, t.overhead_s) for t in window.runs]
    return digest_of((facts, terms))


def figures_of(window: Window, rules: Rules) -> Figures:
    """Return the figures of a window: kept ones where there are, else from the user's cache, else found now."""
    kept = stored().figures.get(window.id, {}).get(rules)
    return kept if kept is not None else _of_file(window, rules)


@functools.lru_cache(maxsize=4096)
def _of_file(window: Window, rules: Rules) -> Figures:
    return computed_once(
        "spot_single",
        f"{digest(window)}-{rules}",
        Figures,
        window.id,
        lambda: compute(window, rules),
        fits=lambda found: len(found.naive_usd) == len(found.optimum_usd) == len(window.runs),
    )


def compute(window: Window, rules: Rules) -> Figures:
    """Find the figures of a window."""
    bills = mechanics.play(window, rules, _naive_answers(window))
    best = [optimum(terms, window.tick_s, window.available, rules).cost_usd for terms in window.runs]
    return Figures(tuple(bill.cost_usd for bill in bills), tuple(best))


def _naive_answers(window: Window) -> mechanics.Ask:
    """Answer by the naive baseline in this process: it is ours, and only its cost is asked for, not a score."""
    program: dict[str, Any] = {}
    exec(compile(NAIVE.read_text(encoding="utf-8"), str(NAIVE), "exec"), program)
    policies = [program["Policy"](info_of(window, terms)) for terms in window.runs]
    return lambda runs, observations: [
        policies[run].decide(mechanics.unpacked(obs)) for run, obs in zip(runs, observations, strict=True)
    ]
