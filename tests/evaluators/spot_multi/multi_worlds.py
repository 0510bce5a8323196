"""Small worlds for the tests: windows of few ticks, and policies that answer by a function of what they see."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from evaluators.spot_multi.mechanics import Bill, play
from evaluators.spot_multi.window import Steps, Window
from evaluators.spot_traces.runs import Observation, Rules, Terms, ticks_needed

Decide = Callable[[Observation, tuple[int, ...]], Any]
"""An answer to an observation and to where there is spot in this tick."""

FLAT: Steps = ((0, 0.9731),)


def world(
    terms: Terms, tick_s: int, available: Sequence[Iterable[int]], prices: Sequence[Steps] | None = None
) -> Window:
    """A window; the last tick's availability goes on for as long as the run may last."""
    needed = ticks_needed(terms, tick_s)
    rows = [list(zone) for zone in available]
    longest = max(needed, *map(len, rows))
    full = tuple(bytes(row + row[-1:] * (longest - len(row))) for row in rows)
    zones = tuple(f"zone-{number}" for number in range(len(rows)))
    steps = tuple(prices) if prices is not None else (FLAT,) * len(rows)
    return Window("world", "world", zones, 0, tick_s, full, steps, terms)


def run(window: Window, rules: Rules, decide: Decide) -> Bill:
    """Play the run of a window."""
    return play(window, rules, lambda obs: decide(obs, tuple(zone[obs.tick] for zone in window.available)))


class OutOfAnswers(Exception):
    """The answers ended before the run did."""


def follow(window: Window, rules: Rules, answers: Sequence[tuple[str, int]]) -> Bill | None:
    """Play the run of a window by a list of answers, one per tick; None when they end before the run does."""

    def ask(obs: Observation) -> tuple[str, int]:
        if obs.tick >= len(answers):
            raise OutOfAnswers
        return answers[obs.tick]

    try:
        return play(window, rules, ask)
    except OutOfAnswers:
        return None


def small_worlds(count: int, seed: int = 7, most_ticks: int = 5) -> list[Window]:
    """Random windows of two or three zones whose deadline is at most `most_ticks` ticks after the start."""
    rng = random.Random(seed)
    worlds: list[Window] = []
    while len(worlds) < count:
        tick_s = rng.choice([60, 100, 195])
        overhead_s = rng.choice([0, 15, 30, 45, 60, 150, tick_s // 2, tick_s, tick_s + 30, 2 * tick_s])
        task_s = rng.randint(tick_s, 4 * tick_s)
        terms = Terms(task_s + overhead_s + rng.randint(0, 4 * tick_s), task_s, overhead_s)
        fits = -(-(task_s + overhead_s) // tick_s) <= terms.deadline_s // tick_s <= most_ticks
        if fits:
            zones = rng.choice([2, 2, 3])
            ticks = ticks_needed(terms, tick_s)
            share = rng.uniform(0.3, 0.9)
            available = [[rng.random() < share for _ in range(ticks)] for _ in range(zones)]
            prices = [
                tuple((t, round(rng.uniform(0.6, 2.4), 4)) for t in (0, *sorted(rng.sample(range(1, ticks), 2))))
                for _ in range(zones)
            ]
            worlds.append(world(terms, tick_s, available, prices))
    return worlds
