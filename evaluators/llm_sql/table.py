"""A table as the candidate sees it: columns, rows of texts, and columns that must stay together."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Table:
    """Texts to order.

    Attributes:
        columns: names, each once.
        rows: of each row, the text of each column.
        merges: names of columns that stay adjacent in every row, in one order for all rows. None is in two of them.
    """

    columns: tuple[str, ...]
    rows: list[list[str]]
    merges: tuple[tuple[str, ...], ...] = ()

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Characters of every cell, (rows, columns) int64."""
        return np.array([[len(cell) for cell in row] for row in self.rows], dtype=np.int64).reshape(
            len(self.rows), len(self.columns)
        )

    @functools.cached_property
    def repeated(self) -> np.ndarray:
        """Characters of each column in cells whose text an earlier row of the same column has, (columns,) int64."""
        distinct = [sum(map(len, set(cells))) for cells in zip(*self.rows, strict=True)]
        repeated: np.ndarray = self.lengths.sum(axis=0) - np.array(distinct, dtype=np.int64)
        return repeated

    @functools.cached_property
    def characters(self) -> int:
        """Characters of all cells."""
        return int(self.lengths.sum())

    @functools.cached_property
    def digest(self) -> str:
        """A hash of columns, merges and all cells."""
        content = hashlib.sha256(repr((self.columns, self.merges)).encode())
        for row in self.rows:
            # The lengths as well: "ab", "c" is another row than "a", "bc".
            content.update(repr([len(cell) for cell in row]).encode() + "".join(row).encode("utf-8", "surrogatepass"))
        return content.hexdigest()[:32]

    @functools.cached_property
    def merged_places(self) -> tuple[tuple[int, ...], ...]:
        """The merges by number of column."""
        place = {name: number for number, name in enumerate(self.columns)}
        return tuple(tuple(place[name] for name in names) for names in self.merges)
