"""The engine against a second one on simpy, and by hand."""

from __future__ import annotations

import random

import pytest
import slow_offloading

from evaluators.moe_offloading.engine import Costs, Engine, Orders


def random_costs(rng):
    layers, experts = rng.randint(1, 4), rng.randint(3, 6)
    room = rng.randint(experts + 2, max(experts + 2, layers * experts))
    times = [rng.randint(1, 9) for _ in range(5)]
    return Costs(layers, experts, 2, times[0], times[1], times[2], times[3], 3 * times[4], 1.0, room)


def random_calls(rng, costs, count):
    keys = [(layer, e) for layer in range(costs.layers) for e in range(costs.experts)]
    calls = []
    for number in range(count):
        active = sorted(rng.sample(range(costs.experts), rng.randint(1, costs.experts)))
        tokens = [rng.choice([1, 2, 5, 200]) for _ in active]
        cpu = [rng.random() < 0.4 for _ in active]
        load = rng.sample(active, rng.randint(0, len(active)))
        prefetch = rng.sample(keys, rng.randint(0, min(4, len(keys))))
        evict = rng.sample(keys, rng.randint(0, min(6, len(keys))))
        calls.append((number % costs.layers, active, tokens, Orders(cpu, load, prefetch, evict)))
    return calls


def test_layers_end_when_those_of_the_second_engine_do_and_nothing_is_lost():
    for number in range(200):
        rng = random.Random(number)
        costs = random_costs(rng)
        keys = [(layer, e) for layer in range(costs.layers) for e in range(costs.experts)]
        cached = rng.sample(keys, min(costs.capacity, len(keys)))
        calls = random_calls(rng, costs, 12)
        ends, busy_us, there = slow_offloading.run(costs, cached, calls)
        engine = Engine(costs, dict.fromkeys(cached, 0))
        for place, (layer, active, tokens, orders) in enumerate(calls):
            needed = engine.counts.needed
            assert engine.layer(layer, active, tokens, orders) == ends[place], (number, place)
            counts = engine.counts
            assert len(engine.arrival) <= costs.capacity
            assert {tuple(key) for key in zip(*map(list, engine.mask.nonzero()), strict=True)} == set(engine.arrival)
            assert counts.needed - needed == len(active)
            assert counts.needed == counts.hits + counts.on_demand + counts.on_cpu  # each is computed once
        assert set(engine.arrival) == there, number
        assert (engine.counts.on_demand + engine.counts.prefetched) * costs.load_us == busy_us


COSTS = Costs(2, 4, 2, 600, 250, 0, 2200, 4200, 99.0, 6)


def engine_with(*keys):
    return Engine(COSTS, dict.fromkeys(keys, 0))


def test_what_is_there_is_computed_while_the_rest_is_loaded():
    engine = engine_with((0, 0))
    assert engine.layer(0, [0, 1], [1, 1], Orders([False, False])) == 600 + 4200 + 250
    assert engine.now_us == 600 + 4450 + 600
    assert engine.layer(1, [2], [128], Orders([False])) == engine.link_free_us + 500  # twice 64 tokens


def test_two_on_the_cpu_end_just_before_one_is_loaded():
    """The trap of greedy splits on Mixtral: 4.4 ms always beat 4.45, so that nothing is ever loaded."""
    assert engine_with().layer(0, [0, 1], [1, 1], Orders([True, True])) == 600 + 4400
    assert engine_with().layer(0, [0, 1], [1, 1], Orders([False, True])) == 600 + 4450


def test_a_prefetch_begins_while_the_layer_computes_and_blocks_the_next_load():
    engine = engine_with((0, 0))
    engine.layer(0, [0], [1], Orders([False], prefetch=[(1, 3), (1, 2)]))
    assert (engine.link_free_us, engine.flying()) == (600 + 4200, (1, 3))
    assert (1, 2) not in engine.arrival  # it had not begun
    assert engine.layer(1, [0], [1], Orders([False])) == 600 + 2 * 4200 + 250


def test_room_is_made_as_asked_then_by_least_recent_use_never_of_what_is_in_use():
    full = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    engine = engine_with(*full)
    engine.layer(0, [0, 3], [1, 1], Orders([False, False]))
    assert (0, 1) not in engine.arrival  # (0, 0), the least recently used, is in use
    engine = engine_with(*full)
    engine.layer(0, [0, 3], [1, 1], Orders([False, False], evict=[(0, 0), (1, 1)]))
    assert (1, 1) not in engine.arrival
    assert len(engine.arrival) == 6


@pytest.mark.parametrize(("tokens", "us"), [(1, 250), (64, 250), (128, 500)])
def test_the_gpu_is_flat_up_to_64_tokens(tokens, us):
    assert COSTS.on_gpu_us(tokens) == us
    assert COSTS.on_cpu_us(tokens) == 2200 * tokens
