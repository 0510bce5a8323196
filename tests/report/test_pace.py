"""How far a run has come is told against the budget that ends first."""

from __future__ import annotations

from evolve.config import Budget
from evolve.observer import Progress
from evolve.report.pace import Pace


def progress(evaluations: int, calls: int, session_s: float, minutes: float = 0.0) -> Progress:
    return Progress(evaluations, 100, 0, 0.0, 0, 0, calls, 0, 0.0, 60 * minutes, session_s, evaluations)


def test_the_budget_of_which_most_is_used_is_shown_and_gives_the_time_that_is_left() -> None:
    pace = Pace(Budget(evaluations=100, calls=20))
    pace.at(progress(0, 0, 0.0))
    now = progress(10, 10, 30.0)
    assert pace.done(now) == "10/100 evaluations, 10 of 20 calls" and pace.share(now) == 0.5
    assert pace.left(now) == "about 30.0 s left"


def test_what_earlier_sessions_did_says_nothing_of_this_ones_pace() -> None:
    pace = Pace(Budget(evaluations=100))
    pace.at(progress(80, 0, 0.0))
    assert pace.left(progress(80, 0, 5.0)) == ""
    assert pace.left(progress(90, 0, 10.0)) == "about 10.0 s left"


def test_more_than_the_total_is_said_and_not_written_as_a_share() -> None:
    pace = Pace(Budget(evaluations=100))
    assert pace.done(progress(189, 0, 1.0)) == "189 evaluations, more than the total of 100"
    assert pace.share(progress(189, 0, 1.0)) == 1.0


def test_more_calls_than_the_total_are_said_too() -> None:
    pace = Pace(Budget(calls=3))
    assert pace.done(progress(2, 3, 1.0)) == "2/100 evaluations, 3 of 3 calls"
    assert pace.done(progress(2, 4, 1.0)) == "2/100 evaluations, 4, more than the total of 3 calls"
