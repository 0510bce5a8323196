"""Our own instances: buffers of two styles, and programs of layered networks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeAlias

from evaluators.fresh_draws import stream
from evaluators.memory_mapping.buffers import Buffers, BuffersInstance
from evaluators.memory_mapping.cutting import CAPACITY, Style, cut_buffers
from evaluators.memory_mapping.machine import Program, ProgramInstance
from evaluators.memory_mapping.nets import Net, drawn_program
from evolve.evaluator import Split

Kind: TypeAlias = Literal["offsets", "placement"]
Mapped: TypeAlias = BuffersInstance | ProgramInstance


@dataclass(frozen=True)
class Cut:
    """How buffers are drawn; each pair is a range.

    count: how many.  style: see cutting.py.  shape: of `spread`, the share of cuts in time; of `even`, a life.
    """

    count: tuple[int, int]
    style: Style = "spread"
    shape: tuple[float, float] = (0.4, 0.5)


EVEN = (0.028, 0.036)
OFFSETS: dict[Split, tuple[Cut, ...]] = {
    Split.TRAIN: (
        *[Cut((120, 180))] * 3,
        *[Cut((180, 260))] * 3,
        Cut((300, 360)),
        *[Cut((150, 220), "even", EVEN)] * 3,
        *[Cut((250, 320), "even", EVEN)] * 2,
    ),
    Split.VALIDATION: (
        *[Cut((120, 200))] * 7,
        *[Cut((200, 280))] * 5,
        *[Cut((300, 400))] * 2,
        *[Cut((150, 230), "even", EVEN)] * 6,
        *[Cut((250, 330), "even", EVEN)] * 4,
    ),
    # Larger; lives longer or shorter than in train.
    Split.TEST: (
        *[Cut((250, 400))] * 4,
        *[Cut((200, 350), shape=(0.3, 0.4))] * 3,
        *[Cut((200, 350), shape=(0.5, 0.62))] * 3,
        *[Cut((300, 450), "even", EVEN)] * 3,
        *[Cut((200, 320), "even", (0.045, 0.07))] * 3,
    ),
}
PLACEMENT: dict[Split, tuple[Net, ...]] = {
    Split.TRAIN: (*[Net((300, 420))] * 6, *[Net((500, 700))] * 3, Net((300, 400), fast=(0.15, 0.2))),
    Split.VALIDATION: (*[Net((300, 450))] * 12, *[Net((500, 800))] * 6, *[Net((300, 400), fast=(0.15, 0.2))] * 4),
    # Larger, more or fewer weights, more reuse, less or more to compute.
    Split.TEST: (
        *[Net((600, 1000))] * 4,
        *[Net((400, 600), weights=(0.6, 0.9))] * 2,
        *[Net((400, 600), reuse=(1.2, 2.0), weights=(0.0, 0.3))] * 2,
        *[Net((400, 600), operations=(5.0, 150.0))] * 2,
        Net((1400, 1800)),
        Net((500, 700), spread=(1.5, 1.8), fast=(0.15, 0.25)),
    ),
}
RECIPES: dict[Kind, dict[Split, tuple[Cut, ...]] | dict[Split, tuple[Net, ...]]] = {
    "offsets": OFFSETS,
    "placement": PLACEMENT,
}


def own_instance(kind: Kind, split: Split, index: int, attempt: int) -> Mapped:
    """Return a draw of an own instance; the same for the same arguments, in every process."""
    name = f"{split}/{index}" if kind == "offsets" else f"{split}/placement-{index}"
    return drawn_instance(kind, split, name, index, attempt)


def drawn_instance(kind: Kind, split: Split, name: str, slot: int, attempt: int) -> Mapped:
    """Return an instance by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    key = f"memory_mapping/{kind}/{name}/{attempt}"
    if kind == "offsets":
        return BuffersInstance(name, partial(_buffers, OFFSETS[split][slot], key), CAPACITY)
    return ProgramInstance(name, partial(_program, PLACEMENT[split][slot], key))


@cache
def _buffers(recipe: Cut, key: str) -> Buffers:
    rng = stream(key)
    count = int(rng.integers(recipe.count[0], recipe.count[1] + 1))
    return cut_buffers(rng, count, recipe.style, rng.uniform(*recipe.shape))


@cache
def _program(recipe: Net, key: str) -> tuple[Program, int]:
    return drawn_program(stream(key), recipe)
