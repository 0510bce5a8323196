"""The reference: who knows the phases of the traffic in advance, and the best number of prefill instances in each.

Not a program that a candidate could be: when phases begin and how many instances each needs was found by trying, on the
very requests. Changes of role cost it what they cost everybody. Dispatch is by least work in time, as the machines
differ: a prompt where the queue is done soonest, an answer where a step will be shortest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.pd_disaggregation.answers import MOST_CHANGES
from evaluators.pd_disaggregation.fleet import Case
from evaluators.pd_disaggregation.observation import Prefilled, Prompt, Report, info_of
from evaluators.pd_disaggregation.operation import serve
from evaluators.pd_disaggregation.pools import READY
from evaluators.pd_disaggregation.record import Service
from evaluators.pd_disaggregation.service import times_of
from evaluators.pd_disaggregation.work import fluid_prefill_counts
from evaluators.serving import Role

PASSES = 2
"""How often every phase's number is tried one up and one down."""


class Oracle:
    """A controller with `counts[k]` prefill instances in phase k; instances that change do so `lead_s` ahead."""

    def __init__(self, case: Case, counts: Sequence[int], lead_s: float = 0.0) -> None:
        info = info_of(case)
        self._starts, self._counts, self._lead_s = case.phases_s, counts, lead_s
        self._prefill_ms, self._fixed_ms = info.prefill_ms_per_token.tolist(), info.decode_ms.tolist()
        self._request_ms = info.decode_ms_per_request.tolist()
        self._kv_ms = info.decode_ms_per_kv_token.tolist()
        # Who is better at prefill than at decode, compared with others, is the first to do it.
        order = sorted(range(info.instances), key=lambda i: (self._prefill_ms[i] / self._fixed_ms[i], i))
        self._rank = {instance: place for place, instance in enumerate(order)}

    def dispatch(self, prompt: Prompt) -> int:
        """Return where a prompt is done soonest."""
        now, ms = prompt.instances, self._prefill_ms
        best, chosen = (True, float("inf")), -1
        for i, (role, state, tokens) in enumerate(zip(now.role, now.state, now.queued_tokens, strict=True)):
            if role == Role.PREFILL:
                found = (state != READY, (tokens + prompt.input_tokens) * ms[i])
                if found < best:
                    best, chosen = found, i
        return chosen

    def assign(self, prefilled: Prefilled) -> int:
        """Return where the next steps will be shortest."""
        now = prefilled.instances
        best, chosen = (True, float("inf")), -1
        rows = zip(now.role, now.state, now.running_requests, now.kv_used_tokens, now.incoming_tokens, strict=True)
        for i, (role, state, running, kv, incoming) in enumerate(rows):
            if role == Role.DECODE:
                step_ms = self._fixed_ms[i] + self._request_ms[i] * running + self._kv_ms[i] * (kv + incoming)
                found = (state != READY, step_ms)
                if found < best:
                    best, chosen = found, i
        return chosen

    def control(self, report: Report) -> list[list[int]]:
        """Change roles towards the number of the phase that is, or is about to be."""
        now = report.instances
        first = report.now_s == 0
        phase = bisect_right(self._starts, report.now_s + (0.0 if first else self._lead_s)) - 1
        wanted = self._counts[phase]
        have = sum(role == Role.PREFILL for role in now.role)
        if first:  # all at once, without cost
            return [[i, int(place >= wanted)] for i, place in self._rank.items()]
        ready = [i for i, state in enumerate(now.state) if state == READY]
        if wanted > have:
            able = sorted((now.kv_used_tokens[i], self._rank[i], i) for i in ready if now.role[i] == Role.DECODE)
            return [[i, 0, 1] for *_, i in able[: min(MOST_CHANGES, wanted - have)]]
        able = sorted((now.queued_tokens[i], -self._rank[i], i) for i in ready if now.role[i] == Role.PREFILL)
        return [[i, 1, 0] for *_, i in able[: min(MOST_CHANGES, have - wanted)]]


@dataclass(frozen=True)
class Plan:
    """What the oracle does: prefill instances in each phase, and how long ahead it changes roles, s."""

    counts: tuple[int, ...]
    lead_s: float


def serve_planned(case: Case, plan: Plan) -> Service:
    """Serve a case by a plan."""
    return serve(case, Oracle(case, plan.counts, plan.lead_s), "lists")


def cost_of(case: Case, plan: Plan) -> float:
    """Return 1 - mean credit under a plan."""
    return times_of(case, serve_planned(case, plan)).cost


def best_plan(case: Case) -> tuple[Plan, float, int, float]:
    """Find a good plan by trying. Returns it, its cost, the best fixed number of prefill instances, and its cost.

    Fixed numbers are tried outwards from what the work of the whole case asks for; then, from the number that the
    fluid asks for in each phase and from the best fixed one, each phase one up and one down.
    """
    known: dict[Plan, float] = {}

    def cost(plan: Plan) -> float:
        if plan not in known:
            known[plan] = cost_of(case, plan)
        return known[plan]

    n, phases = case.fleet.instances, len(case.phases_s)
    fluid = fluid_prefill_counts(case)
    fixed = _best_fixed(lambda count: cost(Plan((count,) * phases, 0.0)), round(sum(fluid) / phases), n)
    best = Plan((fixed,) * phases, 0.0)
    if len(set(fluid)) > 1:
        switch_s = case.fleet.switch_s
        tried = [Plan(tuple(fluid), lead) for lead in (0.0, switch_s)]
        start = min(tried, key=cost)
        best = min(best, _improved(start, n, cost), key=cost)
    return best, cost(best), fixed, cost(Plan((fixed,) * phases, 0.0))


def _best_fixed(cost: Any, start: int, n: int) -> int:
    """Return the number with the least cost, walking from `start` as long as it falls."""
    best = start
    for step in (1, -1):
        count = start + step
        while 1 <= count <= n - 1 and cost(count) < cost(best):
            best, count = count, count + step
    return best


def _improved(plan: Plan, n: int, cost: Any) -> Plan:
    """Return the plan after trying each phase's number one up and one down, again while that helps."""
    for _ in range(PASSES):
        before = plan
        for phase in range(len(plan.counts)):
            for step in (1, -1):
                count = plan.counts[phase] + step
                if 1 <= count <= n - 1:
                    other = Plan((*plan.counts[:phase], count, *plan.counts[phase + 1 :]), plan.lead_s)
                    if cost(other) < cost(plan):
                        plan = other
        if plan == before:
            break
    return plan
