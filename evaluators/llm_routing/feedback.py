"""The sentences that would help a person to improve a policy: where and when requests waited, and which misses cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from evaluators.llm_routing.cluster import TPOT_SLO_S, Case, Replacement, SlowDown, prefill_ms_per_token
from evaluators.llm_routing.figures import Figures
from evaluators.llm_routing.gateway import SECOND_NS, Service
from evaluators.llm_routing.service import MOST_TIMES_SLO, scored, times_slo
from evaluators.serving import Job

MINUTE_NS = 60 * SECOND_NS
FEW_REQUESTS = 5
"""A head with fewer requests than this is not worth a word."""


def explain(case: Case, service: Service, figures: Figures, found: float) -> str:
    """Return what happened, worst first."""
    jobs = scored(case, service)
    bound = f"bound {figures.bound:.2f}"
    facts = [
        f"{case.cluster.replicas} replicas, {len(jobs)} requests: {found:.2f} times the SLOs (round robin "
        f"{figures.naive:.2f}, reference {figures.reference:.2f}{figures.reference_did}, {bound})",
        f"{_first(service, jobs)}; {_misses(case, service, jobs)}",
        _worst_minute(case, service, jobs),
        _head(service, jobs),
        _later(jobs),
    ]
    return "; ".join(fact for fact in facts if fact) + "."


def what_it_did(case: Case, service: Service) -> str:
    """Return what of a program's figures is told beside its mean: the reference's."""
    jobs = scored(case, service)
    return (
        f": first {_first_times(service, jobs):.2f}, later {_later_times(jobs):.2f}, "
        f"{_cached_percent(jobs):.0f} % cached"
    )


def _first_times(service: Service, jobs: Sequence[Job]) -> float:
    return fmean(min(MOST_TIMES_SLO, job.ttft_ns / SECOND_NS / service.ttft_slo_s[job.number]) for job in jobs)


def _later_times(jobs: Sequence[Job]) -> float:
    return fmean(min(MOST_TIMES_SLO, job.tpot_ns / SECOND_NS / TPOT_SLO_S) for job in jobs)


def _cached_percent(jobs: Sequence[Job]) -> float:
    return 100 * sum(job.cached_tokens for job in jobs) / sum(job.input_tokens for job in jobs)


def _first(service: Service, jobs: Sequence[Job]) -> str:
    """Say what the time to the first token consists of: others before it, and the request's own prompt."""
    waited_s = fmean(job.admitted_ns - job.arrival_ns for job in jobs) / SECOND_NS
    whole_s = fmean(job.ttft_ns for job in jobs) / SECOND_NS
    return (
        f"first token {_first_times(service, jobs):.2f} times: {waited_s:.1f} s behind others, "
        f"{whole_s - waited_s:.1f} s for the prompt"
    )


def _worst_minute(case: Case, service: Service, jobs: Sequence[Job]) -> str:
    """Name the replica and minute whose requests took the most over their SLOs, all together."""
    groups: defaultdict[tuple[int, int], list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.replica, job.arrival_ns // MINUTE_NS].append(job)
    (replica, minute), worst = max(
        groups.items(), key=lambda group: sum(times_slo(job, service.ttft_slo_s[job.number]) for job in group[1])
    )
    others = [job for job in jobs if job.arrival_ns // MINUTE_NS == minute and job.replica != replica]
    elsewhere = f" (elsewhere {fmean(j.ttft_ns for j in others) / SECOND_NS:.1f} s)" if others else ""
    first_s = fmean(job.ttft_ns for job in worst) / SECOND_NS
    return (
        f"worst: replica {replica}{_incident(case, replica)} in minute {minute}, {len(worst)} requests waited "
        f"{first_s:.1f} s{elsewhere}"
    )


def _incident(case: Case, replica: int) -> str:
    for incident in case.cluster.incidents:
        if incident.replica == replica:
            match incident:
                case SlowDown():
                    until_s = incident.start_s + incident.length_s
                    return f" ({incident.factor:g} times as slow, {incident.start_s} to {until_s} s)"
                case Replacement():
                    return f" (emptied at {incident.at_s} s)"
    return ""


def _misses(case: Case, service: Service, jobs: Sequence[Job]) -> str:
    """Say how much was cached, and what it cost that prompts were cached elsewhere."""
    ms = [prefill_ms_per_token(cost) for cost in case.cluster.costs]
    lost_s = sum(_missed_tokens(service, job) * ms[job.replica] / 1000 for job in jobs)
    return f"{_cached_percent(jobs):.0f} % cached, {lost_s:.0f} s for what others had cached"


def _missed_tokens(service: Service, job: Job) -> int:
    """Return the tokens of a prompt that were computed though another replica had them."""
    return max(0, service.best_cached_tokens[job.number] - job.cached_tokens)


def _head(service: Service, jobs: Sequence[Job]) -> str:
    """Name the shared head (first two blocks) that was computed again most often, and where its requests went."""
    heads: defaultdict[tuple[int, ...], list[Job]] = defaultdict(list)
    for job in jobs:
        if len(job.blocks) > 1:
            heads[tuple(job.blocks[:2])].append(job)
    popular = [group for group in heads.values() if len(group) >= FEW_REQUESTS]
    if not popular:
        return ""
    lost, group = max(
        ((sum(_missed_tokens(service, job) for job in group), group) for group in popular), key=lambda one: one[0]
    )
    spread = len({job.replica for job in group})
    return (
        f"head of request {group[0].number}: {len(group)} requests on {spread} replicas, {lost} tokens computed again"
    )


def _later(jobs: Sequence[Job]) -> str:
    """Say how long later tokens took, and on which replicas most and least."""
    tpot: defaultdict[int, list[float]] = defaultdict(list)
    for job in jobs:
        if job.output_tokens > 1:
            tpot[job.replica].append(job.tpot_ns / SECOND_NS)
    if not tpot:
        return ""
    mean = {replica: fmean(values) for replica, values in tpot.items()}
    slow, quick = max(mean, key=lambda r: mean[r]), min(mean, key=lambda r: mean[r])
    return (
        f"later tokens {_later_times(jobs):.2f} times: {mean[slow]:.3f} s on replica {slow} "
        f"({len(tpot[slow])} requests), {mean[quick]:.3f} s on {quick} ({len(tpot[quick])})"
    )
