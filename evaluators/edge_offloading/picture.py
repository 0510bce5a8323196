"""The points of all preferences, and what goes to which server."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.edge_offloading.figures import Figures
from evaluators.edge_offloading.system import PREFERENCES, Point
from evolve.picture import Line, Matrix, Picture, Series


def drawn(name: str, points: Sequence[Point], area: float, figures: Figures) -> Picture:
    """Return delay against energy, and the tasks of each server by preference."""
    by_delay = tuple(sorted((point.delay_s, point.energy_j) for point in points))
    servers = len(points[0].per_server)
    return Picture(
        f"{name}: {area:.3f} of the square is covered, bound {figures.reference:.3f}",
        (
            Series(
                "A point for each preference",
                "mean delay (s)",
                "mean energy (J)",
                (
                    Line("this program", by_delay, "dots"),
                    Line("round robin", ((figures.delay_s, figures.energy_j),), "dots"),
                ),
            ),
            Matrix(
                "Where tasks go",
                "server",
                "weight of delay",
                "tasks",
                tuple(f"{w:g}" for w, _ in PREFERENCES),
                (*(f"edge {k}" for k in range(servers - 1)), "cloud"),
                tuple(tuple(float(count) for count in point.per_server) for point in points),
            ),
        ),
        "Points left of and below round robin cover area; those that miss over 5 % of the deadlines do not count.",
    )
