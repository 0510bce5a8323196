"""Instances drawn afresh: those of a recipe under a seed of their own, for `Evaluator.fresh` of a bundled domain."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from evaluators.reference_file import first_that_tells
from evolve.evaluator import Instance, Split, fresh_id

T = TypeVar("T", bound=Instance)


def stream(name: str) -> np.random.Generator:
    """Return a stream of chance that depends on a name alone: who has seen one knows nothing of any other."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big"))


def drawn_afresh(
    split: Split,
    seed: int,
    count: int,
    slots: Sequence[int],
    draw: Callable[[str, int, int], T],
    tells: Callable[[T], bool] = lambda instance: True,
) -> list[T]:
    """Return `count` instances, each by the recipe of one of a split's own; each of those once before any again.

    slots: the places in the split of those whose recipes are taken.  draw: makes an instance from its id, the slot
    whose recipe it takes, and the attempt, 0, 1, ...  tells: whether a draw tells programs apart; it is drawn again
    until one does.
    """
    order = random.Random(f"{split}/fresh-{seed}/slots").sample(slots, len(slots))
    drawn = []
    for index in range(count):
        name, slot = fresh_id(split, seed, index), order[index % len(slots)]

        def of_attempt(attempt: int, name: str = name, slot: int = slot) -> T:
            return draw(name, slot, attempt)

        drawn.append(first_that_tells(of_attempt, tells, lambda _, told: told)[1])
    return drawn
