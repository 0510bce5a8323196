"""Compute the figures of the built-in cases: `python -m evaluators.flow_time.reference [KIND ...]` (some minutes).

Run it when a recipe, the mechanics or a rule changes. The files keep how often a case was redrawn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from evaluators.flow_time.figures import Figures, compute, file_of, programs_digest, worth_drawing
from evaluators.flow_time.machine import KINDS, Case, Kind, digest
from evaluators.flow_time.public_format import public_cases
from evaluators.flow_time.workload import RECIPES, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int, kind: Kind = "gradual") -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_case(kind, split, index, attempt),
        lambda case: compute(case, kind),
        lambda _, found: worth_drawing(found),
    )


def public(kind: Kind) -> Iterator[tuple[Case, Figures]]:
    """Yield the public cases with their figures."""
    if kind != "tests":
        for case in public_cases():
            yield case, compute(case, kind)


def main(kind: Kind = "gradual", file: Path | None = None) -> None:
    """Write the figures of a kind. file: where, if not where they are read from."""
    write_reference(
        file or file_of(kind),
        "cases",
        {split: len(recipes) for split, recipes in RECIPES[kind].items()},
        lambda split, index: accepted(split, index, kind),
        digest,
        public=public(kind),
        programs=programs_digest(),
    )


if __name__ == "__main__":
    for asked in sys.argv[1:] or KINDS:
        main(asked)  # type: ignore[arg-type]
