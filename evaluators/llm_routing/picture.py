"""Requests, queues and hits by replica over time. No simpy here: the gateway has run, this reads what became of it."""

from __future__ import annotations

from evaluators.llm_routing.cluster import Case, SlowDown
from evaluators.llm_routing.figures import Figures
from evaluators.llm_routing.gateway import SECOND_NS, Service
from evolve.picture import Bar, Bars, Line, Mark, Matrix, Picture, Series

BINS = 60
DOTS = 3000


def drawn(case: Case, service: Service, figures: Figures, found: float) -> Picture:
    """Return requests in the system by replica and time, how late first tokens are, and what the caches saved."""
    jobs, replicas = service.jobs, case.cluster.replicas
    end_s = max(job.finish_ns for job in jobs) / SECOND_NS
    width_s = end_s / BINS
    held = [[0.0] * BINS for _ in range(replicas)]
    for job in jobs:
        came, left = job.arrival_ns / SECOND_NS, job.finish_ns / SECOND_NS
        for place in range(int(came / width_s), min(int(left / width_s) + 1, BINS)):
            inside = min(left, (place + 1) * width_s) - max(came, place * width_s)
            held[job.replica][place] += max(inside, 0.0) / width_s
    prompt, cached, count = [0] * replicas, [0] * replicas, [0] * replicas
    for job in jobs:
        prompt[job.replica] += job.input_tokens
        cached[job.replica] += job.cached_tokens
        count[job.replica] += 1
    every = max(1, len(jobs) // DOTS)
    ratio = [
        (job.arrival_ns / SECOND_NS, job.ttft_ns / SECOND_NS / slo_s)
        for job, slo_s in list(zip(jobs, service.ttft_slo_s, strict=True))[::every]
    ]
    best = 100.0 * sum(service.best_cached_tokens) / max(sum(prompt), 1)
    marks = tuple(
        Mark(
            float(one.start_s if isinstance(one, SlowDown) else one.at_s),
            f"replica {one.replica} {'slows down' if isinstance(one, SlowDown) else 'fails'}",
        )
        for one in case.cluster.incidents
    )
    hits = tuple(
        Bar(
            f"replica {number}",
            100.0 * cached[number] / max(prompt[number], 1),
            text=f"replica {number}: {count[number]} requests, {cached[number]} of {prompt[number]} tokens cached",
        )
        for number in range(replicas)
    )
    return Picture(
        f"{case.id}: {found:.3f} times the SLO, naive {figures.naive:.3f}",
        (
            Matrix(
                "Requests at each replica, waiting or running",
                "time (s)",
                "replica",
                "requests",
                tuple(f"{number}" for number in range(replicas)),
                tuple(f"{place * width_s:.0f}" for place in range(BINS)),
                tuple(tuple(row) for row in held),
                low=0.0,
            ),
            Series(
                "First tokens",
                "arrival (s)",
                "time to first token over its SLO",
                (Line("a request", tuple(ratio), "dots"), Line("due", ((0.0, 1.0), (end_s, 1.0)))),
                marks,
            ),
            Bars("Prompt tokens found in the cache", "share of the replica's prompt tokens (%)", hits),
            Bars("Requests by replica", "requests", tuple(Bar(f"replica {n}", float(c)) for n, c in enumerate(count))),
        ),
        f"At its arrival, {best:.1f} % of the prompts' tokens were cached on some replica; "
        f"{100.0 * sum(cached) / max(sum(prompt), 1):.1f} % were on the one that was chosen.",
    )
