"""Figures that a score depends on, by case: how many times their SLOs requests take under two programs, and a bound.

Naive: `baselines/round_robin.py`. Reference: `baselines/min_ttft.py` when every replica's state is fresh. Those of the
built-in cases are kept in reference.json, written by `python -m evaluators.llm_routing.reference`; those of a user's
traces are found when they are first needed, about 1 s a window, and kept in the user's cache folder.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import computed_once, differ, digest_of, far_apart
from evaluators.llm_routing.cluster import KV_BYTES, MOVE_BYTES_PER_S, TPOT_SLO_S, TTFT_SLO_S, Case
from evaluators.llm_routing.programs import NAIVE, REFERENCE, serve_with
from evaluators.llm_routing.service import MOST_TIMES_SLO, bound_times_slo, mean_times_slo
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """Mean of how many times their SLOs requests take; less is better. No policy is below `bound`.

    reference_did: of what the reference's figure consists, as the feedback tells it; empty where nobody reads it.
    """

    naive: float
    reference: float
    bound: float
    reference_did: str = ""

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the case to have a score."""
        return differ(self.naive, self.reference)

    @property
    def far_apart(self) -> bool:
        """Return whether they differ enough for an instance of our own."""
        return far_apart(self.naive, self.reference)


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in cases."""
    return read_reference(STORED, "cases", Figures)


def digest(case: Case) -> str:
    """Return a hash of all that a case's figures are computed from: requests, machines, SLOs and the two programs."""
    requests, cluster = case.requests, case.cluster
    facts = (
        requests.arrival_us.tolist(),
        requests.input_tokens.tolist(),
        requests.output_tokens.tolist(),
        requests.blocks,
        cluster,
        cluster.costs,
        case.unscored_s,
        (KV_BYTES, MOVE_BYTES_PER_S, TTFT_SLO_S, TPOT_SLO_S, MOST_TIMES_SLO),
        NAIVE.read_text(encoding="utf-8"),
        REFERENCE.read_text(encoding="utf-8"),
    )
    return digest_of(facts)


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now and kept in the cache folder."""
    known = stored().figures.get(case.id)
    return known if known is not None else _of_a_users_case(case)


@functools.lru_cache(maxsize=256)
def _of_a_users_case(case: Case) -> Figures:
    return computed_once("llm_routing", digest(case), Figures, case.id, lambda: compute(case))


def compute(case: Case) -> Figures:
    """Find the figures of a case."""
    naive = mean_times_slo(case, serve_with(NAIVE, case))
    reference = mean_times_slo(case, serve_with(REFERENCE, case, fresh=True))
    return Figures(naive, reference, bound_times_slo(case))
