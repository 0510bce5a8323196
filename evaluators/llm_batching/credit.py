"""The figures of a served case: what a policy is scored by, and what no policy can be better than."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.llm_batching.calls import CLASS_NAMES, NEVER_S, SECOND_NS, SLO_S, Case
from evaluators.llm_batching.server import Service
from evaluators.serving import CostModel, Measured, Roofline, prefill_alone_ns

STRICT_TIMES = 5
"""A strict request counts only if the 99th percentile of its pauses is within so many lone decode steps."""
LONGEST_S, LATENCY_WEIGHT = 600.0, 0.1
"""x also has the mean of latency / LONGEST_S, at most 1, with this weight: nobody is left to the end for nothing."""


@dataclass(frozen=True)
class Credits:
    """What each unit (a single request, or a program) is worth.

    credit: (units,) float64, 0 to 1.  latency_s: (units,) float64, from the first arrival to the last token, without
    tools.  cls: (units,) int64.  on_time_tokens: (units,) float64, those of credit.
    """

    credit: np.ndarray
    latency_s: np.ndarray
    cls: np.ndarray
    on_time_tokens: np.ndarray

    @property
    def x(self) -> float:
        """The figure that is scored, less is better: 1 - mean credit, and a little for latency."""
        return cost_of(self.credit.tolist(), self.latency_s.tolist())


def cost_of(credit: Sequence[float], latency_s: Sequence[float]) -> float:
    """Return 1 - mean credit + 0.1 * mean(min(1, latency / 600 s))."""
    late = [min(1.0, latency / LONGEST_S) for latency in latency_s]
    return 1.0 - math.fsum(credit) / len(credit) + LATENCY_WEIGHT * math.fsum(late) / len(late)


def on_time_share(token_ns: np.ndarray, first_due_ns: int, later_ns: int) -> float:
    """Return the share of tokens out by their dues, `later_ns` after each other: early ones buffer late ones."""
    due_ns = first_due_ns + np.arange(len(token_ns)) * later_ns
    return int(np.count_nonzero(token_ns <= due_ns)) / len(token_ns)


def longest_pause_ns(token_ns: np.ndarray) -> float:
    """Return the 99th percentile of the times between tokens, ns; 0 for a single token."""
    return float(np.quantile(np.diff(token_ns), 0.99)) if len(token_ns) > 1 else 0.0


def lone_step_ns(cost: CostModel, prompt_tokens: int) -> int:
    """Return the time of a decode step of one request alone, right after its prompt, ns."""
    return cost.compute_ns(0, 0, 1) + cost.kv_ns * prompt_tokens


def credits_of(case: Case, service: Service) -> Credits:
    """Return what each unit of a served case is worth."""
    return _credits(case, service.arrival_ns, service.finish_ns, service.token_ns)


def _credits(case: Case, arrival_ns: np.ndarray, finish_ns: np.ndarray, token_ns: Sequence[np.ndarray]) -> Credits:
    calls, cost = case.calls, case.machine.model_of_cost
    ttft_ns, tpot_ns = (_whole_ns(seconds) for seconds in calls.slo_s)
    due_ns = _whole_ns(calls.due_s)
    credit, latency_s, tokens = [], [], []
    for unit in calls.units:
        first, last = unit[0], max(unit, key=lambda call: finish_ns[call])
        # The calls of a program that have a tool come one after the other.
        tools_us = int(calls.tool_us[unit].sum()) if len(unit) > 1 else 0
        latency_ns = int(finish_ns[last] - arrival_ns[first]) - 1000 * tools_us
        number = int(calls.output_tokens[unit].sum())
        if int(calls.cls[first]) in SLO_S:
            share = on_time_share(token_ns[first], int(arrival_ns[first]) + ttft_ns[first], tpot_ns[first])
            if case.strict and longest_pause_ns(token_ns[first]) > STRICT_TIMES * lone_step_ns(
                cost, int(calls.input_tokens[first])
            ):
                share = 0.0
        else:
            share = float(finish_ns[last] <= due_ns[first])
        credit.append(share)
        latency_s.append(latency_ns / SECOND_NS)
        tokens.append(share * number)
    firsts = [unit[0] for unit in calls.units]
    return Credits(np.array(credit), np.array(latency_s), calls.cls[firsts], np.array(tokens))


def _whole_ns(seconds: np.ndarray) -> list[int]:
    """Return times in ns; -1 where they are infinite."""
    return [round(one * SECOND_NS) if one < NEVER_S else -1 for one in seconds.tolist()]


def metrics_of(service: Service, credits_: Credits) -> Mapping[str, float]:
    """Return the raw figures of a served case."""
    engine = service.engine
    ttft_s = np.array([tokens[0] for tokens in service.token_ns]) - service.arrival_ns
    pauses = np.concatenate([np.diff(tokens) for tokens in service.token_ns])
    span_s = float(service.finish_ns.max()) / SECOND_NS
    by_class = [credits_.credit[credits_.cls == cls].mean() for cls in range(len(CLASS_NAMES)) if cls in credits_.cls]
    return {
        "cost": credits_.x,
        "goodput_share": float(credits_.credit.mean()),
        "goodput_tokens_s": float(credits_.on_time_tokens.sum()) / span_s,
        "worst_class_credit": float(min(by_class)),
        "ttft_p50_s": float(np.quantile(ttft_s, 0.5)) / SECOND_NS,
        "ttft_p99_s": float(np.quantile(ttft_s, 0.99)) / SECOND_NS,
        "tbt_p99_ms": float(np.quantile(pauses, 0.99)) / 1e6 if len(pauses) else 0.0,
        "preemptions": float(len(engine.forced)),
        "own_preemptions": float(service.preemptions),
        "swaps": float(service.swaps),
        "recomputed_tokens": float(engine.recomputed_tokens),
        "reused_tokens": float(service.reused_tokens),
        "plans": float(service.plans),
    }


def bound(case: Case) -> float:
    """Return what no policy is below: every call alone on the engine, with all that its prompt extends cached."""
    calls, cost = case.calls, case.machine.model_of_cost
    number = len(calls)
    arrival_ns, finish_ns = np.zeros(number, dtype=np.int64), np.zeros(number, dtype=np.int64)
    token_ns = []
    for call in range(number):
        after = calls.after[call]
        wait_us = int(calls.tool_us[call] if after else calls.arrival_us[call])
        arrival_ns[call] = max((int(finish_ns[before]) for before in after), default=0) + wait_us * 1000
        prompt, answer = int(calls.input_tokens[call]), int(calls.output_tokens[call])
        known = calls.extends[call]
        cached = int(calls.input_tokens[known] + calls.output_tokens[known]) - 1 if known >= 0 else 0
        token_ns.append(arrival_ns[call] + alone_ns(cost, prompt, answer, cached))
        finish_ns[call] = token_ns[-1][-1]
    return _credits(case, arrival_ns, finish_ns, token_ns).x


def alone_ns(cost: Measured | Roofline, prompt: int, answer: int, cached: int = 0) -> np.ndarray:
    """Return when the tokens of a request that is alone on an idle engine come out, (answer,) int64 ns.

    The prompt is computed as a whole, which is quickest: the weights are read once.
    """
    first_ns = prefill_alone_ns(cost, prompt, cached, prompt)
    steps = np.arange(answer, dtype=np.int64)
    return first_ns + steps * lone_step_ns(cost, prompt) + cost.kv_ns * (steps * (steps - 1) // 2)
