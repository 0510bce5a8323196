"""Where and on what a run ran, tick by tick, against the availability of each region. No simpy: the books are kept."""

from __future__ import annotations

from typing import Any

from evaluators.spot_multi.figures import figures_of
from evaluators.spot_multi.mechanics import play
from evaluators.spot_multi.window import Window, info_of
from evaluators.spot_traces.runs import NONE, ON_DEMAND, SPOT, Observation, Rules
from evolve.evaluator import Candidate
from evolve.picture import Interval, Lane, Lanes, Line, Mark, Picture, Series, joined

WORDS = {SPOT: "spot", ON_DEMAND: "on demand", NONE: "waiting"}


def drawn(candidate: Candidate, window: Window, rules: Rules) -> Picture:
    """Return a lane for each region: where spot was, and above it what the run did there."""
    policy = [candidate.new("Policy", info_of(window))]

    def ask(observation: Observation) -> Any:
        return candidate.map(policy, "decide", [observation])[0]

    bill = play(window, rules, ask)
    hour = window.tick_s / 3600
    lanes = []
    for region, zone in enumerate(window.zones):
        there = [
            (t * hour, (t + 1) * hour, "spot available")
            for t, yes in enumerate(window.available[region][: len(bill.ran)])
            if yes
        ]
        ran = [
            (t * hour, (t + 1) * hour, WORDS[action])
            for t, (action, where) in enumerate(zip(bill.ran, bill.regions, strict=True))
            if where == region
        ]
        lanes.append(Lane(f"{zone}: available", joined(there)))
        done = tuple(
            Interval(one.start, one.end, one.kind, f"{zone}: {one.kind} from {one.start:.2f} h to {one.end:.2f} h")
            for one in joined(ran)
        )
        lanes.append(Lane(f"{zone}: the run", done))
    paid, work, points, done_s = 0.0, [(0.0, 0.0)], [(0.0, 0.0)], 0.0
    for tick, (usd, gained_s) in enumerate(zip(bill.usd, bill.work_s, strict=True), 1):
        paid, done_s = paid + usd, done_s + gained_s
        points.append((tick * hour, paid))
        work.append((tick * hour, done_s / 3600))
    deadline = Mark(window.terms.deadline_s / 3600, "deadline")
    return Picture(
        f"{window.id}: {bill.cost_usd:.2f} USD paid, {bill.starts} starts, {bill.moves} moves",
        (
            Lanes("What ran where", "time (h)", tuple(lanes), (deadline,)),
            Series("What was paid", "time (h)", "paid (USD)", (Line("paid", tuple(points)),), (deadline,)),
            Series("What was done", "time (h)", "work done (h)", (Line("work", tuple(work)),), (deadline,)),
        ),
        f"The offline optimum of this run is {figures_of(window, rules).optimum_usd:.2f} USD.",
    )
