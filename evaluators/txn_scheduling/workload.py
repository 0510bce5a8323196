"""The instances: sets of transactions, in the order in which they arrive.

Three families, after the workloads that transaction schedulers are measured with (Cheng 2024, VLDB, section 6):
`zipf`: operations on keys whose popularity follows a Zipf law, between ticks of computation; `tpcc`: new-order and
payment (TPC-C, clauses 2.4 and 2.5): hot warehouse and district keys early, then a tail of cold stock, customer and
history keys; `smallbank`: the six short transactions of SmallBank (Alomari 2008) on accounts some of which are hot.
An own instance is (split, index, attempt): one on which naive and reference hardly differ is drawn again
(`reference.py`), and reference.json keeps how often. Numbers of keys carry no meaning.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.txn_scheduling.mechanics import READ, WRITE, Op, Transaction
from evolve.evaluator import Instance, Split


@dataclass(frozen=True)
class Recipe:
    """How the transactions of one instance are drawn.

    Attributes:
        family: which of the three.
        count: transactions.
        keys: keys there are (zipf), accounts (smallbank), warehouses (tpcc).
        exponent: Zipf exponent of the keys' popularity (zipf); share of the operations that go to the hot tenth of
            the accounts (smallbank); share of payments (tpcc).
        ops: range of the operations of a transaction (zipf), of the order lines of a new-order (tpcc).
        write_share: share of operations that write (zipf).
        filler: mean ticks of computation before an operation.
    """

    family: Literal["zipf", "tpcc", "smallbank"]
    count: int
    keys: int
    exponent: float
    ops: tuple[int, int] = (3, 20)
    write_share: float = 0.5
    filler: float = 0.3


@dataclass(frozen=True)
class Workload(Instance):
    """A set of transactions to order.

    recipe, attempt: what they are drawn from.  read: those that a file gave; None when they are drawn.
    """

    recipe: Recipe | None = None
    attempt: int = 0
    read: tuple[Transaction, ...] | None = field(default=None, repr=False)

    @property
    def transactions(self) -> tuple[Transaction, ...]:
        """The transactions, drawn now unless they were drawn lately or read from a file."""
        if self.read is not None:
            return self.read
        if self.recipe is None:
            raise ValueError(f"instance {self.id} has neither transactions nor a recipe")
        return draw(self.id, self.recipe, self.attempt)


# Good programs agree on bank transactions (one hot account decides, see bound.py) and on shops of many warehouses, so
# that test has one of the first, and train and validation have shops of few warehouses only.
RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe("zipf", 100, 200, 0.9, (8, 16), 0.5, 0.0),
        Recipe("zipf", 150, 1000, 1.0, (3, 12), 0.3, 0.5),
        Recipe("zipf", 200, 100, 0.6, (3, 8), 0.4, 0.5),
        Recipe("zipf", 120, 150, 1.2, (12, 24), 0.2, 0.1),
        Recipe("zipf", 250, 1500, 1.0, (10, 40), 0.55, 0.2),
        Recipe("zipf", 180, 400, 1.2, (3, 10), 0.8, 0.3),
        Recipe("tpcc", 150, 1, 0.3, (5, 15), filler=0.2),
        Recipe("tpcc", 200, 2, 0.3, (8, 20), filler=0.0),
        Recipe("zipf", 400, 10_000, 1.1, (4, 24), 0.4, 1.0),
        Recipe("tpcc", 320, 3, 0.35, (6, 16), filler=0.4),
    ),
    Split.VALIDATION: (
        Recipe("zipf", 120, 300, 0.8, (5, 20), 0.5, 0.2),
        Recipe("zipf", 180, 600, 1.1, (4, 14), 0.35, 0.4),
        Recipe("zipf", 250, 150, 0.7, (3, 6), 0.5, 0.8),
        Recipe("zipf", 200, 5000, 1.0, (12, 36), 0.7, 0.1),
        Recipe("zipf", 150, 300, 1.2, (3, 24), 0.25, 0.6),
        Recipe("zipf", 300, 2000, 1.1, (3, 16), 0.6, 0.3),
        Recipe("tpcc", 150, 3, 0.4, (4, 12), filler=0.3),
        Recipe("tpcc", 180, 1, 0.4, (5, 15), filler=0.1),
        Recipe("tpcc", 260, 2, 0.3, (6, 18), filler=0.1),
        Recipe("zipf", 100, 120, 0.9, (8, 20), 0.4, 0.1),
        Recipe("zipf", 160, 800, 1.2, (3, 12), 0.7, 0.5),
        Recipe("zipf", 220, 1000, 0.9, (8, 32), 0.3, 0.0),
        Recipe("zipf", 140, 200, 1.1, (10, 24), 0.25, 0.3),
        Recipe("zipf", 260, 300, 0.6, (3, 10), 0.6, 0.9),
        Recipe("zipf", 350, 6000, 1.2, (6, 24), 0.5, 0.2),
        Recipe("tpcc", 120, 1, 0.35, (6, 15), filler=0.4),
        Recipe("tpcc", 300, 3, 0.3, (8, 16), filler=0.0),
    ),
    # All ranges are within those of train, but for 4 warehouses. Bank transactions, on which good programs agree, are
    # here only.
    Split.TEST: (
        Recipe("zipf", 100, 150, 1.2, (12, 24), 0.2, 0.1),
        Recipe("zipf", 200, 400, 1.2, (3, 10), 0.8, 0.3),
        Recipe("zipf", 250, 2000, 0.8, (20, 40), 0.5, 0.0),
        Recipe("zipf", 350, 800, 0.9, (3, 30), 0.25, 1.0),
        Recipe("zipf", 400, 10_000, 1.2, (6, 24), 0.5, 0.3),
        Recipe("zipf", 300, 120, 0.7, (3, 8), 0.5, 0.6),
        Recipe("tpcc", 140, 1, 0.3, (5, 15), filler=0.1),
        Recipe("tpcc", 300, 3, 0.3, (8, 20), filler=0.0),
        Recipe("tpcc", 400, 4, 0.4, (5, 15), filler=0.5),
        Recipe("smallbank", 300, 60, 0.8, filler=0.2),
    ),
}


def own_workload(split: Split, index: int, attempt: int) -> Workload:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_workload(split, f"{split.value}/{index}", index, attempt)


def drawn_workload(split: Split, name: str, index: int, attempt: int) -> Workload:
    """Return a workload like that of a split with an index, its transactions not yet drawn.

    name: what chance depends on. A program is shown all transactions: there is nothing hidden to be kept apart.
    """
    return Workload(name, RECIPES[split][index], attempt)


@functools.lru_cache(maxsize=64)
def draw(name: str, recipe: Recipe, attempt: int) -> tuple[Transaction, ...]:
    """Draw the transactions; the same for the same arguments, in every process."""
    rng = stream(f"txn_scheduling/{name}/{attempt}")
    make = {"zipf": _zipf, "tpcc": _tpcc, "smallbank": _smallbank}[recipe.family]
    drawn = make(rng, recipe)
    names = {key: None for accesses in drawn for _, key in accesses}
    numbers = dict(zip(names, rng.permutation(len(names)).tolist(), strict=True))
    return tuple(_transaction(rng, recipe, [(kind, numbers[key]) for kind, key in accesses]) for accesses in drawn)


def _transaction(rng: np.random.Generator, recipe: Recipe, accesses: list[tuple[str, int]]) -> Transaction:
    """Put computation before every access, and after the last: a geometric number of ticks, on average `filler`."""
    share = 1.0 / (1.0 + recipe.filler)
    gaps = rng.geometric(share, size=len(accesses) + 1) - 1
    positions = np.cumsum(gaps[:-1] + 1)
    ops: tuple[Op, ...] = tuple((kind, key, int(p)) for (kind, key), p in zip(accesses, positions, strict=True))
    return Transaction(int(positions[-1] + gaps[-1]), ops)


def _zipf(rng: np.random.Generator, recipe: Recipe) -> list[list[tuple[str, int]]]:
    """Draw operations on different keys of one transaction, by popularity, in any order."""
    popularity = np.arange(1, recipe.keys + 1) ** -recipe.exponent
    popularity /= popularity.sum()
    drawn = []
    for _ in range(recipe.count):
        size = int(rng.integers(recipe.ops[0], recipe.ops[1] + 1))
        keys = rng.choice(recipe.keys, size=size, replace=False, p=popularity)
        writes = rng.random(size) < recipe.write_share
        drawn.append([(WRITE if w else READ, int(k)) for w, k in zip(writes, keys, strict=True)])
    return drawn


DISTRICTS = 10
"""Districts of a warehouse in TPC-C."""
CUSTOMERS = 300
"""Customers of a district; a tenth of TPC-C's, since a set of transactions is short."""
ITEMS = 5000
"""Kinds of stock of a warehouse; a twentieth of TPC-C's."""


def _tpcc(rng: np.random.Generator, recipe: Recipe) -> list[list[tuple[str, int]]]:
    """Draw new-orders and payments; every key is one number: table, warehouse, row."""

    def key(table: int, warehouse: int, row: int) -> int:
        return (table * recipe.keys + warehouse) * 10**6 + row

    drawn = []
    for _ in range(recipe.count):
        home, district = int(rng.integers(recipe.keys)), int(rng.integers(DISTRICTS))
        customer = key(2, home, district * CUSTOMERS + int(CUSTOMERS * rng.random() ** 2))
        if rng.random() < recipe.exponent:
            drawn.append([(WRITE, key(0, home, 0)), (WRITE, key(1, home, district)), (WRITE, customer)])
            continue
        lines = int(rng.integers(recipe.ops[0], recipe.ops[1] + 1))
        # Clause 2.4.1.5: one item in a hundred comes from another warehouse; popular items are ordered more often.
        items = np.unique((ITEMS * rng.random(lines) ** 3).astype(np.int64))
        remote = rng.random(items.size) < 0.01
        supply = np.where(remote, rng.integers(recipe.keys, size=items.size), home)
        stock = [(WRITE, key(3, int(w), int(i))) for w, i in zip(supply, rng.permutation(items), strict=True)]
        drawn.append([(READ, key(0, home, 0)), (WRITE, key(1, home, district)), (READ, customer), *stock])
    return drawn


def _smallbank(rng: np.random.Generator, recipe: Recipe) -> list[list[tuple[str, int]]]:
    """Draw the six transactions alike; checking of account a is key 2 a, its savings 2 a + 1."""
    hot = max(2, recipe.keys // 10)

    def account() -> int:
        return int(rng.integers(hot) if rng.random() < recipe.exponent else rng.integers(hot, recipe.keys))

    drawn = []
    for _ in range(recipe.count):
        one, other = account(), account()
        while other == one:
            other = account()
        checking, savings, theirs = 2 * one, 2 * one + 1, 2 * other
        drawn.append(
            (
                [(READ, savings), (READ, checking)],  # balance
                [(READ, checking), (WRITE, checking)],  # deposit checking
                [(READ, savings), (WRITE, savings)],  # transact savings
                [(READ, savings), (READ, checking), (WRITE, savings), (WRITE, checking), (WRITE, theirs)],  # amalgamate
                [(READ, savings), (READ, checking), (WRITE, checking)],  # write check
                [(READ, checking), (WRITE, checking), (READ, theirs), (WRITE, theirs)],  # send payment
            )[int(rng.integers(6))]
        )
    return drawn
