"""What a run did over time: training, recovering, waiting, and how fast. No simpy: it is drawn from the segments."""

from __future__ import annotations

from evaluators.training_placement.figures import Figures
from evaluators.training_placement.training import Run
from evolve.picture import Interval, Lane, Lanes, Line, Picture, Series

TRAINS, RECOVERS, WAITS, AWAY = "trains", "recovers", "waits", "node is away"


def drawn(run: Run, figures: Figures) -> Picture:
    """Return when the job trains and which nodes are there, and the tokens that are trained."""
    case = run.case
    job: list[Interval] = []
    points, steps = [(0.0, 0.0)], 0
    for one in run.segments:
        start, end = one.start_us / 3.6e9, one.end_us / 3.6e9
        middle = start + one.stopped_us / 3.6e9
        if middle > start:
            what = WAITS if one.step is None else RECOVERS
            job.append(Interval(start, middle, what, f"{what} from hour {start:.2f} to {middle:.2f}"))
        if end > middle:
            seconds = one.step.us / 1e6 if one.step is not None else 0
            job.append(Interval(middle, end, TRAINS, f"{one.steps} steps of {seconds:.2f} s"))
        steps += one.steps - one.lost
        points += [(middle, points[-1][1]), (end, steps * case.job.global_batch * case.job.seq / 1e9)]
    lanes = [Lane("job", tuple(job))]
    for node in range(len(case.nodes)):
        gone, away = None, []
        for event in case.events:
            if node in event.lost:
                gone = event.at_s / 3600
            if node in event.returned and gone is not None:
                away.append(Interval(gone, event.at_s / 3600, AWAY, f"node {node} is away"))
                gone = None
        if gone is not None:
            away.append(Interval(gone, case.horizon_s / 3600, AWAY, f"node {node} is away"))
        lanes.append(Lane(f"node {node}", tuple(away)))
    return Picture(
        f"{case.id}: {run.hours_per_billion:.2f} h per 1e9 tokens, reference {figures.reference:.2f}",
        (
            Lanes("The job and its nodes", "time (h)", tuple(lanes)),
            Series("Tokens", "time (h)", "tokens trained (1e9)", (Line("this program", tuple(points)),)),
        ),
    )
