"""The ledger: what is in flight is held at its worst case, so that no budget is exceeded."""

from __future__ import annotations

import pytest

from evolve.config import Budget
from evolve.loop.budget import Cost, Ledger, Room


def ledger(in_step_order: bool = False, **budget: float) -> Ledger:
    return Ledger(Budget.model_validate(budget), in_step_order=in_step_order)


def test_calls_in_flight_count_at_their_worst_case() -> None:
    book = ledger(cost_usd=1.0)
    worst = Cost(1, 1000, 0.4)
    for step in (1, 2):
        assert book.room_for(worst, in_flight=step - 1)[0] is Room.YES
        book.hold(step, worst)
    assert book.room_for(worst, in_flight=2)[0] is Room.LATER
    book.count_call(1, Cost(1, 300, 0.05))
    assert book.room_for(worst, in_flight=1)[0] is Room.YES, "what was held and not spent is free again"
    assert book.spent == Cost(1, 300, 0.05)


@pytest.mark.parametrize(
    "budget, spent, reason",
    [
        ({"cost_usd": 1.0}, Cost(3, 900, 0.7), "the budget of $1 is used up ($0.7 spent, the next call may cost $0.4)"),
        (
            {"tokens": 1500},
            Cost(3, 900, 0.1),
            "the budget of 1500 tokens is used up (900 spent, the next call may take 1000)",
        ),
        ({"calls": 3}, Cost(3, 900, 0.1), "all 3 model calls are made"),
    ],
)
def test_a_call_that_does_not_fit_any_more_ends_the_run(budget: dict[str, float], spent: Cost, reason: str) -> None:
    book = ledger(**budget)
    book.count_call(1, spent)
    assert book.room_for(Cost(1, 1000, 0.4), in_flight=0) == (Room.NO, reason)
    assert book.room_for(Cost(), in_flight=0)[0] is Room.YES, "what costs nothing may go on"


def test_in_step_order_what_ended_counts_when_it_is_settled() -> None:
    book = ledger(in_step_order=True, cost_usd=1.0)
    book.hold(1, Cost(1, 0, 0.7))
    book.count_call(1, Cost(1, 0, 0.01))
    assert book.room_for(Cost(1, 0, 0.4), in_flight=1)[0] is Room.LATER, "no choice knows yet what it cost"
    assert book.room_for(Cost(1, 0, 0.4), in_flight=0)[0] is Room.YES, "all has ended: what it cost hangs on no speed"
