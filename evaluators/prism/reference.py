"""Compute the figures of the built-in cases: `python -m evaluators.prism.reference` (some ten seconds).

Run it when a recipe, the naive or the reference program changes. The file keeps how often a case was redrawn.
"""

from __future__ import annotations

from evaluators.prism.figures import STORED, Figures, compute, digest, programs_digest, tells
from evaluators.prism.public_format import public_cases
from evaluators.prism.workload import RECIPES, Case, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_case(split, index, attempt), compute, tells)


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "cases",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        accepted,
        digest,
        public=((case, compute(case)) for case in public_cases()),
        programs=programs_digest(),
    )


if __name__ == "__main__":
    main()
