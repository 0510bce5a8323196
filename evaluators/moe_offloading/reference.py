"""Compute the figures of the built-in cases: `python -m evaluators.moe_offloading.reference [FAMILY ...]` (minutes).

Run it when a recipe or the mechanics change. The files keep how often a case was redrawn.
"""

from __future__ import annotations

import sys
from pathlib import Path

from evaluators.moe_offloading.figures import Figures, compute, file_of, worth_drawing
from evaluators.moe_offloading.workload import FAMILIES, Case, Family, digest, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int, family: Family = "hybrimoe") -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_case(split, index, attempt, family), compute, worth_drawing)


def main(family: Family = "hybrimoe", file: Path | None = None) -> None:
    """Write the figures of a family. file: where, if not where they are read from."""
    write_reference(
        file or file_of(family),
        "cases",
        {split: len(recipes) for split, recipes in FAMILIES[family].items()},
        lambda split, index: accepted(split, index, family),
        digest,
    )


if __name__ == "__main__":
    for asked in sys.argv[1:] or FAMILIES:
        main(asked)  # type: ignore[arg-type]
