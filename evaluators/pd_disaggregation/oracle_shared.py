"""The reference of the family semi_pd: in each phase so many whole prefill machines, and the others shared alike.

As in `oracle.py` phases and their plans were found by trying, on the very requests, and changes of role cost what they
cost everybody. Dispatch: where the sum of both ratios to the SLOs would be least, that of the first token (as long as
the prompts there take) and that of the later ones (as long as a decode step there takes).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluators.pd_disaggregation.answers import MOST_CHANGES
from evaluators.pd_disaggregation.fleet import TPOT_SLO_S, Case
from evaluators.pd_disaggregation.observation import Prefilled, Prompt, Report, SharedInstances, info_of
from evaluators.pd_disaggregation.operation import serve
from evaluators.pd_disaggregation.pools import READY
from evaluators.pd_disaggregation.record import Service
from evaluators.pd_disaggregation.service import times_of
from evaluators.pd_disaggregation.work import phase_work, rates_at
from evaluators.serving import LEAST_SHARE, MOST_SHARE, Measured, Role, decode_slowdown, prefill_slowdown

SHARES = (50, 54, 58, 62, 66, 70, 75, 80)
"""Of prefill, percent. Up to 54 decode is as quick as on a whole machine."""

SLOWER = {share: (prefill_slowdown(share), decode_slowdown(share)) for share in range(LEAST_SHARE, MOST_SHARE + 1)}
SLOWER |= {100: (1.0, 1.0), 0: (1.0, 1.0)}
"""How much slower prefill and decode are than on a whole machine, by share."""


@dataclass(frozen=True)
class SharedPlan:
    """Whole prefill machines and the share of prefill in the others, percent, by phase; how long ahead, s."""

    counts: tuple[int, ...]
    shares: tuple[int, ...]
    lead_s: float = 0.0


@dataclass(frozen=True)
class Found:
    """The best plan found, the best that never changes, and 1 - mean credit of both."""

    plan: SharedPlan
    cost: float
    fixed: SharedPlan
    fixed_cost: float


class SharedOracle:
    """A controller that follows a plan."""

    def __init__(self, case: Case, plan: SharedPlan) -> None:
        info = info_of(case)
        self._starts, self._plan = case.phases_s, plan
        self._prefill_ms = info.prefill_ms_per_token.tolist()
        parts = (info.decode_ms, info.decode_ms_per_request, info.decode_ms_per_kv_token)
        self._decode = [(part / (1000 * TPOT_SLO_S)).tolist() for part in parts]
        self._order = best_at_prefill(case)

    def _steps(self, now: SharedInstances) -> list[float]:
        """Return how long a decode step of each instance would take, over its SLO; no limit where none is made."""
        rows = zip(now.share, now.running_requests, now.kv_used_tokens, now.incoming_tokens, *self._decode, strict=True)
        return [
            (fixed + request * running + per_token * (kv + incoming)) * SLOWER[share][1]
            if share < 100
            else float("inf")
            for share, running, kv, incoming, fixed, request, per_token in rows
        ]

    def dispatch(self, prompt: Prompt) -> int:
        """Return where a request is best off."""
        now, tokens, slo_ms = prompt.instances, prompt.input_tokens, 1000 * prompt.ttft_slo_s
        assert isinstance(now, SharedInstances)
        steps = self._steps(now)
        elsewhere = min(steps)  # where it would go from a whole prefill machine
        best, chosen = (True, float("inf")), -1
        for i, (share, state, queued, ms) in enumerate(
            zip(now.share, now.state, now.queued_tokens, self._prefill_ms, strict=True)
        ):
            if share:
                later = elsewhere if share == 100 else steps[i]
                found = (state != READY, (queued + tokens) * ms * SLOWER[share][0] / slo_ms + later)
                if found < best:
                    best, chosen = found, i
        return chosen

    def assign(self, prefilled: Prefilled) -> int:
        """Return where the next steps will be shortest."""
        now = prefilled.instances
        assert isinstance(now, SharedInstances)
        steps = self._steps(now)
        able = [i for i, share in enumerate(now.share) if share < 100]
        return min(able, key=lambda i: (now.state[i] != READY, steps[i]))

    def control(self, report: Report) -> list[list[int]]:
        """Change roles and shares towards those of the phase that is, or is about to be."""
        now, plan = report.instances, self._plan
        first = report.now_s == 0
        phase = bisect_right(self._starts, report.now_s + (0.0 if first else plan.lead_s)) - 1
        wanted, share = plan.counts[phase], plan.shares[phase]
        if first:
            return [[i, 0] if place < wanted else [i, 2, 0, share] for place, i in enumerate(self._order)]
        ready = [i for i in self._order if now.state[i] == READY]
        rows = [[i, 2, 0, share] for i in ready if now.role[i] == Role.MIXED]
        have = sum(role == Role.PREFILL for role in now.role)
        if wanted > have:
            for i in [row[0] for row in rows][: min(MOST_CHANGES, wanted - have)]:
                rows = [row for row in rows if row[0] != i] + [[i, 0, 1]]
        else:
            whole = [i for i in reversed(ready) if now.role[i] == Role.PREFILL]
            rows += [[i, 2, 0, share] for i in whole[: min(MOST_CHANGES, have - wanted)]]
        return rows


def best_at_prefill(case: Case) -> list[int]:
    """Return the instances, those first that are better at prefill than at decode, compared with others."""
    info = info_of(case)
    ratio = (info.prefill_ms_per_token / info.decode_ms).tolist()
    return sorted(range(info.instances), key=lambda i: (ratio[i], i))


def serve_shared(case: Case, plan: SharedPlan) -> Service:
    """Serve a case by a plan."""
    return serve(case, SharedOracle(case, plan), "lists")


def cost_of_shared(case: Case, plan: SharedPlan) -> float:
    """Return 1 - mean credit under a plan."""
    return times_of(case, serve_shared(case, plan)).cost


def best_shared_plan(case: Case) -> Found:
    """Find a good plan by trying few.

    The best that never changes: from what the work of the whole case asks for, machines one up or one down as long as
    that helps, then the next shares. Those that change: what the work of each phase asks for, also with the machines
    and shares more or less that helped before, and the better of both with changes ahead of time.
    """
    known: dict[SharedPlan, float] = {}

    def cost(plan: SharedPlan) -> float:
        if plan not in known:
            known[plan] = cost_of_shared(case, plan)
        return known[plan]

    n = case.fleet.instances
    asked = [_fluid_plan(case, work) for _, _, work in phase_work(case)]
    phases = len(asked)
    places = [SHARES.index(share) for _, share in asked]
    start = (round(sum(count for count, _ in asked) / phases), round(sum(places) / phases))

    def moved(counts: Sequence[int], shares: Sequence[int], by: tuple[int, int]) -> SharedPlan:
        return SharedPlan(
            tuple(min(max(count + by[0], 0), n - 1) for count in counts),
            tuple(SHARES[min(max(place + by[1], 0), len(SHARES) - 1)] for place in shares),
        )

    def fixed(by: tuple[int, int]) -> SharedPlan:
        return moved((start[0],) * phases, (start[1],) * phases, by)

    best = (0, 0)
    for step in (1, -1):
        while cost(fixed((best[0] + step, 0))) < cost(fixed(best)):
            best = (best[0] + step, 0)
    best = min((best, (best[0], 1), (best[0], -1)), key=lambda by: cost(fixed(by)))
    tried = [fixed(best)]
    if len(set(asked)) > 1:
        counts = [count for count, _ in asked]
        changing = min((moved(counts, places, by) for by in ((0, 0), best)), key=cost)
        tried += [changing, replace(changing, lead_s=case.fleet.switch_s)]
    plan = min(tried, key=cost)
    return Found(plan, cost(plan), fixed(best), cost(fixed(best)))


def _fluid_plan(case: Case, work: dict[Measured, tuple[float, float]]) -> tuple[int, int]:
    """Return the number of whole machines and the share by which a phase's work takes the least time as a fluid.

    work: of each kind of machine, prefill and decode, s.
    """
    machines = [case.fleet.costs[i] for i in best_at_prefill(case)]

    def takes(count: int, share: int) -> float:
        prefill = decode = 0.0
        for place, machine in enumerate(machines):
            of_prefill, of_decode = (1.0, 0.0) if place < count else rates_at(machine, share)
            prefill += of_prefill / max(work[machine][0], 1e-9)
            decode += of_decode / max(work[machine][1], 1e-9)
        return -min(prefill, decode)

    return min(((count, share) for count in range(len(machines)) for share in SHARES), key=lambda one: takes(*one))
