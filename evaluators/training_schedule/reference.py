"""Compute the figures of the built-in cases: `python -m evaluators.training_schedule.reference [MODE ...]` (minutes).

Run it when a recipe, the mechanics or a named schedule changes. The files keep how often a case was redrawn.
"""

from __future__ import annotations

import sys
from pathlib import Path

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.training_schedule.figures import Figures, compute, file_of, tells_apart
from evaluators.training_schedule.workload import MODES, RECIPES, Case, Mode, digest, own_case
from evolve.evaluator import Split


def accepted(split: Split, index: int, mode: Mode = "rate") -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_case(mode, split, index, attempt), compute, tells_apart)


def main(mode: Mode = "rate", file: Path | None = None) -> None:
    """Write the figures of a mode. file: where, if not where they are read from."""
    write_reference(
        file or file_of(mode),
        "cases",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        lambda split, index: accepted(split, index, mode),
        digest,
    )


if __name__ == "__main__":
    for asked in sys.argv[1:] or MODES:
        main(asked)  # type: ignore[arg-type]
