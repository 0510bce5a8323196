"""Compute the figures of the built-in cases: `python -m evaluators.training_placement.reference` (a minute).

Run it when a recipe, the mechanics or a program changes. The file keeps how often a case was redrawn.
"""

from __future__ import annotations

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.training_placement.cluster import Case, digest
from evaluators.training_placement.figures import STORED, Figures, compute, programs_digest, worth_drawing
from evaluators.training_placement.workload import RECIPES, own_case
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_case(split, index, attempt), compute, worth_drawing)


def main() -> None:
    """Write reference.json."""
    sizes = {split: len(recipes) for split, recipes in RECIPES.items()}
    write_reference(STORED, "cases", sizes, accepted, digest, programs=programs_digest())


if __name__ == "__main__":
    main()
