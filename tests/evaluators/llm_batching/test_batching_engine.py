"""Macro-stepping is exact: an engine that goes token by token gives the same times, whatever is planned."""

from __future__ import annotations

import pytest
from batching_worlds import Anything, Watched, check_books, small_case
from slow_server import SlowServer

from evaluators.llm_batching.server import Server


def agree(seed: int, most: int) -> None:
    case = small_case(seed, most)
    scheduler = Watched(Anything(seed))
    quick = Server(case, scheduler, as_sent=False)
    scheduler.server = quick
    quick.run()
    check_books(quick)
    slow = SlowServer(case, Anything(seed))
    slow.run()
    for number, (ours, theirs) in enumerate(zip(scheduler.log, slow.log, strict=True)):
        assert ours == theirs, (seed, number)
    assert quick.service.finish_ns.tolist() == [slow.finish[call] for call in range(len(case.calls))]
    by_call = {request.call: request.seen for request in slow.requests}
    assert [tokens.tolist() for tokens in quick.service.token_ns] == [by_call[c] for c in range(len(case.calls))]


def test_token_by_token_gives_the_same_times_and_the_books_balance_after_every_plan() -> None:
    for seed in range(200):
        agree(seed, (8, 20, 40)[seed % 3])


@pytest.mark.slow
def test_so_it_does_with_long_answers_and_runs_beyond_64_iterations() -> None:
    for seed in range(200, 300):
        agree(seed, 200)
