"""Machines that divide their SMs are exact: a slow engine, token by token, gives the same; nothing is lost."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pd_worlds import Anything, Watched, case_of, small_case
from slow_shared import SlowSharedPools

from evaluators.pd_disaggregation.fleet import A100, Case
from evaluators.pd_disaggregation.operation import Operation
from evaluators.pd_disaggregation.pools import Pools
from evaluators.pd_disaggregation.record import Service
from evaluators.serving import MEASURED, SharedReplica, State, decode_slowdown, prefill_slowdown

COST = MEASURED[A100]


class AnythingShared(Anything):
    """Gives role 2 shares, and divides machines anew that have it."""

    def control(self, view: dict[str, Any]) -> list[list[int]]:
        rows = super().control(view)
        for row in rows:
            if row[1] == 2 and self.rng.random() < 0.8:
                row[2:] = [row[2] if len(row) > 2 else 0, self.rng.randint(10, 90)]
        named = {row[0] for row in rows}
        for instance, role in enumerate(view["roles"]):
            if role == 2 and instance not in named and self.rng.random() < 0.5:
                rows.append([instance, 2, self.rng.randrange(2), self.rng.randint(10, 90)])
        if view["now"] == 0 and self.rng.random() < 0.7:
            rows = [[i, 2, 0, self.rng.randint(10, 90)] for i in range(len(view["roles"])) if i == 0 or self.rng.random() < 0.6]
        return rows


def shared(case: Case) -> Case:
    return dataclasses.replace(case, family="semi_pd")


def check_shared_books(pools: Pools) -> None:
    """Every request is in one place, KV in use is what they hold and fits, and tokens are those that came out."""
    places: list[Any] = [*(job for _, job in pools._gateway), *pools._flying]
    for number, machine in enumerate(pools._replicas):
        assert isinstance(machine, SharedReplica)
        places += [*machine.queue, *machine.running, *pools._inbox[number]]
        decode, held = machine._decode, 0
        for job in machine.running:
            seen = job.output_tokens - (job.finish_step - decode._steps) if job.finish_step >= 0 else None
            held += job.context_tokens if seen is None else job.input_tokens + seen - 1
        assert machine.kv_tokens == held
        assert machine.role == 0 or held <= machine._kv_capacity_tokens
        assert len([job for job in machine.running if job.finish_step >= 0]) == machine.decodes
        assert decode.role == 1 and machine._prefill.role == 0 and not machine._prefill.prefilled
        if machine.role != 2:
            assert not (decode.running if machine.role == 0 else machine._prefill.running)
        assert set(decode.handed) <= set(decode.running) and not (decode.handed and decode.ends_ns < 0)
        prompts = [*machine._prefill.queue, *machine._prefill.running]
        assert machine.queued_tokens == sum(job.context_tokens - job.computed_tokens for job in prompts)
        assert machine.waiting_kv_tokens == sum(job.context_tokens for job in machine.queue if job.resident)
    done = [job for job in pools._jobs[: pools.came] if job.state is State.DONE]
    assert len(done) == pools.completed
    assert sorted(job.number for job in [*places, *done]) == list(range(pools.came))
    for job in places:
        assert 0 <= job.generated_tokens < job.output_tokens
    for job in done:
        assert job.generated_tokens == job.output_tokens and job.finish_ns >= job.first_token_ns > job.arrival_ns


class BookedShared(Pools):
    """Checks the books after every event."""

    def _touch(self) -> None:
        super()._touch()
        check_shared_books(self)


def booked(case: Case, policy: Any) -> tuple[Service, Watched]:
    watched = Watched(policy)
    pools = BookedShared(case, watched, "lists")
    Operation(case, watched, pools).run()
    return pools.service, watched


def same_as_slow(seeds: range) -> set[str]:
    seen = set()
    for seed in seeds:
        case = shared(small_case(seed))
        slow = SlowSharedPools(case, AnythingShared(seed))
        slow.run()
        service, watched = booked(case, AnythingShared(seed))
        for (ours, answer), (theirs, other) in zip(watched.log, slow.log, strict=False):
            assert ours == theirs, f"case {seed}"
            assert answer == other
        assert len(watched.log) == len(slow.log)
        assert [j.first_token_ns for j in service.jobs] == [r.first for r in slow.requests], f"case {seed}"
        assert [j.finish_ns for j in service.jobs] == [r.finish for r in slow.requests], f"case {seed}"
        seen |= {"switch"} if service.switches else set()
        seen |= {"lost"} if any(job.restarts for job in service.jobs) else set()
        seen |= {"swap"} if any(r.preemptions for r in service.replicas) else set()
        seen |= {"divided"} if any(at for at, _, _ in service.shares) else set()
        here = any(a == b for a, b in zip(service.prefill, service.decode, strict=True))
        seen |= {"stayed"} if here else set()
    return seen


def test_a_slow_engine_gives_the_same_times_and_shows_a_policy_the_same():
    assert {"switch", "lost", "divided", "stayed"} <= same_as_slow(range(30))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_it_does_on_two_hundred_cases_of_many_kinds(part):
    assert {"switch", "lost", "divided", "stayed"} <= same_as_slow(range(20 * part, 20 * part + 20))
