"""The pools are exact: a slow engine, token by token, gives the same times; and nothing is lost at any event."""

from __future__ import annotations

import pytest
from pd_worlds import Anything, booked, case_of, small_case
from slow_pools import SlowPools

from evaluators.pd_disaggregation.fleet import A100
from evaluators.serving import MEASURED


@pytest.mark.parametrize("part", range(10))
def test_a_slow_engine_gives_the_same_times_and_shows_a_policy_the_same(part):
    seen = set()
    for seed in range(20 * part, 20 * part + 20):
        case = small_case(seed)
        slow = SlowPools(case, Anything(seed))
        slow.run()
        service, watched = booked(case, Anything(seed))
        for (ours, answer), (theirs, other) in zip(watched.log, slow.log, strict=False):
            assert ours == theirs, f"case {seed}"
            assert answer == other
        assert len(watched.log) == len(slow.log)
        assert [j.first_token_ns for j in service.jobs] == [r.first for r in slow.requests], f"case {seed}"
        assert [j.finish_ns for j in service.jobs] == [r.finish for r in slow.requests], f"case {seed}"
        seen.add("switch" if service.switches else "fixed")
        seen.add("lost" if any(job.restarts for job in service.jobs) else "kept")
        seen.add("swap" if any(r.preemptions for r in service.replicas) else "room")
    assert {"switch", "fixed", "kept", "room"} <= seen, "the cases are of many kinds"


def test_random_cases_swap_and_lose_too():
    swaps = losses = 0
    for seed in range(60):
        service, _ = booked(small_case(seed), Anything(seed))
        swaps += sum(replica.preemptions for replica in service.replicas)
        losses += sum(job.restarts for job in service.jobs)
    assert swaps > 5 and losses > 5


class Fixed:
    """Instance 0 prefills, the others decode in turn; nobody changes."""

    def __init__(self, changes=()):
        self.turn, self.changes = 0, dict(changes)

    def dispatch(self, view):
        return view["roles"].index(0)

    def assign(self, view):
        able = [i for i, role in enumerate(view["roles"]) if role == 1]
        self.turn += 1
        return able[self.turn % len(able)]

    def control(self, view):
        return self.changes.get(view["now"] // 10**9, [])


COST = MEASURED[A100]


def test_a_request_by_hand():
    case = case_of((1.0, 1000, 3, 0))
    service, _ = booked(case, Fixed())
    (job,) = service.jobs
    first_ns = 10**9 + COST.prefill_ns + 1000 * COST.token_ns + round(COST.attention_ns * 1000**2)
    there_ns = first_ns + -(-1000 * 327_680 * 10**9 // 25_000_000_000)
    step_ns = COST.decode_ns + COST.sequence_ns
    assert job.first_token_ns == first_ns
    assert job.finish_ns == there_ns + 2 * step_ns + COST.kv_ns * (1000 + 1001)


def test_half_of_a_transfer_is_hidden_under_the_prefill():
    plain, _ = booked(case_of((0.0, 10_000, 2, 0)), Fixed())
    hidden, _ = booked(case_of((0.0, 10_000, 2, 0), overlap=True), Fixed())
    assert plain.transfer_ns == [131_072_000] and hidden.transfer_ns == [65_536_000]
    assert plain.jobs[0].finish_ns - hidden.jobs[0].finish_ns == 65_536_000


def test_a_link_sends_one_after_the_other():
    service, _ = booked(case_of((0.0, 1000, 2, 0), (0.0, 1000, 2, 0), link_bytes_per_s=10**9), Fixed())
    assert service.transfer_ns == [327_680_000, service.transfer_ns[1]]
    # The first prompt began alone; the second's prefill takes less time than the first's KV.
    prefill_ns = service.jobs[1].first_token_ns - service.jobs[0].first_token_ns
    assert service.transfer_ns[1] == 2 * 327_680_000 - prefill_ns


def test_prompts_are_batched_up_to_2048_tokens_and_a_longer_one_goes_alone():
    rows = [(0.0, 100, 1, 0), (0.001, 1000, 1, 0), (0.001, 1000, 1, 0), (0.001, 100, 1, 0), (0.001, 9000, 1, 0)]
    service, _ = booked(case_of(*rows, (0.002, 5, 1, 0)), Fixed())
    times = [job.first_token_ns for job in service.jobs]
    assert times[0] < times[1] == times[2] < times[3] < times[4] < times[5]


def test_a_change_of_role_drains_then_takes_its_time():
    case = case_of((4.0, 500, 90, 0), (4.0, 500, 5, 0), (10.0, 5, 2, 0), instances=3, switch_s=2.0)
    service, _ = booked(case, Fixed({5: [[2, 0]]}))
    drained_ns = max(job.finish_ns for job, at in zip(service.jobs, service.decode, strict=True) if at == 2)
    assert service.switches == 1 and (5 * 10**9, 2, 0) in service.roles
    assert drained_ns > 5 * 10**9, "it served its requests to their end"
    moved, _ = booked(case, Fixed({5: [[2, 0, 1]]}))
    assert moved.jobs[0].moves + moved.jobs[1].moves > service.jobs[0].moves + service.jobs[1].moves


def test_a_machine_that_fails_loses_its_kv_and_the_user_keeps_the_tokens():
    from evaluators.pd_disaggregation.fleet import Failure

    case = case_of((0.0, 500, 100, 0), instances=2, failures=(Failure(1, 3, 10),))
    service, _ = booked(case, Fixed())
    (job,) = service.jobs
    assert job.restarts == 1 and job.first_token_ns < 10**9 and job.finish_ns > 13 * 10**9
    assert job.output_tokens == job.generated_tokens == 100
