"""A case served: each request's passes, layer by layer, as a policy orders; and the check of its answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.moe_offloading.engine import Costs, Counts, Engine, Key, Orders
from evaluators.moe_offloading.gates import Gates, Step
from evaluators.moe_offloading.workload import Case
from evolve.evaluator import Infeasible, Record, pack

MOST_PREFETCH, MOST_EVICT = 8, 64
PREFILL_WEIGHT = 1 / 20
KEYS = ("device", "load_order", "prefetch", "evict")


class Model(Record, frozen=True):
    """What a policy is made with; see problem.md."""

    layers: int
    experts: int
    top_k: int
    room: int
    fixed_us: int
    gpu_us: int
    cpu_base_us: int
    cpu_token_us: int
    load_us: int
    popularity: Any
    cached: Any


class Seen(Record, frozen=True):
    """What a policy sees in a layer; see problem.md."""

    step: int
    layer: int
    prefill: bool
    active: list[int]
    tokens: list[int]
    gate: Any
    ahead: Any
    cached: Any
    flying: list[int]
    link_free_us: int


Ask = Callable[[Seen], Any]


@dataclass(frozen=True)
class Served:
    """A case that is done. prefill_us, decode_us: per request, of all of its passes of a kind."""

    prefill_us: tuple[int, ...]
    decode_us: tuple[int, ...]
    answers: tuple[int, ...]
    counts: Counts

    @property
    def cost_ms(self) -> float:
        """Return what is to be small: decode ms a token + prefill ms / 20, the geometric mean over requests."""
        logs = [
            math.log((decode / tokens + PREFILL_WEIGHT * prefill) / 1000)
            for prefill, decode, tokens in zip(self.prefill_us, self.decode_us, self.answers, strict=True)
        ]
        return math.exp(math.fsum(logs) / len(logs))

    @property
    def tokens_s(self) -> float:
        """Return the decode passes per second."""
        return 1e6 * sum(self.answers) / sum(self.decode_us)


def warm(costs: Costs, popularity: np.ndarray) -> list[Key]:
    """Return the experts that are on the GPU at the start: the most popular, the least popular of them first.

    popularity: (layers, experts).
    """
    order = np.argsort(-popularity, axis=None, kind="stable")[: costs.capacity]
    return [divmod(int(place), costs.experts) for place in order[::-1]]


def model_of(costs: Costs, gates: Gates) -> Model:
    """Return what a policy is made with, arrays packed."""
    engine = Engine(costs, dict.fromkeys(warm(costs, gates.popularity), 0))
    return Model(
        costs.layers,
        costs.experts,
        costs.top_k,
        costs.capacity,
        costs.fixed_us,
        costs.gpu_us,
        costs.cpu_base_us,
        costs.cpu_token_us,
        costs.load_us,
        pack(gates.popularity),
        pack(engine.mask),
    )


def serve(case: Case, decide: Callable[[int, Step, int, Engine], Orders]) -> Served:
    """Serve a case. decide: (number of the pass, pass, layer, engine) -> orders."""
    costs, gates = case.costs, case.gates()
    engine = Engine(costs, dict.fromkeys(warm(costs, gates.popularity), 0))
    prefills, decodes, number = [], [], 0
    for steps in gates.requests:
        times = [0, 0]
        for step in steps:
            began = engine.now_us - costs.fixed_us
            ended = began
            for layer in range(costs.layers):
                orders = decide(number, step, layer, engine)
                ended = engine.layer(layer, step.active[layer], step.tokens[layer], orders)
            times[0 if step.prefill else 1] += ended - began
            number += 1
        prefills.append(times[0])
        decodes.append(times[1])
    answers = tuple(sum(not step.prefill for step in steps) for steps in gates.requests)
    return Served(tuple(prefills), tuple(decodes), answers, engine.counts)


def asking(case: Case, ask: Ask) -> Callable[[int, Step, int, Engine], Orders]:
    """Return how a program decides. Raises Infeasible that names the pass and the layer of a wrong answer."""
    costs = case.costs

    def decide(number: int, step: Step, layer: int, engine: Engine) -> Orders:
        flying = engine.flying()
        seen = Seen(
            number,
            layer,
            step.prefill,
            step.active[layer],
            step.tokens[layer],
            pack(step.gate[layer]),
            pack(step.told[layer]),
            pack(engine.mask),
            [] if flying is None else list(flying),
            max(0, engine.link_free_us - engine.now_us),
        )
        try:
            return checked(ask(seen), step.active[layer], costs)
        except Infeasible as error:
            raise Infeasible(f"pass {number}, layer {layer}: {error}") from None

    return decide


def checked(answer: Any, active: Sequence[int], costs: Costs) -> Orders:
    """Read an answer. Raises Infeasible that names what is wrong."""
    if not isinstance(answer, dict) or not answer.keys() <= set(KEYS) or "device" not in answer:
        raise Infeasible(f"the answer is {answer!r:.60}, expected a dict with 'device' and perhaps {KEYS[1:]}")
    device, order = checked_device(answer, active)
    return Orders(
        device,
        order,
        keys_of(answer.get("prefetch", ()), "prefetch", MOST_PREFETCH, costs),
        keys_of(answer.get("evict", ()), "evict", MOST_EVICT, costs),
    )


def checked_device(answer: dict[str, Any], active: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """Read device and load_order of an answer. Raises Infeasible."""
    device = list_of(answer["device"], "device", len(active))
    if len(device) != len(active):
        raise Infeasible(f"device has {len(device)} numbers, expected {len(active)}, one for each active expert")
    for expert, one in zip(active, device, strict=True):
        if type(one) is not int or not 0 <= one <= 1:
            raise Infeasible(f"device of expert {expert} is {one!r:.40}, expected 0 (GPU) or 1 (CPU)")
    order = list_of(answer.get("load_order", ()), "load_order", len(active))
    for one in order:
        if type(one) is not int or one not in active:
            raise Infeasible(f"load_order holds {one!r:.40}, expected active experts, {list(active)!r:.60}")
    return device, order


def list_of(value: Any, what: str, most: int) -> list[Any]:
    """Read a list of at most so many. what: it is, for the messages. Raises Infeasible."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple) or len(value) > most:
        found = f"{len(value)} long" if isinstance(value, list | tuple) else f"{value!r:.40} ({type(value).__name__})"
        raise Infeasible(f"{what} is {found}, expected a list of at most {most}")
    return list(value)


def keys_of(value: Any, what: str, most: int, costs: Costs) -> list[Key]:
    """Read pairs (layer, expert). Raises Infeasible."""
    keys = []
    for pair in list_of(value, what, most):
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(type(one) is int for one in pair):
            raise Infeasible(f"{what} holds {pair!r:.40}, expected pairs (layer, expert) of whole numbers")
        if not (0 <= pair[0] < costs.layers and 0 <= pair[1] < costs.experts):
            raise Infeasible(
                f"{what} holds {pair!r:.40}, expected layers 0..{costs.layers - 1}, experts 0..{costs.experts - 1}"
            )
        keys.append((pair[0], pair[1]))
    return keys


def serve_by(case: Case, policy: Any) -> Served:
    """Serve a case with a policy of ours, in this process: only its figures are asked for, not a score."""

    def ask(seen: Seen) -> Any:
        return policy.layer(seen)

    return serve(case, _in_process(case, ask))


def _in_process(case: Case, ask: Ask) -> Callable[[int, Step, int, Engine], Orders]:
    """Return how a program of this process decides: arrays as they are."""

    def decide(number: int, step: Step, layer: int, engine: Engine) -> Orders:
        flying = engine.flying()
        seen = Seen(
            number,
            layer,
            step.prefill,
            step.active[layer],
            step.tokens[layer],
            step.gate[layer],
            step.told[layer],
            engine.mask.copy(),
            [] if flying is None else list(flying),
            max(0, engine.link_free_us - engine.now_us),
        )
        return checked(ask(seen), step.active[layer], case.costs)

    return decide
