"""Compute the figures of the built-in windows: `python -m evaluators.spot_single.reference` (about a minute).

Run it when a recipe, the mechanics, the optimum or the naive baseline changes. An own window with a run on which naive
and optimum differ by less than 1 % of naive, under either set of rules, is redrawn; the file keeps how often.
"""

from __future__ import annotations

from typing import get_args

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.spot_single.figures import STORED, Figures, compute, digest
from evaluators.spot_single.mechanics import Window
from evaluators.spot_single.workload import RECIPES, own_window, public_instances
from evaluators.spot_traces.runs import Rules
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Window, dict[str, Figures]]:
    """Return how many draws were refused, the first draw on which every run tells policies apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_window(split, index, attempt),
        lambda window: {rules: compute(window, rules) for rules in get_args(Rules)},
        lambda window, figures: all(f.tells(run) for f in figures.values() for run in range(len(window.runs))),
    )


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "windows",
        {split: recipe.count for split, recipe in RECIPES.items()},
        accepted,
        digest,
        public=((window, {"public": compute(window, "public")}) for window in public_instances()),
    )


if __name__ == "__main__":
    main()
