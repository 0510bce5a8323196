"""Prefix caches: what goes first, what matches, and the published trace's hit rates."""

from __future__ import annotations

import random
from typing import Literal

import pytest

from evaluators.serving import CacheIndex, PrefixCache
from evaluators.serving.requests import best_prefix_tokens
from evaluators.serving.traces import mooncake_trace


def test_the_least_recently_used_goes_first_and_of_one_prompt_its_end() -> None:
    cache = PrefixCache(4, CacheIndex(1), 0)
    cache.store((1, 2, 3))
    cache.store((8,))
    cache.store((1, 2))
    cache.store((9,))  # 3 is the oldest
    assert [cache.match(p) for p in ((1, 2, 3), (8,), (9,), (5,))] == [2, 1, 1, 0]
    cache.store((1, 2, 3, 4))  # 8 and 9 go
    assert (cache.match((1, 2, 3, 4)), cache.match((8,)), cache.match((9,)), cache.evictions) == (4, 0, 0, 3)
    cache.store((1, 2, 3, 4, 5, 6))  # more than there is room for: its beginning stays
    assert (cache.match((1, 2, 3, 4, 5, 6)), len(cache)) == (4, 4)


def test_a_block_behind_a_hole_does_not_match() -> None:
    cache = PrefixCache(2, CacheIndex(1), 0)
    cache.store((1, 2, 3))
    assert cache.match((1, 7, 2)) == 1
    assert cache.match((7, 1, 2)) == 0


def test_the_index_says_of_every_replica_what_its_cache_matches() -> None:
    rng = random.Random(0)
    index = CacheIndex(5)
    caches = [PrefixCache(rng.randint(3, 12), index, number) for number in range(5)]
    prompts = [tuple(rng.sample(range(8), rng.randint(1, 6))) for _ in range(60)]
    for prompt in prompts:
        assert index.matches(prompt) == [cache.match(prompt) for cache in caches]
        rng.choice(caches).store(prompt)
        if rng.random() < 0.05:
            rng.choice(caches).clear()


@pytest.mark.parametrize(
    ("trace", "rates"),
    [
        ("conversation", {1000: 0.045, 3000: 0.067, 10_000: 0.216, 30_000: 0.332, 50_000: 0.362, None: 0.374}),
        ("synthetic", {1000: 0.086, 3000: 0.194, 10_000: 0.432, 30_000: 0.636, 50_000: 0.651, None: 0.651}),
    ],
)
def test_one_cache_of_the_published_trace_hits_as_often_as_measured(
    trace: Literal["conversation", "synthetic"], rates: dict[int | None, float]
) -> None:
    requests = mooncake_trace(trace)
    total = requests.input_tokens.sum()
    for capacity, rate in rates.items():
        if capacity is None:
            found = best_prefix_tokens(requests).sum() / total
        else:
            cache = PrefixCache(capacity, CacheIndex(1), 0)
            hit = 0
            for blocks, tokens in zip(requests.blocks, requests.input_tokens.tolist(), strict=True):
                hit += min(512 * cache.match(blocks), tokens)
                cache.store(blocks)
            found = hit / total
        assert found == pytest.approx(rate, abs=0.0007), capacity
