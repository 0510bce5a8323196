"""Figures that a score depends on, by case: what is scored (less is better) under two programs, and a bound.

Naive: `baselines/orca.py`. Reference: the better of `baselines/slack_past_future.py` and `shortest_past_future.py`.
Those of the built-in cases are kept in reference.json, written by `python -m evaluators.llm_batching.reference`; those
of a user's traces are found when they are first needed, about 2 s a window, and kept in the user's cache folder.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import computed_once, differ, digest_of, far_apart
from evaluators.llm_batching.calls import MAX_BATCH, SLO_S, Case
from evaluators.llm_batching.credit import LATENCY_WEIGHT, LONGEST_S, STRICT_TIMES, bound, credits_of
from evaluators.llm_batching.programs import NAIVE, REFERENCES, serve_with
from evaluators.llm_batching.server import GUESS_EVERY, MOST_ITERATIONS
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Figures:
    """1 - mean credit, and a little for latency; less is better. No policy is below `bound`.

    by: the program of the reference.  reference_credit: its mean credit.
    """

    naive: float
    reference: float
    bound: float
    by: str
    reference_credit: float

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
    """Return a hash of all that a case's figures are computed from: calls, engine, SLOs and the programs."""
    calls = case.calls
    columns = (
        *(calls.arrival_us, calls.input_tokens, calls.output_tokens, calls.cls, calls.program, calls.turn),
        *(calls.tool_us, calls.extends, calls.due_s, calls.guess),
    )
    facts = (
        [column.tolist() for column in columns],
        calls.after,
        (case.machine, case.machine.model_of_cost, case.machine.swap_ns_per_token),
        (case.max_answer_tokens, case.strict),
        (SLO_S, MAX_BATCH, LATENCY_WEIGHT, LONGEST_S, STRICT_TIMES, GUESS_EVERY, MOST_ITERATIONS),
        [program.read_text(encoding="utf-8") for program in (NAIVE, *REFERENCES)],
    )
    return digest_of(facts)


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now and kept in the cache folder."""
    known = stored().figures.get(case.id)
    return known if known is not None else _of_a_users_case(case)


@functools.lru_cache(maxsize=256)
def _of_a_users_case(case: Case) -> Figures:
    key = digest(case)
    kept = stored().with_digest(key)
    return kept or computed_once("llm_batching", key, Figures, case.id, lambda: compute(case))


def compute(case: Case) -> Figures:
    """Find the figures of a case."""
    naive = credits_of(case, serve_with(NAIVE, case)).x
    by, best = min(
        ((program.stem, credits_of(case, serve_with(program, case))) for program in REFERENCES),
        key=lambda one: one[1].x,
    )
    return Figures(naive, best.x, bound(case), by, float(best.credit.mean()))
