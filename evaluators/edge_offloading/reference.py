"""Compute the figures of the built-in scenes: `python -m evaluators.edge_offloading.reference` (seconds).

Run it when a recipe or the mechanics change. The file keeps how often a scene was redrawn.
"""

from __future__ import annotations

from evaluators.edge_offloading.figures import STORED, Figures, compute, digest, tells_apart
from evaluators.edge_offloading.system import Scene
from evaluators.edge_offloading.workload import RECIPES, own_scene, public_scenes
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Scene, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_scene(split, index, attempt), compute, tells_apart)


def main() -> None:
    """Write reference.json."""
    sizes = {split: len(recipes) for split, recipes in RECIPES.items()}
    public = ((scene, compute(scene)) for scene in public_scenes())
    write_reference(STORED, "scenes", sizes, accepted, digest, public=public)


if __name__ == "__main__":
    main()
