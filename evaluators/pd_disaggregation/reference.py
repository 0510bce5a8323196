"""Compute the figures of the built-in cases: `python -m evaluators.pd_disaggregation.reference [FAMILY ...]`.

Five minutes for each. Run it when a recipe, the engines, the pools, the naive program or the oracle changes. An own
case on which naive and reference differ by less than 10 % of naive is redrawn; the file keeps how often.
"""

from __future__ import annotations

import sys

from evaluators.pd_disaggregation.figures import Figures, compute, digest, file_of
from evaluators.pd_disaggregation.fleet import FAMILIES, Case, Family
from evaluators.pd_disaggregation.public_format import public_cases
from evaluators.pd_disaggregation.workload import RECIPES, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int, family: Family = "pools") -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_case(split, index, attempt, family), compute, lambda _, figures: figures.far_apart
    )


def main(family: Family = "pools") -> None:
    """Write the figures of a family. Public windows are of pools alone: their machines are what they are."""
    write_reference(
        file_of(family),
        "cases",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        lambda split, index: accepted(split, index, family),
        digest,
        public=((case, compute(case)) for case in (public_cases() if family == "pools" else [])),
    )


if __name__ == "__main__":
    for asked in sys.argv[1:] or FAMILIES:
        main(asked)  # type: ignore[arg-type]
