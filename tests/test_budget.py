"""The ledger: what is in flight is held at its worst case, so that no budget is exceeded."""

from __future__ import annotations

import pytest

from evolve.config import Budget
from evolve.loop.budget import Cost, Ledger, Room
from evolve.scoring import Status
from evolve.trial import Fate, Trial
from evolve.words import counted


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
    assert book.room_for(Cost(1, 0, 0.4), in_flight=0)[0] is Room.YES, "all has ended: what it cost depends on no speed"


def ended(step: int, fate: Fate, note: str = "", called: bool = True, status: Status | None = None) -> Trial:
    return Trial(step, 0, fate=fate, note=note, called=called, status=status)


@pytest.mark.parametrize(
    ("trials", "reason"),
    [
        (
            [(Fate.PARSE_ERROR, "cut at max_tokens = 64: raise it"), (Fate.CALL_ERROR, "503")],
            "199 answers were cut at max_tokens, 1 call failed; raise it (--set model.max_tokens=N) and resume",
        ),
        (
            [(Fate.PARSE_ERROR, "block 1 leaves code out."), (Fate.DUPLICATE, "the same program as 3")],
            "199 answers gave no program, 1 answer was a program that is there already (at last: block 1 leaves code "
            "out); `evolve show RUN 200 --answer` shows it; another model, or --mutation rewrite=1, may do better",
        ),
        (
            [(Fate.CALL_ERROR, "502: bad gateway"), (Fate.NEAR_DUPLICATE, "")],
            "199 calls failed, 1 answer was too like another program (at last: 502: bad gateway); put that right and "
            "resume",
        ),
    ],
)
def test_a_run_without_new_programs_ends_with_the_commonest_cause_its_number_and_its_cure(
    trials: list[tuple[Fate, str]], reason: str
) -> None:
    book = ledger()
    (often, note), (once, other) = trials
    book.tell(ended(1, Fate.CALL_ERROR))
    book.tell(ended(2, Fate.SCORED, status=Status.OK))  # a program: what was before it does not count
    book.tell(ended(3, once, other))
    for step in range(198):
        book.tell(ended(step, often, note))
        assert book.room(0)[0] is Room.YES
    book.tell(ended(200, often, note))
    assert book.room(0) == (Room.NO, f"the last 200 steps gave no new program to evaluate: {reason}")


def test_the_built_in_mutator_that_finds_nothing_more_is_told_with_its_cure() -> None:
    book = ledger()
    for step in range(200):
        book.tell(ended(step, Fate.DUPLICATE, "the same program as 0", called=False))
    assert "200 changes of the built-in mutator had been tried; it has no more of them" in book.room(0)[1]


def test_one_of_anything_is_told_in_the_singular() -> None:
    assert ledger(evaluations=1).progress().target == 1
    book = Ledger(Budget(evaluations=1), evaluations=1)
    assert book.room(0)[1] == "the 1 evaluation is done"
    assert (counted(1, "pass", "passes"), counted(2, "pass", "passes")) == ("1 pass", "2 passes")
    assert (counted(0, "call"), counted(1.5, "minute"), counted(10**7, "token")) == (
        "0 calls",
        "1.5 minutes",
        "10000000 tokens",
    )
