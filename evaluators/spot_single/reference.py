"""Compute the figures of the built-in windows: `python -m evaluators.spot_single.reference` (about three minutes).

Run it when a recipe, the mechanics, the optimum or the naive baseline changes. An own window on whose runs, taken
together, naive and optimum differ by less than 10 % of naive, under either set of rules, is redrawn; the file keeps how
often.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from evaluators.reference_file import first_that_tells, write_reference
from evaluators.spot_single.feedback import hindsight
from evaluators.spot_single.figures import STORED, Figures, compute, digest
from evaluators.spot_single.mechanics import Window
from evaluators.spot_single.workload import RECIPES, own_window, public_instances
from evaluators.spot_traces.runs import Rules
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Window, dict[str, Figures]]:
    """Return how many draws were refused, the first draw that tells policies apart, and its figures."""
    attempt, window, figures = first_that_tells(
        lambda attempt: own_window(split, index, attempt),
        lambda window: {rules: compute(window, rules) for rules in get_args(Rules)},
        lambda _, figures: all(f.far_apart for f in figures.values()),
    )
    if split is Split.TRAIN:  # nobody reads the feedback of the others
        figures["strict"] = replace(figures["strict"], optimum_did=hindsight(window))
    return attempt, window, figures


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
