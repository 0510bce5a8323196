"""Compute the figures of the built-in cases: `python -m evaluators.moe_offloading.reference` (a minute).

Run it when a recipe or the mechanics change. The file keeps how often a case was redrawn.
"""

from __future__ import annotations

from evaluators.moe_offloading.figures import STORED, Figures, compute, worth_drawing
from evaluators.moe_offloading.workload import RECIPES, Case, digest, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_case(split, index, attempt), compute, worth_drawing)


def main() -> None:
    """Write reference.json."""
    write_reference(STORED, "cases", {split: len(r) for split, r in RECIPES.items()}, accepted, digest)


if __name__ == "__main__":
    main()
