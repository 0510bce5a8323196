"""Compute the figures of the built-in cases: `python -m evaluators.pd_disaggregation.reference` (five minutes).

Run it when a recipe, the engines, the pools, the naive program or the oracle changes. An own case on which naive and
reference differ by less than 10 % of naive is redrawn; the file keeps how often.
"""

from __future__ import annotations

from evaluators.pd_disaggregation.figures import STORED, Figures, compute, digest
from evaluators.pd_disaggregation.fleet import Case
from evaluators.pd_disaggregation.public_format import public_cases
from evaluators.pd_disaggregation.workload import RECIPES, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_case(split, index, attempt), compute, lambda _, figures: figures.far_apart
    )


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "cases",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        accepted,
        digest,
        public=((case, compute(case)) for case in public_cases()),
    )


if __name__ == "__main__":
    main()
