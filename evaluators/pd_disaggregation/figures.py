"""Figures that a score depends on, by case: what is scored (less is better) under two programs, and a fluid's.

Naive: `baselines/half_round_robin.py`. Reference: `oracle.py`. Those of the built-in cases are kept in reference.json,
written by `python -m evaluators.pd_disaggregation.reference`; those of a user's traces are found when they are first
needed, about 10 s a window, and kept in the user's cache folder.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import computed_once, differ, digest_of, digest_of_files, far_apart
from evaluators.pd_disaggregation.fleet import KV_BYTES, TPOT_SLO_S, TTFT_SLO_S, TTFT_SLO_TOKEN_S, Case, Family
from evaluators.pd_disaggregation.oracle import PASSES, best_plan
from evaluators.pd_disaggregation.oracle_shared import best_shared_plan
from evaluators.pd_disaggregation.pools import CONTROL_S
from evaluators.pd_disaggregation.programs import NAIVE, serve_with
from evaluators.pd_disaggregation.service import times_of
from evaluators.pd_disaggregation.work import STEP_NS, fluid_cost
from evaluators.reference_file import Stored, read_reference
from evaluators.serving import LEAST_SHARE, MOST_SHARE, decode_slowdown, prefill_slowdown

STORED = Path(__file__).with_name("reference.json")
SHARED_ORACLE = Path(__file__).with_name("oracle_shared.py")


@dataclass(frozen=True)
class Figures:
    """1 - mean credit of the naive program and of the reference; less is better.

    fluid: which share of the requests comes on top of what the fleet could serve as a fluid.
    counts, lead_s: of the reference's plan.  fixed: the best number of prefill instances that never changes, found with
    it.  fixed_cost: what the reference's dispatch gets with that.
    """

    naive: float
    reference: float
    fluid: float
    counts: tuple[int, ...]
    lead_s: float
    fixed: int
    fixed_cost: float

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the case to have a score."""
        return differ(self.naive, self.reference)

    @property
    def far_apart(self) -> bool:
        """Return whether they differ enough for an instance of our own."""
        return far_apart(self.naive, self.reference)


@dataclass(frozen=True)
class SharedFigures(Figures):
    """Figures of the family semi_pd. counts: of whole prefill machines; the others are shared.

    shares, fixed_share: what prefill has of those, percent, by phase and where it never changes.
    """

    shares: tuple[int, ...]
    fixed_share: int


def file_of(family: Family) -> Path:
    """Return where the figures of a family's built-in cases are kept."""
    return STORED if family == "pools" else STORED.with_name(f"reference_{family}.json")


@functools.cache
def stored(family: Family = "pools") -> Stored[Figures]:
    """Return the figures of the built-in cases of a family."""
    kind: type[Figures] = Figures if family == "pools" else SharedFigures
    return read_reference(file_of(family), "cases", kind)


def digest(case: Case) -> str:
    """Return a hash of all that a case's figures are computed from: requests, fleet, phases, SLOs and the programs."""
    arrivals = case.arrivals
    columns = (arrivals.arrival_us, arrivals.input_tokens, arrivals.output_tokens, arrivals.scenario)
    facts: tuple[object, ...] = (
        [column.tolist() for column in columns],
        (case.fleet, case.fleet.costs, case.phases_s),
        (KV_BYTES, TTFT_SLO_S, TTFT_SLO_TOKEN_S, TPOT_SLO_S, CONTROL_S, STEP_NS, PASSES),
        digest_of_files((NAIVE, Path(__file__).with_name("oracle.py"))),
    )
    if case.shares:
        facts = (*facts, case.family, LEAST_SHARE, MOST_SHARE, digest_of_files((SHARED_ORACLE,)))
        facts = (*facts, [(prefill_slowdown(share), decode_slowdown(share)) for share in (LEAST_SHARE, MOST_SHARE)])
    return digest_of(facts)


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now and kept in the cache folder."""
    known = stored(case.family).figures.get(case.id)
    return known if known is not None else _of_a_users_case(case)


@functools.lru_cache(maxsize=256)
def _of_a_users_case(case: Case) -> Figures:
    key = digest(case)
    kept = stored(case.family).with_digest(key)
    kind: type[Figures] = SharedFigures if case.shares else Figures
    return kept or computed_once("pd_disaggregation", key, kind, case.id, lambda: compute(case))


def compute(case: Case) -> Figures:
    """Find the figures of a case."""
    naive = times_of(case, serve_with(NAIVE, case)).cost
    if case.shares:
        found = best_shared_plan(case)
        best, kept = found.plan, found.fixed
        return SharedFigures(
            naive,
            found.cost,
            fluid_cost(case),
            best.counts,
            best.lead_s,
            kept.counts[0],
            found.fixed_cost,
            best.shares,
            kept.shares[0],
        )
    plan, cost, fixed, fixed_cost = best_plan(case)
    return Figures(naive, cost, fluid_cost(case), plan.counts, plan.lead_s, fixed, fixed_cost)
