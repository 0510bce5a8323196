"""The sentences that would help a person to improve a policy: where and when requests waited, and which misses cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean

from evaluators.llm_routing.cluster import TPOT_SLO_S, Case, Replacement, SlowDown, prefill_ms_per_token
from evaluators.llm_routing.figures import Figures
from evaluators.llm_routing.gateway import SECOND_NS, Service
from evaluators.llm_routing.service import scored, times_slo
from evaluators.serving import Job

MINUTE_NS = 60 * SECOND_NS
FEW_REQUESTS = 5
"""A head with fewer requests than this is not worth a word."""


def explain(case: Case, service: Service, figures: Figures, found: float) -> str:
    """Return what happened, worst first."""
    jobs = scored(case, service)
    facts = [
        f"{case.cluster.replicas} replicas, {len(jobs)} requests: {found:.2f} times the SLOs on average (round robin "
        f"{figures.naive:.2f}, reference {figures.reference:.2f}, bound {figures.bound:.2f}); first token "
        f"{_first(service, jobs):.2f}, later tokens {_later(jobs):.2f} times theirs",
        _worst_minute(case, service, jobs),
        _slowest(case, jobs),
        _misses(case, service, jobs),
        _heads(service, jobs),
        _most_decodes(service, jobs),
    ]
    return "; ".join(fact for fact in facts if fact) + "."


def _first(service: Service, jobs: Sequence[Job]) -> float:
    return fmean(job.ttft_ns / SECOND_NS / service.ttft_slo_s[job.number] for job in jobs)


def _later(jobs: Sequence[Job]) -> float:
    return fmean(job.tpot_ns / SECOND_NS / TPOT_SLO_S for job in jobs)


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
        f"worst: replica {replica}{_incident(case, replica)} in minute {minute}, {len(worst)} requests of "
        f"{sum(j.input_tokens for j in worst)} prompt tokens waited {first_s:.1f} s "
        f"for their first token{elsewhere}"
    )


def _incident(case: Case, replica: int) -> str:
    for incident in case.cluster.incidents:
        if incident.replica == replica:
            match incident:
                case SlowDown():
                    until_s = incident.start_s + incident.length_s
                    return f" ({incident.factor:g} times as slow from {incident.start_s} to {until_s} s)"
                case Replacement():
                    return f" (replaced by an empty one at {incident.at_s} s)"
    return ""


def _slowest(case: Case, jobs: Sequence[Job]) -> str:
    """Say why the slowest 1 % were slow: others before them, or their own prompt."""
    slowest = sorted(jobs, key=lambda job: job.ttft_ns)[-max(1, len(jobs) // 100) :]
    waited_s = fmean(job.admitted_ns - job.arrival_ns for job in slowest) / SECOND_NS
    total_s = fmean(job.ttft_ns for job in slowest) / SECOND_NS
    replica, times = Counter(job.replica for job in slowest).most_common(1)[0]
    return (
        f"the slowest 1 % took {total_s:.1f} s to their first token, {waited_s:.1f} s of it behind others and the rest "
        f"for prompts of {fmean(j.input_tokens - j.cached_tokens for j in slowest):.0f} uncached tokens; {times} of "
        f"{len(slowest)} were on replica {replica}{_incident(case, replica)}"
    )


def _misses(case: Case, service: Service, jobs: Sequence[Job]) -> str:
    """Say what it cost that prompts were cached elsewhere, and name the dearest case."""
    ms = [prefill_ms_per_token(cost) for cost in case.cluster.costs]

    def lost_s(job: Job) -> float:
        return max(0, service.best_cached_tokens[job.number] - job.cached_tokens) * ms[job.replica] / 1000

    dearest = max(jobs, key=lost_s)
    if not lost_s(dearest):
        return "no prompt was cached better elsewhere"
    return (
        f"prompts cached elsewhere cost {sum(map(lost_s, jobs)):.0f} s of machine time; dearest: request "
        f"{dearest.number} ({dearest.input_tokens} tokens) found {dearest.cached_tokens} of them cached on replica "
        f"{dearest.replica}, another had {service.best_cached_tokens[dearest.number]}: {lost_s(dearest):.1f} s"
    )


def _heads(service: Service, jobs: Sequence[Job]) -> str:
    """Name the shared head (first two blocks) that was computed again most often, and where its requests went."""
    heads: defaultdict[tuple[int, ...], list[Job]] = defaultdict(list)
    for job in jobs:
        if len(job.blocks) > 1:
            heads[tuple(job.blocks[:2])].append(job)
    popular = [group for group in heads.values() if len(group) >= FEW_REQUESTS]
    if not popular:
        return ""

    def lost_tokens(group: Sequence[Job]) -> int:
        return sum(max(0, service.best_cached_tokens[job.number] - job.cached_tokens) for job in group)

    group = max(popular, key=lost_tokens)
    replica, most = Counter(job.replica for job in group).most_common(1)[0]
    spread = len({job.replica for job in group})
    lost = lost_tokens(group)
    return (
        f"the head shared by {len(group)} requests (first: {group[0].number}) went to {spread} replicas, {most} of "
        f"them to replica {replica}, and {lost} tokens of these prompts were computed though cached elsewhere"
    )


def _most_decodes(service: Service, jobs: Sequence[Job]) -> str:
    """Name the replicas with the slowest and the quickest later tokens."""
    tpot: defaultdict[int, list[float]] = defaultdict(list)
    for job in jobs:
        if job.output_tokens > 1:
            tpot[job.replica].append(job.tpot_ns / SECOND_NS)
    if not tpot:
        return ""
    mean = {replica: fmean(values) for replica, values in tpot.items()}
    slow, quick = max(mean, key=lambda r: mean[r]), min(mean, key=lambda r: mean[r])
    return (
        f"later tokens took {mean[slow]:.3f} s each on replica {slow} ({len(tpot[slow])} requests) and "
        f"{mean[quick]:.3f} s on replica {quick} ({len(tpot[quick])})"
    )
