"""What scores 0 and 100 on a case: mean flow times, ticks.

Naive: `baselines/round_robin.py`. Reference: the shortest remaining work first with full knowledge, which is optimal.
Those of the built-in cases are kept in reference.json and its likes, a file per kind, written by
`python -m evaluators.flow_time.reference`; those of a user's traces and of fresh cases are found when they are first
needed, about 1 s each.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from evaluators.flow_time.baselines import (
    estimated_srpt,
    fcfs,
    las,
    least_revealed,
    op_srpt,
    round_robin,
)
from evaluators.flow_time.machine import Case, Day, Kind, digest, flows, info_of, serve
from evaluators.kept_figures import computed_once, differ, digest_of_files
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
RULES: tuple[ModuleType, ...] = (round_robin, fcfs, las, op_srpt, least_revealed, estimated_srpt)
PROGRAMS = tuple(Path(str(module.__file__)) for module in RULES)

LEAST_GAP = 0.05
LEAST_ROOM = 0.03
"""An own case is redrawn when naive and reference differ by less than this share of naive, or the best simple rule is
nearer to the reference than this share of their difference: all good programs would agree on it."""


@dataclass(frozen=True)
class Figures:
    """Mean flow times, ticks. best_rule: the least of a simple rule."""

    naive: float
    reference: float
    best_rule: float

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the case to have a score."""
        return differ(self.naive, self.reference)


def worth_drawing(found: Figures) -> bool:
    """Return whether an own case tells good programs apart, too."""
    gap = found.naive - found.reference
    return gap >= LEAST_GAP * found.naive and found.best_rule - found.reference >= LEAST_ROOM * gap


def file_of(kind: Kind) -> Path:
    """Return where the figures of a kind's built-in cases are kept."""
    return STORED if kind == "gradual" else STORED.with_name(f"reference_{kind}.json")


@functools.cache
def stored(kind: Kind = "gradual") -> Stored[Figures]:
    """Return the figures of the built-in cases of a kind."""
    return read_reference(file_of(kind), "cases", Figures)


def programs_digest() -> str:
    """Return a hash of the programs that the figures are computed by."""
    return digest_of_files(PROGRAMS)


def figures_of(case: Case, kind: Kind = "gradual") -> Figures:
    """Return the figures of a case: kept ones where there are, else found now."""
    kept = stored(kind).figures.get(case.id)
    return kept if kept is not None else _found(case, kind)


@functools.lru_cache(maxsize=1024)
def _found(case: Case, kind: Kind) -> Figures:
    key = digest(case)
    kept = stored(kind).with_digest(key)
    if kept is not None:
        return kept
    return computed_once(
        "flow_time", f"{key}-{kind}-{programs_digest()}", Figures, case.id, lambda: compute(case, kind)
    )


def compute(case: Case, kind: Kind = "gradual") -> Figures:
    """Find the figures of a case."""
    found = {rule: mean_flow(case, served_by(case, kind, rule)) for rule in RULES}
    total = sum(sum(flows(jobs, end)) for jobs, end in zip(case.machines, case.srpt, strict=True))
    return Figures(found[round_robin], total / case.jobs, min(found.values()))


def mean_flow(case: Case, days: Sequence[Day]) -> float:
    """Return the mean flow time over all jobs of all machines, ticks."""
    return sum(sum(flows(jobs, day.end)) for jobs, day in zip(case.machines, days, strict=True)) / case.jobs


def served_by(case: Case, kind: Kind, program: ModuleType) -> list[Day]:
    """Run a case with a program of ours, in this process: only its figures are asked for, not a score."""
    policies = [program.Policy(info_of(case, kind)) for _ in case.machines]
    return serve(
        case,
        kind,
        lambda machines, seen: [plain(policies[machine].run(obs)) for machine, obs in zip(machines, seen, strict=True)],
    )


def plain(answer: Any) -> Any:
    """Return an answer as it would come over the wire: tuples as lists."""
    return [plain(part) for part in answer] if isinstance(answer, tuple | list) else answer
