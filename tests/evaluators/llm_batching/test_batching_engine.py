"""Macro-stepping is exact: an engine that goes token by token gives the same times, whatever is planned."""

from __future__ import annotations

import pytest
from batching_worlds import Anything, Watched, check_books, small_case
from slow_server import SlowServer

from evaluators.llm_batching.server import Server


@pytest.mark.parametrize("block", range(10))
def test_token_by_token_gives_the_same_times_and_the_books_balance_after_every_plan(block):
    for seed in range(20 * block, 20 * block + 20):
        case = small_case(seed)
        scheduler = Watched(Anything(seed))
        quick = Server(case, scheduler, as_sent=False)
        scheduler.server = quick
        quick.run()
        check_books(quick)
        slow = SlowServer(case, Anything(seed))
        for request in slow.policy, scheduler.policy:
            assert request.wild == scheduler.policy.wild
        slow.ttl = {}
        slow.run()
        for number, (ours, theirs) in enumerate(zip(scheduler.log, slow.log, strict=False)):
            assert ours == theirs, (seed, number)
        assert len(scheduler.log) == len(slow.log)
        assert quick.service.finish_ns.tolist() == [slow.finish[call] for call in range(len(case.calls))]
        by_call = {request.call: request.seen for request in slow.requests}
        assert [tokens.tolist() for tokens in quick.service.token_ns] == [by_call[c] for c in range(len(case.calls))]
