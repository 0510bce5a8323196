"""Compute the figures of the built-in instances: `python -m evaluators.single_machine_tardiness.reference [KIND ...]`.

Run it when a recipe, a rule or a search changes; ten minutes for all kinds. The files keep how often an instance was
redrawn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.single_machine_tardiness.figures import (
    KEPT_EFFORT,
    Figures,
    compute,
    file_of,
    programs_digest,
    worth_drawing,
)
from evaluators.single_machine_tardiness.jobs import KINDS, Jobs, Kind, digest
from evaluators.single_machine_tardiness.public_format import public_jobs
from evaluators.single_machine_tardiness.workload import RECIPES, own_jobs
from evolve.evaluator import Split


def thorough(jobs: Jobs) -> Figures:
    """Return the figures of an own instance, found with all effort unless it is to be drawn again anyway."""
    found = compute(jobs)
    return compute(jobs, KEPT_EFFORT) if worth_drawing(jobs, found) else found


def accepted(split: Split, index: int, kind: Kind = "weighted") -> tuple[int, Jobs, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_jobs(kind, split, index, attempt), thorough, worth_drawing)


def public(kind: Kind) -> Iterator[tuple[Jobs, Figures]]:
    """Yield the public instances of a kind with their figures."""
    if kind != "online":
        for jobs in public_jobs(kind):
            yield jobs, compute(jobs)


def main(kind: Kind = "weighted", file: Path | None = None) -> None:
    """Write the figures of a kind. file: where, if not where they are read from."""
    write_reference(
        file or file_of(kind),
        "instances",
        {split: len(recipes) for split, recipes in RECIPES[kind].items()},
        lambda split, index: accepted(split, index, kind),
        digest,
        public=public(kind),
        programs=programs_digest(),
    )


if __name__ == "__main__":
    for asked in sys.argv[1:] or KINDS:
        main(asked)  # type: ignore[arg-type]
