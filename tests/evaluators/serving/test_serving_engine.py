"""The engine is exact: it agrees to the nanosecond with a second one that does one iteration after the other."""

from __future__ import annotations

import random
from typing import Any

from slow_engine import SlowEngine, SlowJob, SlowReplica, state_of

from evaluators.serving import (
    MEASURED,
    ROOFLINES,
    CacheIndex,
    CostModel,
    Engine,
    Job,
    Measured,
    PrefixCache,
    Replica,
    State,
)

TINY = Measured(prefill_ns=10, token_ns=3, attention_ns=0.0, decode_ns=100, sequence_ns=7, kv_ns=2)
"""Times that can be added up by hand."""


def engine_of(
    costs: list[CostModel], kv_capacity: int, cache_blocks: int, chunk: int, kv_bytes: int = 1, link: int = 10**9
) -> Engine:
    index = CacheIndex(len(costs))
    replicas = [
        Replica(cost, kv_capacity, PrefixCache(cache_blocks, index, number), chunk) for number, cost in enumerate(costs)
    ]
    return Engine(replicas, index, kv_bytes, link)


def random_case(rng: random.Random) -> dict[str, Any]:
    """A few replicas, up to thirty requests with shared heads, and now and then a move, a slow or a new machine."""
    count = rng.randint(1, 3)
    capacity = rng.choice((1500, 3000, 20_000))
    costs: list[CostModel] = [rng.choice((*MEASURED.values(), *ROOFLINES.values())) for _ in range(count)]
    heads = [tuple(range(100 * h, 100 * h + rng.randint(1, 3))) for h in range(1, 4)]
    actions: list[tuple[int, str, tuple[Any, ...]]] = []
    now = 0
    requests = rng.randint(5, 30)
    for number in range(requests):
        now += round(rng.expovariate(1) * rng.choice((2e7, 2e8, 2e9)))
        prompt = rng.randint(1, capacity * 2 // 3)
        output = rng.choice((1, 2, 60, rng.randint(1, 400)))
        blocks = (0, *rng.choice(heads), *range(1000 * (number + 1), 1000 * (number + 1) + 99))[: -(-prompt // 512)]
        actions.append((now, "submit", (number, prompt, output, blocks, rng.randrange(count))))
        if rng.random() < 0.4:
            actions.append((now + rng.randrange(10**9), "move", (rng.randint(0, number), rng.randrange(count))))
        if rng.random() < 0.1:
            actions.append((now + rng.randrange(10**9), "slow", (rng.randrange(count), rng.choice((2.0, 1.3, 0.7)))))
        if rng.random() < 0.1:
            actions.append((now + rng.randrange(10**9), "replace", (rng.randrange(count),)))
        if rng.random() < 0.5:
            actions.append((now + rng.randrange(10**9), "look", ()))
    actions.sort(key=lambda action: action[0])
    return {
        "costs": costs,
        "capacity": capacity,
        "cache": rng.choice((3, 10, 100)),
        "chunk": rng.choice((100, 512, 2048)),
        "actions": actions,
    }


def check_against_the_slow_engine(case: dict[str, Any]) -> tuple[int, int]:
    """Run a case in both engines and compare all they say. Returns how many preemptions and moves it had."""
    fast = engine_of(case["costs"], case["capacity"], case["cache"], case["chunk"], 1000, 10**9)
    slow = SlowEngine(
        [SlowReplica(cost, case["capacity"], case["cache"], case["chunk"]) for cost in case["costs"]], 1000, 10**9
    )
    jobs: dict[int, Job] = {}
    slow_jobs: dict[int, SlowJob] = {}
    for now, what, arguments in case["actions"]:
        fast.advance(now)
        slow.advance(now)
        match what:
            case "submit":
                number, prompt, output, blocks, to = arguments
                jobs[number] = Job(number, now, prompt, output, blocks)
                slow_jobs[number] = SlowJob(number, now, prompt, output, blocks)
                fast.submit(jobs[number], to)
                slow.submit(slow_jobs[number], to)
            case "move":
                number, to = arguments
                if number in jobs:
                    assert jobs[number].state.value == slow_jobs[number].where
                    fast.move(jobs[number], to)
                    slow.move(slow_jobs[number], to)
            case "slow":
                number, factor = arguments
                fast.set_cost(number, case["costs"][number].slowed(factor))
                slow.set_cost(number, case["costs"][number].slowed(factor))
            case "replace":
                fast.replace(arguments[0])
                slow.replace(arguments[0])
        assert [
            {
                "queued": len(r.queue),
                "running": len(r.running),
                "kv": r.kv_tokens_at(now),
                "cache": sorted(r.cache._blocks),
            }
            for r in fast.replicas
        ] == state_of(slow), (now, what)
        for blocks in {job.blocks for job in slow_jobs.values()}:
            walked = [r.cache.match(blocks) for r in fast.replicas]
            assert fast.index.matches(blocks) == walked
    fast.drain()
    slow.advance(10**15)
    for number, job in jobs.items():
        other = slow_jobs[number]
        assert (job.first_token_ns, job.finish_ns, job.replica) == (other.first, other.finish, other.place), number
        assert job.state is State.DONE
    assert sorted(j.number for j in fast.fetch_finished()) == sorted(jobs)
    for replica in fast.replicas:
        assert (replica.kv_tokens, replica.decode_kv_tokens, replica.decodes, replica.queued_tokens) == (0, 0, 0, 0)
        assert not replica.running and not replica.queue
    return sum(r.preemptions for r in fast.replicas), sum(j.moves for j in jobs.values())


def test_two_hundred_random_cases_agree_with_the_slow_engine_to_the_nanosecond() -> None:
    preemptions = moves = 0
    for seed in range(200):
        more = check_against_the_slow_engine(random_case(random.Random(seed)))
        preemptions, moves = preemptions + more[0], moves + more[1]
    assert preemptions > 50 and moves > 200, "the cases no longer reach what is hard"


# By hand: a chunk of n tokens takes 10 + 3n (at least 100 with decodes), decodes 100 + 7b + 2K.


def submitted(engine: Engine, *jobs: Job, to: int = 0) -> None:
    for job in jobs:
        engine.advance(job.arrival_ns)
        engine.submit(job, to)


def test_one_request_goes_through_chunk_by_chunk_and_token_by_token() -> None:
    engine = engine_of([TINY], 1000, 10, 40)
    job = Job(0, 1000, 100, 4, (0,))
    submitted(engine, job)
    engine.drain()
    first = 1000 + (10 + 120) + (10 + 120) + (10 + 60)
    assert job.first_token_ns == first
    assert job.finish_ns == first + (107 + 2 * 100) + (107 + 2 * 101) + (107 + 2 * 102)
    assert (job.ttft_ns, job.tpot_ns) == (330, 309.0)
    assert engine.replicas[0].busy_ns == job.finish_ns - 1000


def test_a_chunk_joins_the_decodes_at_the_next_iteration_and_slows_them() -> None:
    engine = engine_of([TINY], 1000, 10, 40)
    early, late = Job(0, 0, 10, 10, (0,)), Job(1, 150, 60, 1, (1,))
    submitted(engine, early, late)
    engine.drain()
    # early: first token at 40, then iterations end at 167 (107 + 20), where the late one joins with 40, then 20 tokens
    with_forty, with_twenty = 10 + 120 + 7 + 2 * 11, 100 + 7 + 2 * 12
    assert late.admitted_ns == 167
    assert late.finish_ns == late.first_token_ns == 167 + with_forty + with_twenty
    assert early.finish_ns == late.finish_ns + sum(107 + 2 * kv for kv in range(13, 19))


def test_a_request_waits_until_its_prompt_and_a_token_for_all_decodes_fit() -> None:
    engine = engine_of([TINY], 100, 10, 1000)
    first, second = Job(0, 0, 50, 5, (0,)), Job(1, 1, 50, 2, (1,))
    submitted(engine, first, second)
    engine.drain()
    assert second.admitted_ns == first.finish_ns
    engine = engine_of([TINY], 100, 10, 1000)
    first, second = Job(0, 0, 50, 5, (0,)), Job(1, 1, 48, 2, (1,))
    submitted(engine, first, second)
    engine.drain()
    assert second.admitted_ns == first.first_token_ns == 160


def test_the_request_admitted_last_is_computed_again_when_memory_is_full() -> None:
    engine = engine_of([TINY], 110, 10, 1000)
    first, second = Job(0, 0, 50, 40, (0,)), Job(1, 1, 50, 40, (1,))
    submitted(engine, first, second)
    engine.drain()
    # 100 tokens of prompts, then two more in each iteration: five iterations fit
    assert engine.replicas[0].preemptions == second.restarts == 1
    assert first.restarts == 0
    assert second.finish_ns > first.finish_ns
    assert second.first_token_ns == 160 + (10 + 150 + 7 + 2 * 50)  # seen before it lost its memory: stays


def test_cached_blocks_are_not_computed_again_and_one_token_always_is() -> None:
    engine = engine_of([TINY], 10_000, 10, 10_000)
    jobs = [
        Job(0, 0, 1024, 1, (7, 8)),
        Job(1, 10_000, 1500, 1, (7, 8, 9)),
        Job(2, 20_000, 1024, 1, (7, 8)),
        Job(3, 30_000, 1024, 1, (7, 5)),
    ]
    submitted(engine, *jobs)
    engine.drain()
    assert [j.cached_tokens for j in jobs] == [0, 1024, 1023, 512]
    assert [j.ttft_ns for j in jobs] == [10 + 3 * 1024, 10 + 3 * 476, 10 + 3, 10 + 3 * 512]


def test_a_running_request_stands_still_while_its_memory_travels() -> None:
    engine = engine_of([TINY, TINY], 1000, 10, 1000, kv_bytes=3, link=10**9)
    job = Job(0, 0, 10, 4, (0,))
    submitted(engine, job)
    engine.advance(50)  # first token at 40; the iteration in progress ends at 167 with 11 tokens of KV
    engine.move(job, 1)
    engine.advance(170)
    assert job.state is State.MOVING
    engine.move(job, 0)  # on its way: nothing happens
    engine.drain()
    assert (job.replica, job.moves) == (1, 1)
    assert job.finish_ns == 167 + 3 * 11 + (107 + 2 * 11) + (107 + 2 * 12)
    assert engine.replicas[0].kv_tokens == 0


def test_a_queued_request_is_at_another_replica_at_once() -> None:
    engine = engine_of([TINY, TINY], 1000, 10, 1000)
    first, second = Job(0, 0, 100, 1, (0,)), Job(1, 5, 100, 1, (1,))
    submitted(engine, first, second)
    engine.advance(7)
    engine.move(second, 1)
    engine.drain()
    assert (second.admitted_ns, second.finish_ns) == (7, 7 + 310)


def test_a_machine_is_slow_from_its_next_iteration_on() -> None:
    engine = engine_of([TINY], 1000, 10, 1000)
    job = Job(0, 0, 10, 4, (0,))
    submitted(engine, job)
    engine.advance(50)
    engine.set_cost(0, TINY.slowed(2))
    engine.drain()
    assert job.finish_ns == 40 + (107 + 20) + 2 * (107 + 22) + 2 * (107 + 24)


def test_an_empty_machine_in_its_place_starts_the_requests_again() -> None:
    engine = engine_of([TINY], 1000, 10, 1000)
    running, queued = Job(0, 0, 10, 4, (0,)), Job(1, 45, 20, 1, (1,))
    submitted(engine, running)
    submitted(engine, queued)
    engine.advance(50)
    engine.replace(0)
    engine.drain()
    # 11 tokens (the prompt and the first answer token) and 20 go in one chunk; the cache knows nothing
    assert running.first_token_ns == 40
    assert queued.finish_ns == 50 + 10 + 3 * 31
    assert running.finish_ns == queued.finish_ns + (107 + 2 * 11) + (107 + 2 * 12)
    assert (running.cached_tokens, queued.cached_tokens, running.restarts) == (0, 0, 1)
