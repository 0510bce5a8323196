"""Compute the figures of the built-in cases: `python -m evaluators.prism.reference` (some ten seconds).

Run it when a recipe, the naive or the reference program changes. The file keeps how often a case was redrawn.
"""

from __future__ import annotations

from evaluators.prism.figures import STORED, Figures, compute, digest, programs_digest
from evaluators.prism.pressure import GPU_GB, pressure_bound
from evaluators.prism.public_format import public_cases
from evaluators.prism.workload import RECIPES, Case, own_case
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split

MOST_NAIVE = 6.0
"""A case is redrawn when naive is at more than so many times the bound: it has all but filled some GPU, and then any
other placement looks as good as the reference."""
LEAST_OVER_HOTTEST = 1.001
"""A case is redrawn when the reference is at less than so many times the pressure of the hottest model on a GPU of its
own: nothing is left to decide."""


def tells(case: Case, found: Figures) -> bool:
    """Return whether a drawn case tells programs apart."""
    if not found.tells or found.naive is None or found.reference is None:
        return False
    hottest = max(m.rate / m.slo / (GPU_GB - m.size_gb) for m in case.models)
    return (
        found.naive <= MOST_NAIVE * pressure_bound(case.models, case.num_gpus)
        and found.reference >= LEAST_OVER_HOTTEST * hottest
    )


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
