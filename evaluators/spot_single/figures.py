"""The two figures that a score hangs on, per run: what the naive policy pays, and the least that anybody could pay.

Those of the built-in windows are kept in reference.json, which `python -m evaluators.spot_single.reference` writes;
those of a user's traces are found when they are first needed, and kept in the user's cache folder, under the hash of
the window and the naive program.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluators.kept_figures import keep, recall
from evaluators.spot_single import mechanics
from evaluators.spot_single.mechanics import ON_DEMAND_USD_PER_H, SPOT_USD_PER_H, Rules, Window, info_of
from evaluators.spot_single.optimum import optimum
from evolve.evaluator import Split

NAIVE = Path(__file__).parent / "baselines" / "greedy.py"
STORED = Path(__file__).parent / "reference.json"

LEAST_GAP = 0.01
"""A run on which naive and optimum differ by less than this share of naive says nothing and has no score."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """What the naive policy and the offline optimum pay for each run of a window, USD."""

    naive_usd: tuple[float, ...]
    optimum_usd: tuple[float, ...]

    def tells(self, run: int) -> bool:
        """Return whether naive and optimum differ enough for the run to have a score."""
        return self.naive_usd[run] - self.optimum_usd[run] >= LEAST_GAP * self.naive_usd[run]


@dataclass(frozen=True)
class Stored:
    """What reference.json holds.

    attempts: of every own split, how often each of its windows was redrawn.  digests: by instance id, of the window
    that the figures belong to.  figures: by instance id, then by rules.
    """

    attempts: dict[Split, tuple[int, ...]]
    digests: dict[str, str]
    figures: dict[str, dict[str, Figures]]


@functools.cache
def stored() -> Stored:
    """Return the figures of the built-in windows."""
    content = json.loads(STORED.read_text(encoding="utf-8"))
    return Stored(
        {Split(split): tuple(attempts) for split, attempts in content["attempts"].items()},
        {id_: entry["digest"] for id_, entry in content["windows"].items()},
        {
            id_: {
                rules: Figures(tuple(entry[rules]["naive_usd"]), tuple(entry[rules]["optimum_usd"]))
                for rules in ("strict", "public")
                if rules in entry
            }
            for id_, entry in content["windows"].items()
        },
    )


def digest(window: Window) -> str:
    """Return a hash of all that a window's figures are computed from: trace, terms, prices and the naive program."""
    facts = (window.tick_s, window.available.hex(), SPOT_USD_PER_H, ON_DEMAND_USD_PER_H, NAIVE.read_text("utf-8"))
    terms = [(t.deadline_s, t.task_s, t.overhead_s) for t in window.runs]
    return hashlib.sha256(repr((facts, terms)).encode()).hexdigest()[:16]


def figures_of(window: Window, rules: Rules) -> Figures:
    """Return the figures of a window: kept ones where there are, else from the user's cache, else found now."""
    kept = stored().figures.get(window.id, {}).get(rules)
    return kept if kept is not None else _of_file(window, rules)


@functools.lru_cache(maxsize=4096)
def _of_file(window: Window, rules: Rules) -> Figures:
    key = f"{digest(window)}-{rules}"
    known = _cached(key, len(window.runs))
    if known is None:
        began = time.perf_counter()
        known = compute(window, rules)
        _log.info("spot_single: reference of %s computed in %.1f s", window.id, time.perf_counter() - began)
        keep("spot_single", key, asdict(known))
    return known


def _cached(key: str, runs: int) -> Figures | None:
    facts = recall("spot_single", key) or {}
    try:
        known = Figures(tuple(map(float, facts["naive_usd"])), tuple(map(float, facts["optimum_usd"])))
    except (KeyError, TypeError, ValueError):
        return None
    return known if len(known.naive_usd) == len(known.optimum_usd) == runs else None


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
