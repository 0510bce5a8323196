"""How near a program comes to the CPU limit of its problem, where it takes most."""

from __future__ import annotations

from collections.abc import Sequence

from evolve.archive import Store
from evolve.config import from_text
from evolve.errors import UsageError
from evolve.report.figures import seconds_text
from evolve.safe_text import one_line
from evolve.scoring import InstanceResult

NEAR = 0.5
"""Share of the limit above which a program is flagged: a slower or a busy machine may end it."""


def cpu_limit_s(store: Store) -> float | None:
    """Return the CPU seconds that a program of a run may take on an instance.

    None where the problem is not an installed one: code in a folder is not run to show a figure.
    """
    from evolve.registry import is_installed, load_problem

    ref = store.summary().evaluator
    if not is_installed(ref):
        return None
    try:
        return load_problem(ref, from_text(store.config()).evaluator).evaluator.limits.cpu_s
    except UsageError:  # of another version, most likely
        return None


def slowest(results: Sequence[InstanceResult]) -> InstanceResult | None:
    """Return the result of the instance that took most CPU time."""
    return max(results, key=lambda result: result.cpu_s, default=None)


def near_the_limit(results: Sequence[InstanceResult], limit_s: float | None) -> list[InstanceResult]:
    """Return the results that took more than half of the limit, in their order."""
    return [] if limit_s is None else [result for result in results if result.cpu_s > NEAR * limit_s]


def cpu_text(results: Sequence[InstanceResult], limit_s: float | None) -> str:
    """Return the CPU time where it is longest: "0.9 s of 10 s on train/3"; "" without results."""
    most = slowest(results)
    if most is None:
        return ""
    of = "" if limit_s is None else f" of {seconds_text(limit_s)}"
    return f"{seconds_text(most.cpu_s)}{of} on {one_line(most.instance_id)}"


def warning_text(results: Sequence[InstanceResult], limit_s: float | None) -> str:
    """Return a line on the instances where more than half of the limit is used; "" where there is none."""
    near = near_the_limit(results, limit_s)
    if not near or limit_s is None:
        return ""
    named = ", ".join(one_line(result.instance_id) for result in near[:3])
    more = f" and {len(near) - 3} more" if len(near) > 3 else ""
    return (
        f"More than half of the {seconds_text(limit_s)} of CPU on {named}{more}: a slower machine may end this program."
    )
