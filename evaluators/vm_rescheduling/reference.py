"""Find which draws tell programs apart: `python -m evaluators.vm_rescheduling.reference` (some seconds).

Run it when a recipe changes. The files keep how often a case was redrawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.vm_rescheduling.figures import Figures, compute, digest, file_of, worth_drawing
from evaluators.vm_rescheduling.workload import RECIPES, Case, Family, own_case
from evolve.evaluator import Split


def accepted(split: Split, index: int, family: Family = "standard") -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_case(family, split, index, attempt), compute, lambda _, found: worth_drawing(found)
    )


def main(family: Family = "standard", file: Path | None = None) -> None:
    """Write the figures of a family. file: where, if not where they are read from."""
    write_reference(
        file or file_of(family),
        "cases",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        lambda split, index: accepted(split, index, family),
        digest,
    )


if __name__ == "__main__":
    for asked in get_args(Family):
        main(asked)
