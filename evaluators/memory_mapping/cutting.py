"""Buffers that are made by cutting a full rectangle of time and addresses, so that the least peak is known: its height.

Cut by cut (guillotine), one piece becomes two. `spread` cuts anywhere: sizes and lives differ by orders of magnitude,
as in MiniMalloc's sets A to E and I to K (log-sd of sizes 1.2 to 1.5; lives' deciles 10, 50, 90: .02, .1, .6 of the
whole). `even` cuts the largest piece near its middle: all alike, as in F to H (log-sd .24; lives .02, .03, .04). Then
lives become a little shorter, but for those that are there at one instant, where the rectangle stays full.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np

from evaluators.memory_mapping.buffers import Buffers

Style: TypeAlias = Literal["spread", "even"]
Piece: TypeAlias = tuple[int, int, int, int]
"""From time, to time, from address, to address."""

CAPACITY = 2**20
UNIT = 512
"""Sizes are multiples of this, bytes."""
HEIGHT = CAPACITY // UNIT
LENGTH = 4096
"""Units of time."""
SHORTENED = 0.05
"""The most that a life loses at either end, of itself."""
SPREAD_EDGE, EVEN_EDGE = 0.05, 0.4
"""No cut is nearer to an end of a piece than this, of the piece."""


def cut_buffers(rng: np.random.Generator, count: int, style: Style, shape: float) -> Buffers:
    """Return buffers whose least peak is CAPACITY.

    shape: of `spread`, the share of cuts that divide time; of `even`, a typical life, of the whole.
    """
    pieces: list[Piece] = [(0, LENGTH, 0, HEIGHT)]
    while len(pieces) < count:
        area = np.array([(b - a) * (d - c) for a, b, c, d in pieces], dtype=float)
        if style == "spread":
            which = int(rng.choice(len(pieces), p=area / area.sum()))
            in_time, edge = bool(rng.random() < shape), SPREAD_EDGE
        else:
            which = int(area.argmax())
            a, b, c, d = pieces[which]
            # How much longer than typical it is, against how much higher.
            longer = math.log((b - a) / (LENGTH * shape)) - math.log((d - c) * count * shape / HEIGHT)
            in_time, edge = longer + rng.normal(0.0, 0.3) > 0, EVEN_EDGE
        pieces[which : which + 1] = _halves(pieces[which], in_time, rng.uniform(edge, 1 - edge))
    instant = int(rng.integers(LENGTH))
    lives = []
    for a, b, _, _ in pieces:
        if not a <= instant < b:
            early, late = (rng.uniform(0, SHORTENED, 2) * (b - a)).astype(int).tolist()
            a, b = a + early, b - late
        lives.append((a, b))
    order = rng.permutation(count).tolist()
    return Buffers(
        [lives[k][0] for k in order],
        [lives[k][1] for k in order],
        [UNIT * (pieces[k][3] - pieces[k][2]) for k in order],
    )


def _halves(piece: Piece, in_time: bool, at: float) -> list[Piece]:
    """Return the two parts of a piece, or the piece where it is too small to be cut."""
    a, b, c, d = piece
    if in_time:
        middle = a + round(at * (b - a))
        return [(a, middle, c, d), (middle, b, c, d)] if a < middle < b else [piece]
    middle = c + round(at * (d - c))
    return [(a, b, c, middle), (a, b, middle, d)] if c < middle < d else [piece]
