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
