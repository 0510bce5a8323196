"""Families d2moe and apex: against a second engine, what is refused, the figures, the programs."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import slow_ticks
from in_process import InProcess

from evaluators.moe_offloading.attention import Batch, Memory, checked_place, decoding, memory_of, served
from evaluators.moe_offloading.bits_engine import FULL, LEVELS, BitEngine, BitOrders
from evaluators.moe_offloading.bits_serving import checked_bits, serve_bits
from evaluators.moe_offloading.engine import Costs, Orders
from evaluators.moe_offloading.feedback import MOST_LETTERS
from evaluators.moe_offloading.figures import bound, compute, figures_of, file_of, stored
from evaluators.moe_offloading.reference import main
from evaluators.moe_offloading.serving import warm
from evaluators.moe_offloading.workload import (
    FAMILIES,
    AttentionCase,
    AttentionRecipe,
    BitCase,
    Recipe,
    digest,
    own_case,
)
from evolve.errors import UsageError
from evolve.evaluator import Infeasible, Split
from evolve.registry import load_problem

NEW = ("d2moe", "apex")
CASES = {
    "d2moe": BitCase("data/0", Recipe("mixtral", 0.3, ((32, 8, 1),)), "few"),
    "apex": AttentionCase("data/0", AttentionRecipe("olmoe", 0.2, ((4, 6, 4),), context=1500), "few"),
}
COUNT = 200


@pytest.fixture(scope="module", params=NEW)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def problem(family):
    return load_problem("moe_offloading", {"family": family})


def random_costs(rng, spare):
    layers, experts = rng.randint(1, 3), rng.randint(3, 5)
    fixed, gpu, base, token, load = (rng.randint(1, 6) for _ in range(5))
    room = rng.randint(experts * spare + spare, max(experts * spare + spare, layers * experts))
    return Costs(layers, experts, 2, fixed, gpu, 4 * base, 4 * token, 4 * load, 1.0, room)


def random_layer(rng, costs, keys):
    active = sorted(rng.sample(range(costs.experts), rng.randint(1, costs.experts)))
    tokens = [rng.choice([1, 2, 3, 200]) for _ in active]
    cpu = [rng.random() < 0.4 for _ in active]
    load = rng.sample(active, rng.randint(0, len(active)))
    return active, tokens, cpu, load, rng.sample(keys, rng.randint(0, 4)), rng.sample(keys, rng.randint(0, 5))


def bits_agree(number):
    rng = random.Random(number)
    costs = random_costs(rng, 2)
    keys = [(layer, e) for layer in range(costs.layers) for e in range(costs.experts)]
    keys += [(0, 0)] * max(0, 5 - len(keys))
    held, room = {}, FULL * costs.capacity
    for key in dict.fromkeys(rng.sample(keys, len(keys))):
        bits = rng.choice(LEVELS)
        if sum(held.values()) + bits <= room and rng.random() < 0.7:
            held[key] = bits
    engine, slow = BitEngine(costs, dict(held)), slow_ticks.Machine(held, room, costs.layers)

    def load_us(bits):
        return costs.load_us * bits // 4

    slow.wait(costs.fixed_us, load_us)
    for k in range(10):
        layer = k % costs.layers
        active, tokens, cpu, load, prefetch, evict = random_layer(rng, costs, keys)
        bits = [rng.choice(LEVELS) for _ in active]
        wanted = [(key, rng.choice(LEVELS)) for key in prefetch]
        needed = [((layer, e), b, n, c) for e, b, n, c in zip(active, bits, tokens, cpu, strict=True)]
        work = sum(costs.on_cpu_us(n) * b // 4 for _, b, n, c in needed if c)
        end = engine.layer(layer, active, tokens, BitOrders(cpu, bits, load, wanted, evict))
        assert end == slow.layer(needed, (load, wanted, evict), load_us, costs.on_gpu_us, work), (number, k)
        slow.wait(costs.fixed_us, load_us)
        assert engine.now_us == slow.now
        assert engine.held == slow.sizes
        assert sum(engine.held.values()) == engine.used <= room
        assert {key: int(engine.bits[key]) for key in zip(*engine.bits.nonzero(), strict=True)} == engine.held
        assert engine.loaded_bits == slow.moved
        flying = engine.flying()
        assert (None if slow.transfer is None else (slow.transfer[1], slow.transfer[2])) == flying


def attention_agrees(number):
    rng = random.Random(number)
    costs = random_costs(rng, 2)
    memory = Memory(
        costs.layers, 0, rng.randint(2, 5), rng.choice([200, 1000]), rng.randint(0, 400), rng.randint(0, 900)
    )
    keys = [(layer, e) for layer in range(costs.layers) for e in range(costs.experts)]
    keys += [(0, 0)] * max(0, 5 - len(keys))
    popularity = np.array([[rng.random() for _ in range(costs.experts)] for _ in range(costs.layers)])
    contexts = [[rng.randint(3, 15) for _ in range(rng.randint(1, 3))] for _ in range(2)]
    most = max(sum(one) + 5 * len(one) for one in contexts)
    room_kb = costs.capacity * memory.expert_kb + most * memory.kv_bytes * costs.layers // 1000 + 1
    memory = Memory(costs.layers, room_kb, memory.expert_kb, memory.kv_bytes, memory.gpu_kv_ns, memory.cpu_kv_ns)
    slow = slow_ticks.Machine(dict.fromkeys(warm(costs, popularity), 1), costs.capacity, costs.layers)
    requests, calls, places, ends = [], {}, [], []

    def load_us(_):
        return costs.load_us

    for before in contexts:
        steps, on_cpu, total = [], [0] * len(before), 0
        for t in range(rng.randint(1, 4)):
            on_cpu = [int(there or rng.random() < 0.3) for there in on_cpu]
            places.append(on_cpu)
            gpu = sum(tokens + t for tokens, there in zip(before, on_cpu, strict=True) if not there)
            cpu = sum(tokens + t for tokens, there in zip(before, on_cpu, strict=True) if there)
            kb = (gpu + on_cpu.count(0)) * memory.kv_bytes * costs.layers // 1000
            slow.shrink(min(costs.layers * costs.experts, (room_kb - kb) // memory.expert_kb))
            began, active_of, tokens_of = slow.now, [], []
            for layer in range(costs.layers):
                slow.wait(costs.fixed_us + gpu * memory.gpu_kv_ns // 1000, load_us)
                active, tokens, on, load, prefetch, evict = random_layer(rng, costs, keys)
                active_of.append(active)
                tokens_of.append(tokens)
                calls[len(places) - 1, layer] = Orders(on, load, prefetch, evict)
                needed = [((layer, e), 1, n, c) for e, n, c in zip(active, tokens, on, strict=True)]
                work = cpu * memory.cpu_kv_ns // 1000 + sum(costs.on_cpu_us(n) for _, _, n, c in needed if c)
                wanted = [(key, 1) for key in prefetch]
                slow.layer(needed, (load, wanted, evict), load_us, costs.on_gpu_us, work)
            total += slow.now - began
            steps.append(SimpleNamespace(active=active_of, tokens=tokens_of))
        requests.append(steps)
        ends.append(total)
    engines = []

    def decide(number, step, layer, engine):
        engines[:] = [engine]
        return calls[number, layer]

    found = served(costs, memory, popularity, requests, contexts, lambda batch: places[batch.step], decide)
    assert list(found.decode_us) == ends, number
    assert set(engines[0].arrival) == set(slow.sizes)
    assert (found.counts.on_demand + found.counts.prefetched) == slow.moved
    assert {tuple(key) for key in zip(*map(list, engines[0].mask.nonzero()), strict=True)} == set(slow.sizes)


@pytest.mark.slow
@pytest.mark.parametrize("agree", [bits_agree, attention_agrees])
def test_layers_end_in_more_cases_when_those_of_the_second_engine_do(agree):
    for number in range(COUNT):
        agree(number)


@pytest.mark.parametrize("agree", [bits_agree, attention_agrees])
def test_layers_end_when_those_of_the_second_engine_do(agree):
    for number in range(25):
        agree(number)


def test_only_missing_bits_are_loaded_and_first_bits_can_be_used_meanwhile():
    costs = Costs(2, 4, 2, 600, 250, 0, 2200, 4200, 99.0, 6)
    engine = BitEngine(costs, {(0, 0): 4, (1, 0): 2})
    assert engine.layer(0, [0], [1], BitOrders([False], [8])) == 600 + 4200 + 250
    engine.layer(0, [0], [1], BitOrders([False], [8], prefetch=[((1, 0), 4)]))
    assert engine.flying() == ((1, 0), 2)
    begun = engine.now_us
    assert engine.layer(1, [0], [1], BitOrders([False], [2])) == begun + 250
    assert BitEngine(costs, {}).layer(0, [0], [3], BitOrders([True], [2])) == 600 + 3300


BIT_COSTS = Costs(2, 4, 2, 600, 250, 0, 2200, 4200, 99.0, 6)
RIGHT = {"device": [0, 1], "bits": [4, 2]}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 1], r"the answer is \[0, 1\]"),
        ({"device": [0, 1]}, "expected a dict with 'device', 'bits'"),
        (RIGHT | {"bits": [4]}, "bits has 1 numbers, expected 2"),
        (RIGHT | {"bits": [4, 3]}, "bits of expert 3 is 3, expected 2, 4 or 8"),
        (RIGHT | {"bits": [4, 4.0]}, r"bits of expert 3 is 4\.0"),
        (RIGHT | {"bits": [True, 4]}, "bits of expert 1 is True"),
        (RIGHT | {"device": [0, 2]}, "device of expert 3 is 2"),
        (RIGHT | {"prefetch": [[0, 1]]}, r"expected \(layer, expert, bits\)"),
        (RIGHT | {"prefetch": [[0, 1, 5]]}, "expected 2, 4 or 8 bits"),
        (RIGHT | {"prefetch": [[2, 1, 4]]}, r"prefetch holds \[2, 1\], expected layers 0\.\.1"),
        (RIGHT | {"evict": [[0, 1, 4]]}, "expected pairs"),
    ],
)
def test_a_wrong_answer_about_bits_is_refused_with_what_it_holds(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_bits(answer, [1, 3], BIT_COSTS)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, r"the answer of place is None"),
        ([1], "place answers 1 numbers, expected 2"),
        ([1, 1, 1], "3 long"),
        ([1, 0.5], r"place of sequence 1 is 0\.5"),
        ([0, 1], "place of sequence 0 is 0, but its KV has left the GPU"),
        ([1, True], "place of sequence 1 is True"),
    ],
)
def test_a_wrong_place_of_attention_is_refused(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_place(answer, Batch(3, False, [10, 20], [1, 0], 2))


def test_a_request_with_too_few_bits_is_infeasible_and_named():
    source = "class BitPolicy:\n    def __init__(self, model): pass\n    def layer(self, obs):\n"
    source += "        n = len(obs.active)\n        return {'device': [0] * n, 'bits': [4 if obs.prefill else 2] * n}\n"
    evaluator = load_problem("moe_offloading", {"family": "d2moe"}).evaluator
    with pytest.raises(Infeasible, match=r"request 0: its experts were computed with 2\.222 bits.* at least 3\.5"):
        evaluator.evaluate(InProcess(source), CASES["d2moe"])


def test_batches_whose_kv_leaves_no_room_for_experts_are_infeasible_and_named():
    case = CASES["apex"]
    costs, memory = case.costs, memory_of(case)
    small = Memory(*[getattr(memory, f) if f != "room_kb" else 10 * memory.expert_kb for f in memory.__annotations__])
    with pytest.raises(Infeasible, match=r"pass 0: beside the KV of \d+ tokens on the GPU there is room for 0 experts"):
        served(costs, small, case.gates().popularity, decoding(case), case.contexts, lambda b: [0] * 4, None)


def test_kept_figures_lie_in_order_and_are_of_these_cases(family, problem):
    for split in FAMILIES[family]:
        for case in problem.evaluator.instances(split):
            found = figures_of(case)
            assert found.bound < found.reference < found.naive
            assert stored(family).digests[case.id] == digest(case)


@pytest.mark.slow
def test_kept_figures_are_computed_again(family):
    for index in (0, 4):
        case = own_case(Split.TRAIN, index, stored(family).attempts[Split.TRAIN][index], family)
        assert compute(case) == stored(family).figures[case.id]


def test_the_script_writes_the_very_bytes_that_are_kept(family, problem, tmp_path, monkeypatch):
    kept = stored(family)

    def known(split, index, asked):
        case = problem.evaluator.instances(split)[index]
        return kept.attempts[split][index], case, kept.figures[case.id]

    monkeypatch.setattr("evaluators.moe_offloading.reference.accepted", known)
    main(family, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == file_of(family).read_bytes()


NAIVE = {"d2moe": "bits4_on_demand", "apex": "gpu_attention"}
BASELINES = {
    "d2moe": {"bits4_on_demand", "bits4_split", "hottest_bits_first", "hybrid_bits"},
    "apex": {"gpu_attention", "cpu_attention", "profiled_attention"},
}


def test_naive_and_seed_score_0_and_others_are_told_apart(family, problem):
    case = CASES[family]
    assert set(problem.baselines) == BASELINES[family]
    sources = problem.baselines | {"seed": problem.seed}
    outcomes = {name: problem.evaluator.evaluate(InProcess(source), case) for name, source in sources.items()}
    scores = {name: outcome.score for name, outcome in outcomes.items()}
    assert scores["seed"] == scores[NAIVE[family]] == pytest.approx(0, abs=1e-9)
    assert len({round(score, 2) for score in scores.values()}) == len(BASELINES[family])
    assert max(scores.values()) > 20
    least = bound(case).cost_ms
    for outcome in outcomes.values():
        assert outcome.metrics["cost_ms"] > least
        assert len(outcome.feedback) <= MOST_LETTERS
        assert ("mean bits" if family == "d2moe" else "% of the attention") in outcome.feedback


def test_bits_that_are_told_to_be_spare_are_those_that_are_counted():
    told = []

    def decide(number, step, layer, engine, spare):
        told.append(spare)
        count = len(step.active[layer])
        return BitOrders([True] * count, [(4, 8)[layer % 2]] * count)

    found = serve_bits(CASES["d2moe"], decide)
    assert told[:4] == pytest.approx([0, 0.5, 5, 5.5])
    assert found.bits == (pytest.approx(6),)


def test_a_family_that_is_not_known_is_named():
    with pytest.raises(UsageError, match=r"evaluator\.family = 'dense'"):
        load_problem("moe_offloading", {"family": "dense"})
