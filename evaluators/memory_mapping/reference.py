"""Compute the figures of the built-in instances: `python -m evaluators.memory_mapping.reference` (a minute).

Run it when a recipe, the mechanics or a rule changes. The files keep how often an instance was redrawn.
"""

from __future__ import annotations

from evaluators.memory_mapping.figures import (
    STORED,
    STORED_PLACEMENT,
    Figures,
    compute,
    digest,
    programs_digest,
    tells_apart,
)
from evaluators.memory_mapping.public_format import public_buffers
from evaluators.memory_mapping.workload import RECIPES, Kind, Mapped, own_instance
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int, kind: Kind = "offsets") -> tuple[int, Mapped, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_instance(kind, split, index, attempt), compute, tells_apart)


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "instances",
        {split: len(recipes) for split, recipes in RECIPES["offsets"].items()},
        accepted,
        digest,
        public=((one, compute(one)) for one in public_buffers()),
        programs=programs_digest(),
    )


def main_placement() -> None:
    """Write reference_placement.json."""
    write_reference(
        STORED_PLACEMENT,
        "instances",
        {split: len(recipes) for split, recipes in RECIPES["placement"].items()},
        lambda split, index: accepted(split, index, "placement"),
        digest,
        programs=programs_digest(),
    )


if __name__ == "__main__":
    main()
    main_placement()
