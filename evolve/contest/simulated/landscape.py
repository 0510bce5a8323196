"""Four landscapes over programs of 32 genes, 0 or 1, each with its optimum known; the seed is all zeros.

- rugged: an NK landscape with four adjacent genes in each term (Kauffman and Levin 1987); its optimum by dynamic
  programming over the ring (Weinberger 1996). Many local optima, no help from far away.
- deceptive: ten traps of three genes (Deb and Goldberg 1993): the best is farthest from what attracts.
- parts: eight blocks of four genes, each worth something only when it is whole (the royal road of Mitchell, Forrest
  and Holland 1992). Parts that others have found combine.
- opposed: half of the instances wish the first branch one way, half another way; a program with its gate open answers
  the second half with its second branch. Matches count by their cube, so that who is good at one half is better than a
  compromise, and two of them make the best program.

Beyond its structure every instance has small wishes of its own, one per gene, so that train can be fitted too well.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

GENES = 32
KINDS = ("rugged", "deceptive", "parts", "opposed")
NEIGHBOURS = 3
BLOCK = 4
TRAP = 3
BRANCH = 14
"""Genes of each branch of "opposed"; the rest are its gate."""
WISH_POINTS = 2.5
"""Standard deviation of what an instance's own wish for one gene is worth, unless the problem's option says more."""

Genes = tuple[int, ...]


def points(kind: str, genes: Genes, group: int) -> float:
    """Return the structure's score of a program on instances of a group: 0 of all zeros, 100 of the best.

    group: 0 or 1, which half of the instances; it matters to "opposed" alone.
    """
    naive, best = _value(kind, (0,) * GENES, group), _best(kind)
    return 100 * (_value(kind, genes, group) - naive) / (best - naive)


def wishes(instance: str) -> tuple[float, ...]:
    """Return what each gene that is 1 is worth to an instance, in units of their standard deviation."""
    rng = random.Random(f"wishes/{instance}")
    return tuple(rng.gauss(0.0, 1.0) for _ in range(GENES))


def score(kind: str, genes: Genes, instance: str, group: int, wish_points: float = WISH_POINTS) -> float:
    """Return the score of a program on an instance."""
    own = sum(wish for gene, wish in zip(genes, wishes(instance), strict=True) if gene)
    return points(kind, genes, group) + wish_points * own


def _value(kind: str, genes: Sequence[int], group: int) -> float:
    if kind == "rugged":
        table = _nk()
        ring = [*genes, *genes[:NEIGHBOURS]]
        return sum(table[place][_number(ring[place : place + NEIGHBOURS + 1])] for place in range(GENES))
    if kind == "deceptive":
        flipped = [gene ^ (place % TRAP == 0) for place, gene in enumerate(genes)]
        traps = [sum(flipped[place : place + TRAP]) for place in range(0, GENES - GENES % TRAP, TRAP)]
        return float(sum(TRAP if ones == TRAP else TRAP - 1 - ones for ones in traps))
    if kind == "parts":
        target = _target("parts", GENES)
        blocks = range(0, GENES, BLOCK)
        return float(sum(list(genes[b : b + BLOCK]) == list(target[b : b + BLOCK]) for b in blocks))
    gate = all(genes[2 * BRANCH :])
    branch = genes[BRANCH : 2 * BRANCH] if gate and group else genes[:BRANCH]
    target = _target(f"opposed/{group}", BRANCH)
    return (sum(a == b for a, b in zip(branch, target, strict=True)) / BRANCH) ** 3


def _number(bits: Sequence[int]) -> int:
    return functools.reduce(lambda number, bit: 2 * number + bit, bits, 0)


@functools.cache
def _target(name: str, count: int) -> Genes:
    """Return the wanted genes: no block of them is all zeros, and opposed ones differ everywhere."""
    if name == "opposed/1":
        return tuple(1 - gene for gene in _target("opposed/0", count))
    rng = random.Random(f"target/{name}")
    genes = [rng.randrange(2) for _ in range(count)]
    for block in range(0, count, BLOCK):
        if not any(genes[block : block + BLOCK]):
            genes[block] = 1
    return tuple(genes)


@functools.cache
def _nk() -> tuple[tuple[float, ...], ...]:
    rng = random.Random("nk")
    return tuple(tuple(rng.random() for _ in range(2 ** (NEIGHBOURS + 1))) for _ in range(GENES))


@functools.cache
def _best(kind: str) -> float:
    """Return the highest value that there is."""
    if kind == "rugged":
        return max(_best_from(start) for start in range(2**NEIGHBOURS))
    if kind == "deceptive":
        return float(TRAP * (GENES // TRAP))
    return float(GENES // BLOCK) if kind == "parts" else 1.0


def _best_from(start: int) -> float:
    """Return the best value on the ring among programs whose first genes are the bits of `start`."""
    table, states = _nk(), 2**NEIGHBOURS
    first = [start >> (NEIGHBOURS - 1 - place) & 1 for place in range(NEIGHBOURS)]
    best = {start: 0.0}
    for place in range(GENES):
        closing = place + NEIGHBOURS - GENES
        nexts = [first[closing]] if closing >= 0 else [0, 1]
        reached: dict[int, float] = {}
        for state, value in best.items():
            for bit in nexts:
                window = 2 * state + bit
                key = window % states
                reached[key] = max(reached.get(key, float("-inf")), value + table[place][window])
        best = reached
    return best[start]
