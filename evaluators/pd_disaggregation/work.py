"""What requests ask of machines as a fluid: how much prefill, how much decode, and what a fleet can do of both."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np

from evaluators.pd_disaggregation.fleet import TPOT_SLO_S, Arrivals, Case
from evaluators.serving import (
    CHUNK_TOKENS,
    LEAST_SHARE,
    MOST_SHARE,
    Measured,
    decode_slowdown,
    prefill_slowdown,
)

STEP_NS = round(0.95 * TPOT_SLO_S * 1e9)
"""Decode batches are as large as a step of so long allows."""


def prefill_s(cost: Measured, input_tokens: np.ndarray) -> np.ndarray:
    """Return the time of each prompt in full batches, s: (n,) float64. input_tokens: (n,) int64."""
    tokens = input_tokens.astype(float)
    fixed = cost.prefill_ns * np.minimum(1.0, tokens / CHUNK_TOKENS)
    found: np.ndarray = (fixed + cost.token_ns * tokens + cost.attention_ns * tokens**2) / 1e9
    return found


def decode_s(cost: Measured, input_tokens: np.ndarray, output_tokens: np.ndarray) -> np.ndarray:
    """Return the share of a machine's time that each answer takes in the largest batch of its kind, s: (n,) float64.

    In a batch of b requests that hold K tokens of KV each a step of STEP_NS has b = (STEP - fixed) / (sequence + kv *
    K); a token of the answer takes STEP / b of it. input_tokens, output_tokens: (n,) int64.
    """
    held = input_tokens + output_tokens / 2
    token_ns = STEP_NS * (cost.sequence_ns + cost.kv_ns * held) / (STEP_NS - cost.decode_ns)
    found: np.ndarray = (output_tokens - 1) * token_ns / 1e9
    return found


def served_share(prefill: Sequence[float], decode: Sequence[float]) -> float:
    """Return which multiple of some work a fleet can do when each machine's time is divided between both at will.

    prefill, decode: for each machine, what part of all prefill work it can do in the time, and of all decode work.
    The largest s with s <= sum y * prefill and s <= sum (1 - y) * decode, 0 <= y <= 1: a linear program whose solution
    gives prefill to the machines that are best at it compared with decode.
    """
    if not any(prefill) or not any(decode):
        return sum(prefill) + sum(decode)
    order = sorted(range(len(prefill)), key=lambda i: -prefill[i] / max(decode[i], 1e-300))
    done, left = 0.0, sum(decode)
    for machine in order:
        p, d = prefill[machine], decode[machine]
        if done + p >= left - d:  # the two meet within this machine
            y = (left - done) / (p + d) if p + d else 0.0
            return done + min(max(y, 0.0), 1.0) * p
        done, left = done + p, left - d
    return left


@functools.cache
def rates_at(cost: Measured, share: int) -> tuple[float, float]:
    """Return what a shared machine does of prefill and of decode, as shares of what a whole one does of each.

    share: of prefill, percent. Decode: a step of STEP_NS has room for fewer requests when all of it takes longer.
    """
    slow = decode_slowdown(share)
    return 1 / prefill_slowdown(share), max(0.0, (STEP_NS / slow - cost.decode_ns) / (STEP_NS - cost.decode_ns))


def served_share_divided(prefill: Sequence[float], decode: Sequence[float], costs: Sequence[Measured]) -> float:
    """Return which multiple of some work a fleet can do when each machine's time and SMs are divided at will.

    prefill, decode: as of `served_share`. By duality: for each weight w of prefill the machines do at most the sum of
    their best w * prefill + (1 - w) * decode of both together; the least over weights, in steps of 1 %.
    """
    if not any(prefill) or not any(decode):
        return sum(prefill) + sum(decode)
    least = float("inf")
    for weight in (step / 100 for step in range(101)):
        best = 0.0
        for p, d, cost in zip(prefill, decode, costs, strict=True):
            p, d = weight * p, (1 - weight) * d
            best += max(p, d, *(p * of_p + d * of_d for of_p, of_d in _frontier(cost)))
        least = min(least, best)
    return least


@functools.cache
def _frontier(cost: Measured) -> tuple[tuple[float, float], ...]:
    return tuple(rates_at(cost, share) for share in range(LEAST_SHARE, MOST_SHARE + 1))


def phase_work(case: Case) -> list[tuple[float, int, dict[Measured, tuple[float, float]]]]:
    """Return of each phase its length, s, its requests, and the prefill and decode work on each kind of machine, s."""
    arrivals = case.arrivals
    starts = [*case.phases_s, max(case.phases_s[-1] + 1.0, float(arrivals.arrival_us[-1]) / 1e6)]
    found = []
    for start_s, end_s in itertools.pairwise(starts):
        part = (arrivals.arrival_us >= start_s * 1e6) & (arrivals.arrival_us <= end_s * 1e6)
        inputs, outputs = arrivals.input_tokens[part], arrivals.output_tokens[part]
        work = {
            cost: (float(prefill_s(cost, inputs).sum()), float(decode_s(cost, inputs, outputs).sum()))
            for cost in set(case.fleet.costs)
        }
        found.append((end_s - start_s, int(part.sum()), work))
    return found


def fluid_cost(case: Case) -> float:
    """Return which share of the requests comes, phase by phase, on top of what the fleet can serve as a fluid."""
    beyond = 0.0
    for length_s, requests, work in phase_work(case):
        if requests:
            beyond += requests * max(0.0, 1.0 - _share(case, length_s, work))
    return beyond / len(case.arrivals)


def fluid_prefill_counts(case: Case) -> list[int]:
    """Return for each phase the number of prefill instances in the ratio of its work, as machines are on average."""
    n = case.fleet.instances
    counts = []
    for _, _, work in phase_work(case):
        prefill, decode = (sum(work[cost][part] for cost in case.fleet.costs) for part in (0, 1))
        share = prefill / (prefill + decode) if prefill + decode else 0.5
        counts.append(min(max(round(n * share), 1), n - 1))
    return counts


def _share(case: Case, length_s: float, work: dict[Measured, tuple[float, float]]) -> float:
    parts = [work[cost] for cost in case.fleet.costs]
    prefill = [length_s / p if p else 0.0 for p, _ in parts]
    decode = [length_s / d if d else 0.0 for _, d in parts]
    return served_share_divided(prefill, decode, case.fleet.costs) if case.shares else served_share(prefill, decode)


def needs(cost: Measured, arrivals: Arrivals) -> tuple[float, float]:
    """Return what a request takes of a machine on average: prefill and decode, s."""
    return (
        float(prefill_s(cost, arrivals.input_tokens).mean()),
        float(decode_s(cost, arrivals.input_tokens, arrivals.output_tokens).mean()),
    )
