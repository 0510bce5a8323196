"""Family d2moe: a case served as a program orders, the check of its answers, and of the bits that it computes with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.moe_offloading.bits_engine import FULL, LEVELS, BitEngine, BitOrders
from evaluators.moe_offloading.engine import Costs, Key
from evaluators.moe_offloading.gates import Step
from evaluators.moe_offloading.serving import MOST_EVICT, MOST_PREFETCH, Served, checked_device, keys_of, list_of, warm
from evaluators.moe_offloading.workload import Case
from evolve.evaluator import Infeasible, Record, pack

LEAST_MEAN_BITS = 3.5
SLACK = 1e-9
KEYS = ("device", "bits", "load_order", "prefetch", "evict")


class BitModel(Record, frozen=True):
    """What a policy is made with; see problem.md."""

    layers: int
    experts: int
    top_k: int
    room_bits: int
    fixed_us: int
    gpu_us: int
    cpu_base_us: int
    cpu_token_us: int
    load_us: int
    popularity: Any
    bits: Any


class BitSeen(Record, frozen=True):
    """What a policy sees in a layer; see problem.md."""

    step: int
    layer: int
    prefill: bool
    active: list[int]
    tokens: list[int]
    gate: Any
    ahead: Any
    bits: Any
    flying: list[int]
    link_free_us: int
    spare_bits: float


Ask = Callable[[BitSeen], Any]
Decide = Callable[[int, Step, int, BitEngine, float], BitOrders]
"""(number of the pass, pass, layer, engine, bits to spare) -> orders."""


@dataclass(frozen=True)
class BitsServed(Served):
    """A case that is done. bits: per request, the mean that its experts were computed with; gb: loaded."""

    bits: tuple[float, ...]
    gb: float


def engine_of(case: Case) -> BitEngine:
    """Return the engine at the start: the most popular experts are on the GPU, with 4 bits."""
    return BitEngine(case.costs, dict.fromkeys(warm(case.costs, case.gates().popularity), FULL))


def bit_model_of(case: Case) -> BitModel:
    """Return what a policy is made with, arrays packed."""
    costs, engine = case.costs, engine_of(case)
    return BitModel(
        costs.layers,
        costs.experts,
        costs.top_k,
        engine.room,
        costs.fixed_us,
        costs.gpu_us,
        costs.cpu_base_us,
        costs.cpu_token_us,
        costs.load_us,
        pack(case.gates().popularity),
        pack(engine.bits),
    )


def mean_bits(gate: Sequence[float], active: Sequence[int], bits: Sequence[int]) -> float:
    """Return the mean of the bits of a layer's active experts, weighted by their gate."""
    weights = [gate[expert] for expert in active]
    return sum(w * b for w, b in zip(weights, bits, strict=True)) / sum(weights)


def serve_bits(case: Case, decide: Decide) -> BitsServed:
    """Serve a case. Raises Infeasible that names a request whose mean bits are too few."""
    costs, engine = case.costs, engine_of(case)
    prefills, decodes, means, number = [], [], [], 0
    for place, steps in enumerate(case.gates().requests):
        times, spare = [0, 0], 0.0
        for step in steps:
            began = engine.now_us - costs.fixed_us
            ended = began
            for layer in range(costs.layers):
                orders = decide(number, step, layer, engine, spare)
                active = step.active[layer]
                spare += mean_bits(step.gate[layer].tolist(), active, orders.bits) - LEAST_MEAN_BITS
                ended = engine.layer(layer, active, step.tokens[layer], orders)
            times[0 if step.prefill else 1] += ended - began
            number += 1
        prefills.append(times[0])
        decodes.append(times[1])
        means.append(LEAST_MEAN_BITS + spare / (len(steps) * costs.layers))
        if means[-1] < LEAST_MEAN_BITS - SLACK:
            raise Infeasible(
                f"request {place}: its experts were computed with {means[-1]:.3f} bits, the mean weighted by the gate "
                f"over the layers of its {len(steps)} passes; expected at least {LEAST_MEAN_BITS}"
            )
    answers = tuple(sum(not step.prefill for step in steps) for steps in case.gates().requests)
    gb = engine.loaded_bits / FULL * costs.expert_mb / 1000
    return BitsServed(tuple(prefills), tuple(decodes), answers, engine.counts, tuple(means), gb)


def asking_bits(case: Case, ask: Ask) -> Decide:
    """Return how a program decides. Raises Infeasible that names the pass and the layer of a wrong answer."""
    costs = case.costs

    def decide(number: int, step: Step, layer: int, engine: BitEngine, spare: float) -> BitOrders:
        flying = engine.flying()
        seen = BitSeen(
            number,
            layer,
            step.prefill,
            step.active[layer],
            step.tokens[layer],
            pack(step.gate[layer]),
            pack(step.told[layer]),
            pack(engine.bits),
            [] if flying is None else [*flying[0], flying[1]],
            max(0, engine.link_free_us - engine.now_us),
            spare,
        )
        try:
            return checked_bits(ask(seen), step.active[layer], costs)
        except Infeasible as error:
            raise Infeasible(f"pass {number}, layer {layer}: {error}") from None

    return decide


def checked_bits(answer: Any, active: Sequence[int], costs: Costs) -> BitOrders:
    """Read an answer. Raises Infeasible that names what is wrong."""
    if not isinstance(answer, dict) or not answer.keys() <= set(KEYS) or not answer.keys() >= {"device", "bits"}:
        raise Infeasible(f"the answer is {answer!r:.60}, expected a dict with 'device', 'bits', perhaps {KEYS[2:]}")
    device, order = checked_device(answer, active)
    bits = list_of(answer["bits"], "bits", len(active))
    if len(bits) != len(active):
        raise Infeasible(f"bits has {len(bits)} numbers, expected {len(active)}, one for each active expert")
    for expert, one in zip(active, bits, strict=True):
        if type(one) is not int or one not in LEVELS:
            raise Infeasible(f"bits of expert {expert} is {one!r:.40}, expected 2, 4 or 8")
    prefetch: list[tuple[Key, int]] = []
    for found in list_of(answer.get("prefetch", ()), "prefetch", MOST_PREFETCH):
        if not isinstance(found, list | tuple) or len(found) != 3:
            raise Infeasible(f"prefetch holds {found!r:.40}, expected (layer, expert, bits), whole numbers")
        if type(found[2]) is not int or found[2] not in LEVELS:
            raise Infeasible(f"prefetch holds {found!r:.40}, expected 2, 4 or 8 bits")
        prefetch.append((keys_of([list(found[:2])], "prefetch", MOST_PREFETCH, costs)[0], found[2]))
    return BitOrders(device, bits, order, prefetch, keys_of(answer.get("evict", ()), "evict", MOST_EVICT, costs))
