"""How the cells of one column of a drawn table come about: the values it has, and which row has which.

Every text is one that pandas reads back as it is written, so that a table survives being written as CSV: no text looks
like a missing value, numbers look as Python writes them, and only columns of text have holes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["int", "float", "bool", "date", "epoch", "code", "name", "label", "url", "text"]

LONGEST_CELL = 2000
"""Characters."""
_SHORTEST_SAFE = 9
"""Characters from which on a text cannot be one of the words that pandas reads as missing ("null", "#N/A", ...)."""
_CONSONANTS, _VOWELS = list("bcdfgklmprstvw"), list("aeiou")
_WIDE = ["é", "ß", "ø", "漢", "字", "😀", "ñ"]
"""Characters of more than one byte, which the `wide` tables have in their words."""


@dataclass(frozen=True)
class Column:
    """How a column is drawn.

    Attributes:
        kind: what its values look like.
        share: range of the exponent u of its cardinality rows**u; (1, 1): every row has a value of its own.
        chars: range of the mean length of its texts, characters ("code", "name", "label", "url", "text").
        zipf: range of the exponent of its values' popularity.
        of: a column that determines this one; with no `share` of its own, value for value.
        noise: share of rows in which `of` does not determine it.
        holes: share of rows without a value.
    """

    name: str
    kind: Kind
    share: tuple[float, float] | None = None
    chars: tuple[int, int] = (6, 14)
    zipf: tuple[float, float] = (0.5, 1.2)
    of: str = ""
    noise: float = 0.0
    holes: float = 0.0


class Words:
    """A stock of made-up words, popular as Zipf says, and texts made of them."""

    def __init__(self, rng: np.random.Generator, wide: bool = False, size: int = 3000) -> None:
        self._rng = rng
        syllables = [a + b for a in _CONSONANTS for b in _VOWELS]
        if wide:
            syllables += [a + b for a in _WIDE for b in _VOWELS]
        lengths = rng.integers(1, 5, size)
        drawn = iter(rng.integers(len(syllables), size=int(lengths.sum())).tolist())
        words = ["".join(syllables[next(drawn)] for _ in range(length)) for length in lengths.tolist()]
        self._words = np.array(words, dtype=object)
        weight = 1.0 / np.arange(1, size + 1) ** 0.9
        self._upto = np.cumsum(weight / weight.sum())

    def some(self, count: int) -> list[str]:
        """Return words, with repeats."""
        places = np.searchsorted(self._upto, self._rng.random(count))
        words: list[str] = self._words[np.minimum(places, len(self._words) - 1)].tolist()
        return words

    def texts(self, lengths: np.ndarray) -> list[str]:
        """Return one running text cut into pieces. lengths: (count,) int, characters of each."""
        total = int(lengths.sum())
        running = ""
        while len(running) < total:
            running += " ".join(self.some((total - len(running)) // 4 + 8)) + ". "
        ends = np.cumsum(lengths).tolist()
        pieces = [running[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]
        # A space at an edge would not survive every reader of CSV.
        return [
            f"t{piece[1:-1]}." if length > 1 else "t" for piece, length in zip(pieces, lengths.tolist(), strict=True)
        ]


def values(rng: np.random.Generator, words: Words, column: Column, count: int, scale: float) -> list[str]:
    """Return the texts of a column's values. scale: factor on the length of "text"."""
    mean = rng.uniform(*column.chars)
    match column.kind:
        case "int":
            return list(map(str, (rng.integers(1, 9) + rng.permutation(count) * int(rng.integers(1, 4))).tolist()))
        case "float":
            start = rng.integers(0, 10)
            return [repr(float(v) / 10) for v in (10 * start + rng.permutation(count)).tolist()]
        case "bool":
            return ["False", "True"][:count]
        case "date":
            days = np.datetime64("2004-01-01") + rng.permutation(max(count, 6000))[:count]
            return [str(day) for day in days]
        case "epoch":
            return list(map(str, (1_100_000_000 + rng.choice(3 * 10**8, count, replace=False)).tolist()))
        case "text":
            lengths = np.clip(rng.lognormal(np.log(mean * scale), 0.5, count), 1, LONGEST_CELL).astype(np.int64)
            return words.texts(lengths)
        case "url":
            host = f"https://www.{words.some(1)[0]}.example/"
            return [
                f"{host}{word}/{_code(number)}"
                for word, number in zip(words.some(count), _ids(rng, count), strict=True)
            ]
    per_word = {"code": 1, "label": 1, "name": 2}[column.kind]
    parts = [words.some(count) for _ in range(max(per_word, round(mean / 7)))]
    texts = [" ".join(several).title() for several in zip(*parts, strict=True)]
    if column.kind == "code":
        return [f"B{_code(number)}" for number in _ids(rng, count)]
    # Two values may have drawn the same words; a number tells them apart, and short ones from "Nan" and its like.
    seen: set[str] = set()
    for i, text in enumerate(texts):
        if text in seen or len(text) < _SHORTEST_SAFE:
            texts[i] = f"{text} {_code(i)}"
        seen.add(texts[i])
    return texts


def _ids(rng: np.random.Generator, count: int) -> list[int]:
    numbers: list[int] = (
        rng.choice(2**40, count, replace=False, shuffle=False).tolist()
        if count < 8
        else (np.unique(rng.integers(2**40, size=2 * count))[:count][rng.permutation(count)].tolist())
    )
    return numbers


def _code(number: int) -> str:
    """Return a number in capital letters."""
    letters = ""
    while number or not letters:
        number, digit = divmod(number, 23)
        letters = "ABCDFGHJKLMPQRSTUVWXYZ0"[digit] + letters
    return letters


def choices(rng: np.random.Generator, column: Column, count: int, rows: int) -> np.ndarray:
    """Return which value each row has, (rows,) int64."""
    if count >= rows:
        return rng.permutation(rows)
    popularity = 1.0 / np.arange(1, count + 1) ** rng.uniform(*column.zipf)
    drawn: np.ndarray = rng.choice(count, rows, p=popularity / popularity.sum())
    return drawn


def follows(rng: np.random.Generator, parent: np.ndarray, parents: int, count: int, noise: float) -> np.ndarray:
    """Return which value each row has when another column determines it, but for a share `noise` of the rows.

    parent: (rows,) int64, the other column's values, of `parents`.  Returns (rows,) int64 in 0..count-1.
    """
    of_parent = np.arange(parents) if count >= parents else rng.integers(count, size=parents)
    chosen = of_parent[parent]
    stray = rng.random(len(parent)) < noise
    chosen[stray] = rng.integers(count, size=int(stray.sum()))
    return chosen
