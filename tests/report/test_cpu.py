"""How near a program comes to its CPU limit, and when a reader is warned."""

from __future__ import annotations

from evolve.report.cpu import cpu_text, warning_text
from evolve.scoring import InstanceResult, Status


def results(*cpu_s: float) -> list[InstanceResult]:
    return [InstanceResult(f"train/{n}", Status.OK, 1.0, cpu_s=s) for n, s in enumerate(cpu_s)]


def test_the_slowest_instance_is_told_beside_the_limit() -> None:
    assert cpu_text(results(0.2, 0.9, 0.1), 10.0) == "900 ms of 10 s on train/1"
    assert cpu_text(results(0.2), None) == "200 ms on train/0"
    assert cpu_text([], 10.0) == ""


def test_who_uses_more_than_half_of_the_limit_is_flagged_and_who_uses_half_is_not() -> None:
    assert warning_text(results(5.0, 1.0), 10.0) == ""
    assert warning_text(results(5.1, 1.0), None) == ""
    assert warning_text(results(6, 1, 7, 8, 9), 10.0) == (
        "More than half of the 10 s of CPU on train/0, train/2, train/3 and 1 more: "
        "a slower machine may end this program."
    )
