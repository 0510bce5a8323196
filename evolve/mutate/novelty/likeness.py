"""How like a program is to those before it, in time that does not grow with their number."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Iterator, Sequence

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
    same answers. It takes less than 1 kB a program, of which 512 bytes are the signature.
    """

    def __init__(self) -> None:
        self._ids = array("q")
        self._known: set[int] = set()
        self._blocks: list[Signature] = []
        self._bands = [_Band(band) for band in range(BANDS)]

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id: int, made: Signature) -> None:
        """Remember a program by its signature; one that is known already stays as it was."""
        if id in self._known:
            return
        self.add_many([id], made[None])
        row = len(self._ids) - 1
        for band, key in zip(self._bands, _keys(made.reshape(BANDS, ROWS)).tolist(), strict=True):
            band.latest.setdefault(key, []).append(row)
        turn = self._bands[row % BANDS]  # one at a time: to sort all of them would hold up the caller
        if len(self) - len(turn.keys) >= max(BLOCK, len(turn.keys) // 16):
            turn.sort(self._blocks, len(self))

    def add_many(self, ids: Sequence[int], made: Signature) -> None:
        """Remember new programs in their order, found after the next `sort`. made: (programs, 128) uint32."""
        self._known.update(ids)
        while len(ids):
            row = len(self._ids) % BLOCK
            if row == 0:
                self._blocks.append(np.empty((BLOCK, HASHES), dtype=np.uint32))
            room = min(BLOCK - row, len(ids))
            self._blocks[-1][row : row + room] = made[:room]
            self._ids.extend(ids[:room])
            ids, made = ids[room:], made[room:]

    def sort(self) -> Iterator[None]:
        """Make what `add_many` took in ready to be found, in 16 pieces."""
        for band in self._bands:
            band.sort(self._blocks, len(self))
            yield

    def nearest(self, made: Signature) -> tuple[int, float] | None:
        """Return (id, estimated Jaccard index) of the program most like one with this signature, of equals the first.

        None when no program meets it in a band: those are seldom more than half like it.
        """
        keys = _keys(made.reshape(BANDS, ROWS)).tolist()
        met = {row for band, key in zip(self._bands, keys, strict=True) for row in band.bucket(key)}
        if not met:
            return None
        rows = sorted(met)
        alike = (np.stack([self._blocks[row // BLOCK][row % BLOCK] for row in rows]) == made).mean(axis=1)
        best = int(alike.argmax())
        return self._ids[rows[best]], float(alike[best])


class _Band:
    """Which rows have which key in one band: in sorted arrays, but for the latest, which are in a dict."""

    def __init__(self, number: int) -> None:
        self._columns = slice(number * ROWS, (number + 1) * ROWS)
        self.keys = np.empty(0, dtype=np.uint64)
        self._rows = np.empty(0, dtype=np.uint32)
        self.latest: dict[int, list[int]] = {}

    def sort(self, blocks: Sequence[Signature], count: int) -> None:
        """Take the latest rows, up to `count`, into the arrays. Of equal keys the older row comes first."""
        done = len(self.keys)
        if done == count:
            return
        first, within = divmod(done, BLOCK)
        new = np.concatenate([_keys(block[:, self._columns]) for block in blocks[first:]])[within:][: count - done]
        keys = np.concatenate([self.keys, new])
        rows = np.concatenate([self._rows, np.arange(done, count, dtype=np.uint32)])
        order = np.argsort(keys, kind="stable")
        self.keys, self._rows = keys[order], rows[order]
        self.latest.clear()

    def bucket(self, key: int) -> list[int]:
        """Return the latest rows with a key."""
        latest = self.latest.get(key, [])[-BUCKET:]
        wanted = np.uint64(key)
        end = int(np.searchsorted(self.keys, wanted, side="right"))
        start = max(int(np.searchsorted(self.keys, wanted, side="left")), end - BUCKET + len(latest))
        return [*self._rows[start:end].tolist(), *latest]


def _keys(rows: Signature) -> NDArray[np.uint64]:
    """Return what the parts of signatures that lie in a band, (..., 8) uint32, hash to: (...) uint64."""
    keys = np.zeros(rows.shape[:-1], dtype=np.uint64)
    for place in range(ROWS):
        keys = (keys ^ rows[..., place].astype(np.uint64)) * _MIX
        keys ^= keys >> np.uint64(29)
    return keys
