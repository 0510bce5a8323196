"""What would help a person: the points of the runs, which of them count for nothing, and where tasks wait."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.edge_offloading.figures import Figures
from evaluators.edge_offloading.system import MOST_MISSED, PREFERENCES, Point, System

MOST_LETTERS = 500


def explain(system: System, points: Sequence[Point], area: float, figures: Figures) -> str:
    """Return one line of at most 500 characters on the runs of all preferences."""
    facts = [
        f"covers {area:.3f} of the square below round robin's {figures.delay_s:.2f} s and {figures.energy_j:.2f} J "
        f"(reference, a bound: {figures.reference:.3f})"
    ]
    shown = [
        f"delay weight {PREFERENCES[k][0]:g}: {points[k].delay_s:.2f} s, {points[k].energy_j:.2f} J" for k in (0, 5, 10)
    ]
    facts.append("; ".join(shown))
    late = [PREFERENCES[k][0] for k, point in enumerate(points) if point.missed > MOST_MISSED]
    if late:
        facts.append(f"{len(late)} points are dropped for missed deadlines, delay weight {late[0]:g} first")
    outside = sum(p.delay_s >= figures.delay_s or p.energy_j >= figures.energy_j for p in points)
    if outside:
        facts.append(f"{outside} of {len(points)} are no better than round robin in one of the two")
    worst = max(points, key=lambda point: point.wait_s)
    busiest = max(range(system.servers), key=worst.per_server.__getitem__)
    name = "the cloud" if busiest == system.servers - 1 else f"edge {busiest}"
    facts.append(
        f"the longest queues: {worst.wait_s:.2f} s of {worst.delay_s:.2f} s, with {worst.per_server[busiest]} of "
        f"{sum(worst.per_server)} tasks at {name} ({system.freq_hz[busiest] / 1e9:.1f} GHz)"
    )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]
