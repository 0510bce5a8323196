"""How like a program is to those before it, in time that does not grow with their number."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import Counter, deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE_TOKENS = 5
BANDS = 16
ROWS = 8
"""Rows of a band: programs that share four fifths of their shingles share a band with probability
1 - (1 - 0.8 ** 8) ** 16 = 0.95, at one half of them 0.06."""
HASHES = BANDS * ROWS
BUCKET = 8
"""Programs kept in a bucket, the latest: children of one ancestor share most bands, and would all be looked through."""
MAX_TOKENS = 20_000
MAX_CHARS = 200_000

_TOKEN = re.compile(
    r"""
    \#[^\n]*
    | ^[ \t]*[rRuU]?(?:\"{3}(?:[^\"]|\"(?!\"\"))*+\"{3}|'{3}(?:[^']|'(?!''))*+'{3})(?=[ \t]*(?:\#|$))
    | ("(?:[^"\\\n]|\\.)*+"? | '(?:[^'\\\n]|\\.)*+'? | \w+(?:\.\d+)? | [^\w\s])
    """,
    re.VERBOSE | re.MULTILINE,
)
"""A comment, a docstring (neither captured) or a token. A quote that nothing closes takes the rest of its line with it:
looked for again and again, its end would cost time that grows with the square of the line."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _numbers(name: bytes) -> NDArray[np.uint32]:
    """Return (128, 1) uint32 that no version of numpy or Python changes."""
    return np.frombuffer(hashlib.shake_256(name).digest(4 * HASHES), dtype="<u4").astype(np.uint32)[:, None]


_FACTORS = _numbers(b"factors") | np.uint32(1)
_SHIFTS = _numbers(b"shifts")

Signature = NDArray[np.uint32]


def tokens(source: str) -> list[str]:
    """Return a program's tokens, without layout, comments and docstrings; of a very long one, the first 20,000.

    No tokenizer but a pattern, which is ten times as fast: where it errs, it errs alike on programs that are alike.
    """
    return [token for token in _TOKEN.findall(source[:MAX_CHARS]) if token][:MAX_TOKENS]


def signature(source: str) -> Signature:
    """Return a program's MinHash: (128,) uint32, the least of each of 128 hashes over its shingles of five tokens.

    The share of places at which two signatures are the same estimates the Jaccard index of the two sets of shingles,
    with a standard error of sqrt(j (1 - j) / 128). Broder, "On the resemblance and containment of documents", 1997.
    The same in every process: no hash here hangs on PYTHONHASHSEED.
    """
    words = tokens(source)
    words += [""] * (SHINGLE_TOKENS - len(words))
    known = {word: zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in set(words)}
    codes = np.array([known[word] for word in words], dtype=np.uint64)
    count = len(codes) - SHINGLE_TOKENS + 1
    shingles = np.zeros(count, dtype=np.uint64)
    for place in range(SHINGLE_TOKENS):
        shingles = (shingles ^ codes[place : place + count]) * _MIX
        shingles ^= shingles >> np.uint64(29)
    # An odd factor and a shift permute the 32-bit numbers: the least of a permutation is what MinHash asks for.
    permuted = (shingles >> np.uint64(32)).astype(np.uint32) * _FACTORS
    permuted += _SHIFTS
    made: Signature = permuted.min(axis=1)
    return made


class Likeness:
    """Programs by what they are made of: finds the one most like a new one without looking through them all.

    Locality-sensitive hashing: a signature is cut into 16 bands of 8, and programs that agree on a whole band meet in
    its bucket (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4). A bucket keeps its latest eight, so
    that a look-up compares at most 128 signatures however large the archive. The same calls give the same answers.
    """

    def __init__(self) -> None:
        self._buckets: dict[bytes, deque[int]] = {}
        self._rows: dict[int, int] = {}
        self._ids: list[int] = []
        self._signatures: Signature = np.empty((64, HASHES), dtype=np.uint32)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id: int, made: Signature) -> None:
        """Remember a program by its signature; one that is known already stays as it was."""
        if id in self._rows:
            return
        row = self._rows[id] = len(self._ids)
        self._ids.append(id)
        if row == len(self._signatures):
            self._signatures = np.concatenate([self._signatures, np.empty_like(self._signatures)])
        self._signatures[row] = made
        for key in _bands(made):
            self._buckets.setdefault(key, deque(maxlen=BUCKET)).append(row)

    def nearest(self, made: Signature) -> tuple[int, float] | None:
        """Return (id, estimated Jaccard index) of the program most like one with this signature, of equals the first.

        None when no program meets it in a band: those are seldom more than half like it.
        """
        met = Counter(row for key in _bands(made) for row in self._buckets.get(key, ()))
        if not met:
            return None
        rows = np.array(sorted(met))
        alike = (self._signatures[rows] == made).mean(axis=1)
        best = int(alike.argmax())
        return self._ids[rows[best]], float(alike[best])


def _bands(made: Signature) -> Sequence[bytes]:
    """Return the bands' contents, each with its band's number in front."""
    raw = made.tobytes()
    width = len(raw) // BANDS
    return [bytes([band]) + raw[band * width : (band + 1) * width] for band in range(BANDS)]
