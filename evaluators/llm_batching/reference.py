"""Compute the figures of the built-in cases: `python -m evaluators.llm_batching.reference` (a minute).

Run it when a recipe, the engine, the server, the naive or a reference program changes. An own case on which naive and
reference differ by less than 10 % of naive is redrawn; the file keeps how often.
"""

from __future__ import annotations

from evaluators.llm_batching.calls import Case
from evaluators.llm_batching.figures import STORED, Figures, compute, digest
from evaluators.llm_batching.public_format import public_cases
from evaluators.llm_batching.workload import RECIPES, own_case
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
