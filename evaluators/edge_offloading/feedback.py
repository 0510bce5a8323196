"""What would help a person: the points of all runs beside a baseline's, which are dropped, and where tasks wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evaluators.edge_offloading.figures import Figures
from evaluators.edge_offloading.system import MOST_MISSED, PREFERENCES, Point, System, greedy_points

MOST_LETTERS = 500


def explain(system: System, points: Sequence[Point], area: float, figures: Figures) -> str:
    """Return one line of at most 500 characters on the runs of all preferences.

    Points stand in the order of PREFERENCES, delay/energy in round robin's units; "!": dropped for missed deadlines.
    """
    unit = (figures.delay_s, figures.energy_j)
    own = (
        f"{_pair(point.delay_s, point.energy_j, unit)}{'!' if point.missed > MOST_MISSED else ''}" for point in points
    )
    facts = [
        f"covers {area:.3f} of the square below round robin's {unit[0]:.3g} s, {unit[1]:.3g} J (bound "
        f"{figures.reference:.3f}, perhaps out of reach); delay/energy over those by delay weight 0, .1 to 1: "
        f"{' '.join(own)}",
        f"weighted_greedy {' '.join(_pair(*pair, unit) for pair in greedy_points(system, unit))}",
    ]
    late = sum(point.missed > MOST_MISSED for point in points)
    facts += [f"{late} dropped (!) for missed deadlines"] if late else []
    worst = max(points, key=lambda point: point.wait_s)
    busiest = max(range(system.servers), key=worst.per_server.__getitem__)
    name = "the cloud" if busiest == system.servers - 1 else f"edge {busiest}"
    facts.append(
        f"longest queues at {PREFERENCES[points.index(worst)][0]:g}: {worst.wait_s:.3g} of {worst.delay_s:.3g} s, "
        f"{worst.per_server[busiest]} tasks at {name} ({system.freq_hz[busiest] / 1e9:.1f} GHz)"
    )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def _pair(delay_s: float, energy_j: float, unit: tuple[float, float]) -> str:
    return "/".join(_short((delay_s / unit[0], energy_j / unit[1])))


def _short(numbers: Iterable[float]) -> Iterable[str]:
    """Yield numbers in four letters: ".52", "1.31", "24.1", "241"."""
    for number in numbers:
        yield (
            f"{number:.2f}".removeprefix("0") if number < 9.995 else f"{number:.1f}" if number < 99 else f"{number:.0f}"
        )
