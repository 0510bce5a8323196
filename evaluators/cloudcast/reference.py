"""Compute the figures of the built-in broadcasts: `python -m evaluators.cloudcast.reference` (about a minute).

Run it when a recipe, the mechanics, the naive or the reference program changes. The file keeps how often a broadcast
was redrawn.
"""

from __future__ import annotations

from evaluators.cloudcast.figures import STORED, Figures, compute, digest, programs_digest
from evaluators.cloudcast.public_format import public_broadcasts
from evaluators.cloudcast.transfer import Broadcast
from evaluators.cloudcast.workload import RECIPES, own_broadcast
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Broadcast, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_broadcast(split, index, attempt), compute, lambda _, figures: figures.far_apart
    )


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "broadcasts",
        {split: recipe.count for split, recipe in RECIPES.items()},
        accepted,
        digest,
        public=((broadcast, compute(broadcast)) for broadcast in public_broadcasts()),
        programs=programs_digest(),
    )


if __name__ == "__main__":
    main()
