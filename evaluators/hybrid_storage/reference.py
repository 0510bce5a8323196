"""Compute the figures of the built-in traces: `python -m evaluators.hybrid_storage.reference` (seconds).

Run it when a recipe or the mechanics change. The file keeps how often a trace was redrawn.
"""

from __future__ import annotations

from evaluators.hybrid_storage.figures import STORED, Figures, compute, tells_apart
from evaluators.hybrid_storage.traces import Trace, digest
from evaluators.hybrid_storage.workload import RECIPES, own_trace
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Trace, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_trace(split, index, attempt), compute, tells_apart)


def main() -> None:
    """Write reference.json."""
    write_reference(STORED, "traces", {split: len(r) for split, r in RECIPES.items()}, accepted, digest)


if __name__ == "__main__":
    main()
