"""How like a program is to those before it, in time that does not grow with their number."""

from __future__ import annotations

import hashlib
import zlib
from array import array
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
"""Programs of a bucket that are looked at, the latest: children of one ancestor share most bands."""
BLOCK = 1024
"""Signatures that lie in one array."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _numbers(name: bytes) -> NDArray[np.uint32]:
    """Return (128, 1) uint32 that no version of numpy or Python changes."""
    return np.frombuffer(hashlib.shake_256(name).digest(4 * HASHES), dtype="<u4").astype(np.uint32)[:, None]


_FACTORS = _numbers(b"factors") | np.uint32(1)
_SHIFTS = _numbers(b"shifts")

Signature = NDArray[np.uint32]


def signature(tokens: Sequence[str]) -> Signature:
    """Return a program's MinHash: (128,) uint32, the least of each of 128 hashes over its shingles of five tokens.

    tokens: of the program, as its language gives them.
    The share of places at which two signatures are the same estimates the Jaccard index of the two sets of shingles,
    with a standard error of sqrt(j (1 - j) / 128). Broder, "On the resemblance and containment of documents", 1997.
    The same in every process: no hash here depends on PYTHONHASHSEED.
    """
    words = [*tokens, *[""] * (SHINGLE_TOKENS - len(tokens))]
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


def packed(made: Signature) -> bytes:
    """Return a signature as 512 bytes."""
    return made.astype("<u4").tobytes()


def unpacked(kept: Sequence[bytes]) -> Signature:
    """Return the signatures that `packed` returned as bytes: (programs, 128) uint32."""
    made: Signature = np.frombuffer(b"".join(kept), dtype="<u4").astype(np.uint32).reshape(-1, HASHES)
    return made


class Likeness:
    """Programs by what they are made of: finds the one most like a new one without looking through them all.

    Locality-sensitive hashing: a signature is cut into 16 bands of 8, and programs that agree on a whole band meet in
    its bucket (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4). Of a bucket only the latest eight are
    looked at, so that a look-up compares at most 128 signatures however large the archive. The same calls give the
    same answers. It takes less than 1 kB a program: 512 bytes are the signature; what its bands hash to lies in sorted
    arrays, but for the latest programs, whose buckets are dicts.
    """

    def __init__(self) -> None:
        self._ids = array("q")
        self._known: set[int] = set()
        self._blocks: list[Signature] = []
        self._sorted = np.empty((BANDS, 0), dtype=np.uint64)
        self._sorted_rows = np.empty((BANDS, 0), dtype=np.uint32)
        self._latest: dict[tuple[int, int], list[int]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id: int, made: Signature) -> None:
        """Remember a program by its signature; one that is known already stays as it was."""
        if self._append(id, made):
            for band, key in enumerate(_bands(made).tolist()):
                self._latest.setdefault((band, key), []).append(len(self._ids) - 1)
            if len(self._ids) - self._sorted.shape[1] >= max(BLOCK, self._sorted.shape[1] // 16):
                self.sort()

    def add_many(self, ids: Sequence[int], made: Signature) -> None:
        """Remember programs in their order, found after the next `sort`. made: (programs, 128) uint32."""
        for id, one in zip(ids, made, strict=True):
            self._append(id, one)

    def _append(self, id: int, made: Signature) -> bool:
        if id in self._known:
            return False
        row = len(self._ids)
        self._known.add(id)
        self._ids.append(id)
        if row % BLOCK == 0:
            self._blocks.append(np.empty((BLOCK, HASHES), dtype=np.uint32))
        self._blocks[-1][row % BLOCK] = made
        return True

    def sort(self) -> None:
        """Take the latest programs into the sorted arrays. Of equal keys the older program comes first."""
        done, count = self._sorted.shape[1], len(self._ids)
        keys, rows = [self._sorted], [self._sorted_rows]
        for start in range(done - done % BLOCK, count, BLOCK):
            first, last = max(done, start), min(start + BLOCK, count)
            keys.append(_bands(self._blocks[start // BLOCK][first - start : last - start]).T)
            rows.append(np.broadcast_to(np.arange(first, last, dtype=np.uint32), (BANDS, last - first)))
        whole, numbers = np.concatenate(keys, axis=1), np.concatenate(rows, axis=1)
        order = np.argsort(whole, axis=1, kind="stable")
        self._sorted = np.take_along_axis(whole, order, axis=1)
        self._sorted_rows = np.take_along_axis(numbers, order, axis=1)
        self._latest.clear()

    def nearest(self, made: Signature) -> tuple[int, float] | None:
        """Return (id, estimated Jaccard index) of the program most like one with this signature, of equals the first.

        None when no program meets it in a band: those are seldom more than half like it.
        """
        met = {row for band, key in enumerate(_bands(made).tolist()) for row in self._bucket(band, key)}
        if not met:
            return None
        rows = sorted(met)
        alike = (np.stack([self._blocks[row // BLOCK][row % BLOCK] for row in rows]) == made).mean(axis=1)
        best = int(alike.argmax())
        return self._ids[rows[best]], float(alike[best])

    def _bucket(self, band: int, key: int) -> list[int]:
        """Return the latest programs with this key in a band."""
        latest = self._latest.get((band, key), [])[-BUCKET:]
        keys, wanted = self._sorted[band], np.uint64(key)
        end = int(np.searchsorted(keys, wanted, side="right"))
        start = max(int(np.searchsorted(keys, wanted, side="left")), end - BUCKET + len(latest))
        return [*self._sorted_rows[band, start:end].tolist(), *latest]


def _bands(made: Signature) -> NDArray[np.uint64]:
    """Return what each band of signatures, (..., 128) uint32, hashes to: (..., 16) uint64."""
    rows = made.reshape(*made.shape[:-1], BANDS, ROWS).astype(np.uint64)
    keys = np.zeros(rows.shape[:-1], dtype=np.uint64)
    for place in range(ROWS):
        keys = (keys ^ rows[..., place]) * _MIX
        keys ^= keys >> np.uint64(29)
    return keys
