"""Compute the figures of the built-in days: `python -m evaluators.cloud_balancing.reference` (some ten seconds).

Run it when a recipe, the mechanics or the naive program changes. The file keeps how often a day was redrawn.
"""

from __future__ import annotations

from evaluators.cloud_balancing.figures import STORED, Figures, compute, digest, programs_digest, worth_drawing
from evaluators.cloud_balancing.workload import RECIPES, Case, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_case(split, index, attempt), compute, lambda _, found: worth_drawing(found)
    )


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "days",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        accepted,
        digest,
        programs=programs_digest(),
    )


if __name__ == "__main__":
    main()
