"""Compute the figures of the built-in instances: `python -m evaluators.llm_sql.reference` (about a minute).

Run it when a recipe, a family of tables, the naive or the reference program or the bound changes. An instance on which
naive and reference differ by less than 10 % of naive's x is redrawn; the file keeps how often.
"""

from __future__ import annotations

from evaluators.llm_sql.figures import STORED, Figures, compute, programs_digest
from evaluators.llm_sql.workload import RECIPES, TableInstance, own_instance
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, TableInstance, Figures]:
    """Return how many draws were refused, the first draw on which naive and reference differ enough, its figures."""
    return first_that_tells(
        lambda attempt: own_instance(split, index, attempt),
        lambda instance: compute(instance.table),
        lambda _, figures: figures.far_apart,
    )


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "instances",
        {split: len(recipes) for split, recipes in RECIPES.items()},
        accepted,
        lambda instance: instance.table.digest,
        programs=programs_digest(),
    )


if __name__ == "__main__":
    main()
