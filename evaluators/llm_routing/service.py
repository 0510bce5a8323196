"""The figures of a served case: what a policy is scored by, and what no policy can be better than."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from evaluators.llm_routing.cluster import TPOT_SLO_S, Case
from evaluators.llm_routing.gateway import SECOND_NS, Service, ttft_slos_s
from evaluators.serving import Job, Measured, prefill_alone_ns, stretch_ns
from evaluators.serving.requests import best_prefix_tokens

MOST_TIMES_SLO = 20.0
"""A request that takes longer than so many times its SLO counts as this."""
GOOD_TTFT_S, GOOD_TPOT_S = 30.0, 0.2
"""A request within both counts as served well (goodput)."""


def stretch_of(ttft_s: float, ttft_slo_s: float, tpot_s: float) -> float:
    """Return how many times its SLOs a request takes: the mean of first token and later ones, at most 20 each."""
    return (min(MOST_TIMES_SLO, ttft_s / ttft_slo_s) + min(MOST_TIMES_SLO, tpot_s / TPOT_SLO_S)) / 2


def times_slo(job: Job, ttft_slo_s: float) -> float:
    """Return `stretch_of` a request that is complete."""
    return stretch_of(job.ttft_ns / SECOND_NS, ttft_slo_s, job.tpot_ns / SECOND_NS)


def scored(case: Case, service: Service) -> list[Job]:
    """Return the requests that count: those that come after the caches have filled up."""
    start_ns = round(case.unscored_s * SECOND_NS)
    return [job for job in service.jobs if job.arrival_ns >= start_ns]


def mean_times_slo(case: Case, service: Service) -> float:
    """Return the figure that is scored: the mean of `times_slo`, less is better."""
    slos = service.ttft_slo_s
    jobs = scored(case, service)
    return math.fsum(times_slo(job, slos[job.number]) for job in jobs) / len(jobs)


def metrics_of(case: Case, service: Service) -> Mapping[str, float]:
    """Return the raw figures of a served case, over the requests that count."""
    jobs = scored(case, service)
    ttft_s = np.array([job.ttft_ns for job in jobs]) / SECOND_NS
    tpot_s = np.array([job.tpot_ns for job in jobs]) / SECOND_NS
    busy_ns = [replica.busy_ns for replica in service.replicas]
    return {
        "times_slo": mean_times_slo(case, service),
        "ttft_mean_s": float(ttft_s.mean()),
        "ttft_p50_s": float(np.quantile(ttft_s, 0.5)),
        "ttft_p99_s": float(np.quantile(ttft_s, 0.99)),
        "tpot_mean_s": float(tpot_s.mean()),
        "tpot_p99_s": float(np.quantile(tpot_s, 0.99)),
        "hit_rate_tokens": sum(job.cached_tokens for job in jobs) / sum(job.input_tokens for job in jobs),
        "goodput": float(np.mean((ttft_s <= GOOD_TTFT_S) & (tpot_s <= GOOD_TPOT_S))),
        "imbalance": max(busy_ns) * len(busy_ns) / sum(busy_ns),
        "moves": float(sum(job.moves for job in service.jobs)),
    }


def bound_times_slo(case: Case) -> float:
    """Return what no policy is below: every request alone on the quickest machine, every block ever seen cached."""
    requests, costs = case.requests, set(case.cluster.costs)
    cached = best_prefix_tokens(requests).tolist()
    total, count = [], 0
    for us, prompt, answer, known, slo_s in zip(
        requests.arrival_us.tolist(),
        requests.input_tokens.tolist(),
        requests.output_tokens.tolist(),
        cached,
        ttft_slos_s(case),
        strict=True,
    ):
        if us < case.unscored_s * 1e6:
            continue
        ttft_ns = min(prefill_alone_ns(cost, prompt, known) for cost in costs)
        tpot_ns = min(decode_alone_ns(cost, prompt, answer) for cost in costs)
        total.append(stretch_of(ttft_ns / SECOND_NS, slo_s, tpot_ns / SECOND_NS))
        count += 1
    return math.fsum(total) / count


def decode_alone_ns(cost: Measured, prompt: int, answer: int) -> float:
    """Return the mean time between tokens of a request that is alone on a machine, ns; 0 for a single token."""
    if answer == 1:
        return 0.0
    first_ns = cost.compute_ns(0, 0, 1) + cost.kv_ns * prompt
    return stretch_ns(answer - 1, first_ns, cost.kv_ns) / (answer - 1)
