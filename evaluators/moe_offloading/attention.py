"""Family apex: batches with long contexts, whose attention the GPU or the CPU computes, sequence by sequence.

The GPU's memory holds experts and the KV of the sequences whose attention it computes; the rest of the KV is in the
host's memory alone. The CPU's attention of a layer runs beside the experts of the layer, before the CPU's own experts:
sequences of the CPU are half a layer behind the others. Only decoding is played: prompts have been computed. Host
memory has a copy of all KV, so that a sequence goes to the CPU for nothing; it does not come back. Source: Fan 2025
(APEX), asynchronous overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.moe_offloading.engine import Costs, Engine, Key, Orders
from evaluators.moe_offloading.gates import Step
from evaluators.moe_offloading.serving import Served, checked, list_of, warm
from evaluators.moe_offloading.workload import KV_BYTES, AttentionCase
from evolve.evaluator import Infeasible, Record, pack

GPU_GB_S, CPU_GB_S = 240, 24
"""What attention reads KV with: 0.75 of a T4's 320 GB/s; of a CPU a tenth of that."""


class AttentionModel(Record, frozen=True):
    """What a policy is made with; see problem.md."""

    layers: int
    experts: int
    top_k: int
    room_kb: int
    expert_kb: int
    kv_bytes: int
    gpu_kv_ns: int
    cpu_kv_ns: int
    fixed_us: int
    gpu_us: int
    cpu_base_us: int
    cpu_token_us: int
    load_us: int
    popularity: Any
    cached: Any


class Batch(Record, frozen=True):
    """What a policy sees before a pass; see problem.md."""

    step: int
    first: bool
    kv_tokens: list[int]
    on_cpu: list[int]
    sequences: int


class AttentionSeen(Record, frozen=True):
    """What a policy sees in a layer; see problem.md."""

    step: int
    layer: int
    active: list[int]
    tokens: list[int]
    gate: Any
    ahead: Any
    cached: Any
    room: int
    flying: list[int]
    link_free_us: int
    cpu_ahead_us: int


Place = Callable[[Batch], Sequence[int]]
"""Per sequence: 0, the GPU computes its attention, or 1, the CPU."""
Decide = Callable[[int, Step, int, Engine], Orders]


@dataclass(frozen=True)
class Memory:
    """What attention takes in a case. room_kb: of experts and KV together."""

    layers: int
    room_kb: int
    expert_kb: int
    kv_bytes: int
    gpu_kv_ns: int
    cpu_kv_ns: int

    def room(self, tokens: int) -> int:
        """Return how many experts there is room for beside the KV of so many tokens."""
        return (self.room_kb - tokens * self.kv_bytes * self.layers // 1000) // self.expert_kb

    def gpu_us(self, tokens: int) -> int:
        """Return how long the GPU takes for attention over so many tokens in a layer."""
        return tokens * self.gpu_kv_ns // 1000

    def cpu_us(self, tokens: int) -> int:
        """Return how long the CPU takes."""
        return tokens * self.cpu_kv_ns // 1000


@dataclass(frozen=True)
class AttentionServed(Served):
    """A case that is done. cpu_tokens, all_tokens: that attention read, over all passes; room: of experts, the mean."""

    cpu_tokens: int
    all_tokens: int
    room: float


def memory_of(case: AttentionCase) -> Memory:
    """Return what attention takes: there is room for the recipe's experts beside all KV of the largest batch."""
    costs, recipe = case.costs, case.recipe
    kv = KV_BYTES[recipe.model]
    most = max(
        sum(contexts) + batch * answer
        for contexts, (_, answer, batch) in zip(case.contexts, recipe.requests, strict=True)
    )
    expert_kb = round(1000 * costs.expert_mb)
    return Memory(
        costs.layers,
        costs.capacity * expert_kb + most * kv * costs.layers // 1000 + 1,
        expert_kb,
        kv,
        round(kv / GPU_GB_S),
        round(kv / CPU_GB_S) * recipe.cpu,
    )


def least_room(costs: Costs) -> int:
    """Return how many experts there must be room for, come what may: all of a layer, and one that is on its way."""
    return min(costs.experts + 1, costs.layers * costs.experts)


def serve_attention(case: AttentionCase, place: Place, decide: Decide) -> AttentionServed:
    """Serve a case. Raises Infeasible that names a pass without room for its experts."""
    costs, memory = case.costs, memory_of(case)
    return served(costs, memory, case.gates().popularity, decoding(case), case.contexts, place, decide)


def decoding(case: AttentionCase) -> list[list[Step]]:
    """Return the passes that are played, per request: those that are no prompts."""
    return [[step for step in steps if not step.prefill] for steps in case.gates().requests]


def served(
    costs: Costs,
    memory: Memory,
    popularity: Any,
    requests: Sequence[Sequence[Step]],
    contexts: Sequence[Sequence[int]],
    place: Place,
    decide: Decide,
) -> AttentionServed:
    """Serve requests from given contexts.

    popularity: (layers, experts).
    """
    engine = Engine(costs, dict.fromkeys(warm(costs, popularity), 0))
    engine.now_us = 0
    decodes, number, on_cpu_tokens, all_tokens, rooms = [], 0, 0, 0, 0
    for steps, before in zip(requests, contexts, strict=True):
        on_cpu: Sequence[int] = [0] * len(before)
        total = 0
        for t, step in enumerate(steps):
            began = ended = engine.now_us
            kv = [tokens + t for tokens in before]
            on_cpu = place(Batch(number, t == 0, kv, list(on_cpu), len(kv)))
            cpu_tokens = sum(n for n, there in zip(kv, on_cpu, strict=True) if there)
            gpu_tokens = sum(kv) - cpu_tokens
            # Each sequence writes the KV of one token more in this pass.
            room = min(costs.layers * costs.experts, memory.room(gpu_tokens + len(kv) - sum(on_cpu)))
            if room < least_room(costs):
                raise Infeasible(
                    f"pass {number}: beside the KV of {gpu_tokens} tokens on the GPU there is room for {max(0, room)} "
                    f"experts, expected at least {least_room(costs)}: leave more sequences to the CPU"
                )
            engine.shrink(room)
            engine.cpu_ahead_us = memory.cpu_us(cpu_tokens)
            gap_us = costs.fixed_us + memory.gpu_us(gpu_tokens)
            for layer in range(costs.layers):
                engine.fill(ended + gap_us)
                orders = decide(number, step, layer, engine)
                ended = engine.compute(layer, step.active[layer], step.tokens[layer], orders)
                engine.fill(ended)
            total += ended - began
            on_cpu_tokens += cpu_tokens
            all_tokens += cpu_tokens + gpu_tokens
            rooms += room
            number += 1
        decodes.append(total)
    answers = tuple(len(steps) for steps in requests)
    return AttentionServed(
        (0,) * len(decodes), tuple(decodes), answers, engine.counts, on_cpu_tokens, all_tokens, rooms / number
    )


def attention_model_of(case: AttentionCase) -> AttentionModel:
    """Return what a policy is made with, arrays packed."""
    costs, memory, popularity = case.costs, memory_of(case), case.gates().popularity
    engine = Engine(costs, dict.fromkeys(warm(costs, popularity), 0))
    return AttentionModel(
        costs.layers,
        costs.experts,
        costs.top_k,
        memory.room_kb,
        memory.expert_kb,
        memory.kv_bytes,
        memory.gpu_kv_ns,
        memory.cpu_kv_ns,
        costs.fixed_us,
        costs.gpu_us,
        costs.cpu_base_us,
        costs.cpu_token_us,
        costs.load_us,
        pack(popularity),
        pack(engine.mask),
    )


def asking_place(ask: Callable[[Batch], Any]) -> Place:
    """Return how a program places sequences. Raises Infeasible that names the pass of a wrong answer."""

    def place(batch: Batch) -> list[int]:
        try:
            return checked_place(ask(batch), batch)
        except Infeasible as error:
            raise Infeasible(f"pass {batch.step}: {error}") from None

    return place


def checked_place(answer: Any, batch: Batch) -> list[int]:
    """Read where attention is computed. Raises Infeasible that names what is wrong."""
    found = list_of(answer, "the answer of place", batch.sequences)
    if len(found) != batch.sequences:
        raise Infeasible(f"place answers {len(found)} numbers, expected {batch.sequences}, one for each sequence")
    for sequence, (before, one) in enumerate(zip(batch.on_cpu, found, strict=True)):
        if type(one) is not int or not 0 <= one <= 1:
            raise Infeasible(f"place of sequence {sequence} is {one!r:.40}, expected 0 (GPU) or 1 (CPU)")
        if before > one:
            raise Infeasible(f"place of sequence {sequence} is 0, but its KV has left the GPU: expected 1 from then on")
    return found


def asking_layer(case: AttentionCase, ask: Callable[[AttentionSeen], Any]) -> Decide:
    """Return how a program decides. Raises Infeasible that names the pass and the layer of a wrong answer."""
    costs = case.costs

    def decide(number: int, step: Step, layer: int, engine: Engine) -> Orders:
        flying: Key | None = engine.flying()
        seen = AttentionSeen(
            number,
            layer,
            step.active[layer],
            step.tokens[layer],
            pack(step.gate[layer]),
            pack(step.told[layer]),
            pack(engine.mask),
            engine.room,
            [] if flying is None else list(flying),
            max(0, engine.link_free_us - engine.now_us),
            engine.cpu_ahead_us,
        )
        try:
            return checked(ask(seen), step.active[layer], costs)
        except Infeasible as error:
            raise Infeasible(f"pass {number}, layer {layer}: {error}") from None

    return decide
