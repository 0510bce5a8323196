"""Compute the figures of the built-in cases: `python -m evaluators.llm_routing.reference` (half a minute).

Run it when a recipe, the engines, the gateway, the naive or the reference program changes. An own case on which naive
and reference differ by less than 10 % of naive is redrawn; the file keeps how often.
"""

from __future__ import annotations

from dataclasses import replace

from evaluators.llm_routing.cluster import Case
from evaluators.llm_routing.feedback import what_it_did
from evaluators.llm_routing.figures import STORED, Figures, compute, digest
from evaluators.llm_routing.programs import REFERENCE, serve_with
from evaluators.llm_routing.public_format import public_cases
from evaluators.llm_routing.workload import RECIPES, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    attempt, case, figures = first_that_tells(
        lambda attempt: own_case(split, index, attempt), compute, lambda _, figures: figures.far_apart
    )
    if split is Split.TRAIN:  # nobody reads the feedback of the others
        figures = replace(figures, reference_did=what_it_did(case, serve_with(REFERENCE, case, fresh=True)))
    return attempt, case, figures


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "cases",
        {split: recipe.count for split, recipe in RECIPES.items()},
        accepted,
        digest,
        public=((case, compute(case)) for case in public_cases()),
    )


if __name__ == "__main__":
    main()
