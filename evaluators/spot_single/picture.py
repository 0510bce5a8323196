"""What the runs of a window did, tick by tick, against the availability of spot. No simpy: the ledger is replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluators.spot_single.figures import figures_of
from evaluators.spot_single.mechanics import USD_PER_H, Bill, Window, info_of, play
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation, Rules
from evolve.evaluator import Candidate
from evolve.picture import Interval, Lane, Lanes, Mark, Picture, Series, joined
from evolve.picture import Line as Curve

WORDS = {SPOT: "spot", ON_DEMAND: "on demand", NONE: "waiting"}


def drawn(candidate: Candidate, window: Window, rules: Rules) -> Picture:
    """Return the runs of a window as lanes below the availability, and what each has paid by when."""
    policies = [candidate.new("Policy", info_of(window, terms)) for terms in window.runs]

    def ask(runs: Sequence[int], observations: Sequence[Observation]) -> list[Any]:
        return candidate.map([policies[run] for run in runs], "decide", observations)

    bills = play(window, rules, ask)
    best = figures_of(window, rules).optimum_usd
    hour = window.tick_s / 3600
    ticks = max(len(bill.paid) for bill in bills)
    there = [(t * hour, (t + 1) * hour, "spot available") for t, yes in enumerate(window.available[:ticks]) if yes]
    lanes = [Lane("availability", joined(there))]
    for run, (bill, terms) in enumerate(zip(bills, window.runs, strict=True), 1):
        text = (
            f"run {run}: task {terms.task_s / 3600:g} h, deadline {terms.deadline_s / 3600:g} h, {bill.starts} starts, "
            f"paid {bill.cost_usd:.2f} USD"
        )
        done = joined([(t * hour, (t + 1) * hour, WORDS[action]) for t, action in enumerate(bill.paid[1:])])
        lanes.append(Lane(f"run {run}", tuple(Interval(one.start, one.end, one.kind, text) for one in done)))
    deadlines = dict.fromkeys(terms.deadline_s / 3600 for terms in window.runs)
    marks = tuple(Mark(end, "deadline") for end in deadlines) if len(deadlines) == 1 else ()
    paid = sum(bill.cost_usd for bill in bills)
    return Picture(
        f"{window.id}, zone {window.zone}: {paid:.2f} USD paid",
        (
            Lanes("What ran when", "time (h)", tuple(lanes), marks),
            Series(
                "What was paid",
                "time (h)",
                "paid (USD)",
                tuple(_paid(bill, run, hour) for run, bill in enumerate(bills, 1)),
            ),
        ),
        f"The offline optimum of these {len(bills)} runs is {sum(best):.2f} USD. Grey is waiting; orange is on demand, "
        "which costs three times as much as spot.",
    )


def _paid(bill: Bill, run: int, hour: float) -> Curve:
    points, total = [(0.0, 0.0)], 0.0
    for tick, action in enumerate(bill.paid[1:], 1):
        total += USD_PER_H[action] * hour
        points.append((tick * hour, total))
    return Curve(f"run {run}", tuple(points))
