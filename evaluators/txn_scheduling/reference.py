"""Compute the figures of the built-in instances: `python -m evaluators.txn_scheduling.reference` (about five minutes).

Run it when a recipe, the mechanics, the naive or a reference program, or a best known order changes. An own instance on
which naive and reference differ by less than 10 % of naive is redrawn; the file keeps how often.
"""

from __future__ import annotations

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.txn_scheduling.figures import STORED, Figures, compute, digest, programs_digest
from evaluators.txn_scheduling.public_format import public_workloads
from evaluators.txn_scheduling.workload import RECIPES, Workload, own_workload
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Workload, Figures]:
    """Return how many draws were refused, the first draw on which naive and reference differ enough, its figures."""
    return first_that_tells(
        lambda attempt: own_workload(split, index, attempt), compute, lambda _, figures: figures.far_apart
    )


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "instances",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        accepted,
        lambda workload: digest(workload.transactions),
        public=((workload, compute(workload)) for workload in public_workloads()),
        programs=programs_digest(),
    )


if __name__ == "__main__":
    main()
