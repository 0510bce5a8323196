"""The sentences that would help a person to improve a policy: who was late when, and which pool was short then."""

from __future__ import annotations

import numpy as np

from evaluators.pd_disaggregation.figures import Figures, SharedFigures
from evaluators.pd_disaggregation.fleet import SCENARIOS, SECOND_NS, Case
from evaluators.pd_disaggregation.record import Service
from evaluators.pd_disaggregation.service import Times, busy_share
from evaluators.serving import FIRST_SHARE, Role

WINDOW_S = 30
MOST_PHASES = 6
"""A reference's plan of more phases is told as least and most."""


def explain(case: Case, service: Service, times: Times, figures: Figures) -> str:
    """Return what happened, worst first."""
    facts = [
        f"{case.fleet.instances} instances, {len(service.jobs)} requests: cost {times.cost:.3f} (half and half in turn "
        f"{figures.naive:.3f}, reference {figures.reference:.3f}, best fixed ratio {figures.fixed_cost:.3f} with "
        f"{_ratio(figures)})",
        _reference(figures),
        _late(times),
        _worst(case, service, times),
        f"prefill instances {100 * busy_share(service, Role.PREFILL):.0f} % busy, decode "
        f"{100 * busy_share(service, Role.DECODE):.0f} %, {service.switches} changes of role",
    ]
    if case.shares:
        facts.append(_shared(service))
    return "; ".join(fact for fact in facts if fact) + "."


def _reference(figures: Figures) -> str:
    counts = figures.counts
    if isinstance(figures, SharedFigures):
        both = list(zip(counts, figures.shares, strict=True))
        if len(set(both)) == 1:
            return "the reference never changes a role or a share"
        if len(both) > MOST_PHASES:
            shares = figures.shares
            return (
                f"the reference has {min(counts)} to {max(counts)} prefill instances, the others shared with "
                f"{min(shares)} to {max(shares)} % for prefill"
            )
        plan = ", ".join(f"{count} ({share} %)" for count, share in both)
        return f"the reference has by phase {plan} prefill instances (share of prefill in the others)"
    if len(set(counts)) == 1:
        return "the reference never changes a role"
    if len(counts) > MOST_PHASES:
        return f"the reference has {min(counts)} to {max(counts)} prefill instances"
    return "the reference has " + ", ".join(str(count) for count in counts) + " prefill instances by phase"


def _ratio(figures: Figures) -> str:
    if isinstance(figures, SharedFigures):
        return f"{figures.fixed} prefill, the others shared with {figures.fixed_share} % for prefill"
    return f"{figures.fixed} prefill"


def _shared(service: Service) -> str:
    """Tell how busy shared instances were, both sides counted, and between which shares they were."""
    if not any(row[Role.MIXED] for row in service.role_ns):
        return "no instance was shared"
    given = [share for _, _, share in service.shares] or [FIRST_SHARE]
    return (
        f"shared instances {50 * busy_share(service, Role.MIXED):.0f} % busy, with shares of {min(given)} to "
        f"{max(given)} %, changed {service.share_changes} times"
    )


def _late(times: Times) -> str:
    first, later = times.ttft_ratio > 1, times.tpot_ratio > 1
    return (
        f"first token late of {100 * first.mean():.0f} % (p99 {np.quantile(times.ttft_s, 0.99):.1f} s), later ones of "
        f"{100 * later.mean():.0f} % (p99 {1000 * np.quantile(times.tpot_s, 0.99):.0f} ms)"
    )


def _worst(case: Case, service: Service, times: Times) -> str:
    """Name the half minute that cost most, what came in it, and the roles there were."""
    lost = 1 - times.credit
    if lost.sum() < 1:
        return ""
    arrivals = case.arrivals
    place = arrivals.arrival_us // (WINDOW_S * 1_000_000)
    worst = int(np.bincount(place, weights=lost).argmax())
    those = place == worst
    mix = ", ".join(
        f"{int((arrivals.scenario[those] == kind).sum())} {name}"
        for kind, name in enumerate(SCENARIOS)
        if (arrivals.scenario[those] == kind).any()
    )
    late = "first" if (times.ttft_ratio > times.tpot_ratio)[those & (lost > 0)].mean() > 0.5 else "later"
    at_ns = (worst * WINDOW_S + WINDOW_S // 2) * SECOND_NS
    roles = [Role.DECODE] * case.fleet.instances
    for when_ns, instance, role in service.roles:
        if when_ns <= at_ns:
            roles[instance] = Role(role)
    return (
        f"worst from {worst * WINDOW_S} s: {mix}; {100 * lost[those].mean():.0f} % of their credit lost, mostly by "
        f"late {late} tokens, with {roles.count(Role.PREFILL)} prefill and {roles.count(Role.DECODE)} decode instances"
        + (f", {roles.count(Role.MIXED)} shared" if case.shares else "")
    )
