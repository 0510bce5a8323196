"""Small worlds for the tests: windows of one run, and policies that answer by a function of what they see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from evaluators.spot_single.mechanics import Bill, Window, ledger, play
from evaluators.spot_traces.runs import Observation, Rules, Terms, ticks_needed

Decide = Callable[[Observation, bool], Any]
"""An answer to an observation and to whether there is spot in this tick."""


def world(terms: Terms, tick_s: int, available: Iterable[int]) -> Window:
    """A window of one run; the last tick's availability goes on for as long as the run may last."""
    ticks = list(available)
    ticks += ticks[-1:] * (ticks_needed(terms, tick_s) - len(ticks))
    return Window("world", "world", 0, tick_s, bytes(ticks), (terms,))


def run(window: Window, rules: Rules, decide: Decide) -> Bill:
    """Play the one run of a window."""
    return play(window, rules, lambda _, seen: [decide(seen[0], bool(window.available[seen[0].tick]))])[0]


def follow(window: Window, rules: Rules, requests: Iterable[str]) -> Bill | None:
    """Play the one run of a window by a list of requests; None when they end before the run does."""
    books = ledger(window, window.runs[0], rules)
    next(books)
    for request in requests:
        try:
            books.send(request)
        except StopIteration as finished:
            bill: Bill = finished.value
            return bill
    return None
