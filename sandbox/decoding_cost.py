"""What a payload would cost to decode, found before: the decoder itself can be neither bounded nor interrupted."""

from __future__ import annotations

import re
import struct

MAX_DECODED_BYTES = 128 * 2**20
"""Memory that a decoded answer may take. A byte on the wire can become 90 in memory: an empty list, for one."""

MAX_KEY_WORK = 5 * 10**8
"""Number of keys of dicts times their bytes, for keys whose hash can be foreseen; the worst take a second or two.

Python salts the hashes of texts and bytes, not those of numbers and of tuples of numbers: a program can choose
them all alike, and then a dict of n keys costs n * n / 2 comparisons.
"""

SMALL = 32 * 2**10
"""Bytes of a payload that cannot hold enough parts or keys to matter: nobody need ask."""

MAX_DEPTH = 2000
"""Brackets within brackets that are followed; the decoder gives up earlier."""


def refusal(payload: memoryview) -> str:
    """Return why a payload of more than SMALL bytes must not be decoded, "" when it may."""
    if len(payload) * _MOST_PER_BYTE > MAX_DECODED_BYTES and decoded_bytes(payload) > MAX_DECODED_BYTES:
        return f"the answer would take more than {MAX_DECODED_BYTES >> 20} MB of memory: too many small parts"
    if _MAP.search(payload) and key_work(payload) > MAX_KEY_WORK:
        return "a dict has too many keys that are no text: answer with a list or an array"
    return ""


_MAP = re.compile(rb"[\x81-\x8f\xde\xdf]")


def key_work(payload: memoryview) -> int:
    """Return the number of keys times their bytes, over all keys that are neither text nor bytes nor small numbers.

    Stops counting beyond MAX_KEY_WORK. Whole numbers of up to two bytes are few enough to lie apart in any table.
    """
    at, end, keys, key_bytes = 0, len(payload), 0, 0
    outer: list[tuple[int, bool, bool]] = []
    left, alternating, within_key = 1, False, False  # items to come, of a map?, part of a key?
    while at < end and keys * key_bytes <= MAX_KEY_WORK:
        while not left:
            if not outer:
                return keys * key_bytes
            left, alternating, within_key = outer.pop()
        is_key = alternating and left % 2 == 0
        left -= 1
        first = payload[at]
        length = _LENGTHS[first]
        if not length:
            form, header = _SIZES[first]
            if at + header > end:
                break
            length = header + int(struct.unpack_from(form, payload, at + 1)[0])
        foreseeable = is_key and first in _FORESEEABLE
        keys += foreseeable
        if foreseeable or within_key:
            key_bytes += length
        count = _items(payload, at, end)
        at += length
        if count:
            outer.append((left, alternating, within_key))
            if len(outer) > MAX_DEPTH:
                break
            alternating = first < 0x90 or first >= 0xDE
            left, within_key = count * (2 if alternating else 1), within_key or is_key
    return keys * key_bytes


def _items(payload: memoryview, at: int, end: int) -> int:
    """Return how many items the array or map has that starts here, pairs for a map; 0 for what is neither."""
    first = payload[at]
    if 0x80 <= first < 0xA0:
        return first & 15
    if first in (0xDC, 0xDE) and at + 3 <= end:
        return int.from_bytes(payload[at + 1 : at + 3], "big")
    if first in (0xDD, 0xDF) and at + 5 <= end:
        return int.from_bytes(payload[at + 1 : at + 5], "big")
    return 0


_FORESEEABLE = frozenset([*range(0x90, 0xA0), 0xCA, 0xCB, 0xCE, 0xCF, 0xD2, 0xD3, 0xDC, 0xDD])
"""First bytes of what may be a key of a foreseeable hash: arrays, floats, whole numbers of four and eight bytes."""

_MOST_PER_BYTE = 96
_PER_ARRAY = 512
"""An array counts as so much besides its numbers: 185 bytes of memory, and 2 us, four times what other parts take."""


def _token(first: int) -> tuple[int, int]:
    """Return the length of a msgpack token, 0 when it says so itself, and the bytes it takes decoded, in a list."""
    if first < 0x80:
        return 1, 8
    if first < 0x90:
        return 1, 88 + (160 if first > 0x80 else 0)
    if first < 0xA0:
        return 1, 88 + 8 * (first & 15)
    if first < 0xC0:
        return 1 + (first & 31), 64 + (first & 31)
    if first >= 0xE0:
        return 1, 40
    lengths = {0xC0: 1, 0xC2: 1, 0xC3: 1, 0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9}
    lengths |= {0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9, 0xD4: 3, 0xD5: 4, 0xD6: 6, 0xD7: 10, 0xD8: 18}
    lengths |= {0xDC: 3, 0xDD: 5, 0xDE: 3, 0xDF: 5, 0xC1: 1}
    cost = {0xC0: 8, 0xC2: 8, 0xC3: 8, 0xDE: 400, 0xDF: 400, 0xDC: 96, 0xDD: 96}
    cost |= dict.fromkeys((0xC7, 0xC8, 0xC9, *range(0xD4, 0xD9)), _PER_ARRAY)
    return lengths.get(first, 0), cost.get(first, 40 if first < 0xD4 else 160)


_LEAST_PER_PART = 64
"""A part counts as no less, whatever memory it takes: two million of them are what may be walked through, a second."""

_LENGTHS = tuple(_token(first)[0] for first in range(256))
_COSTS = tuple(max(_token(first)[1], _LEAST_PER_PART) for first in range(256))
_SIZES = {0xC4: (">B", 2), 0xC5: (">H", 3), 0xC6: (">I", 5), 0xC7: (">B", 3), 0xC8: (">H", 4), 0xC9: (">I", 6)}
_SIZES |= {0xD9: (">B", 2), 0xDA: (">H", 3), 0xDB: (">I", 5)}


def decoded_bytes(payload: memoryview) -> int:
    """Estimate from above the memory that a payload takes once decoded; stops counting beyond MAX_DECODED_BYTES."""
    at, total, end = 0, 0, len(payload)
    while at < end and total <= MAX_DECODED_BYTES:
        first = payload[at]
        length = _LENGTHS[first]
        total += _COSTS[first]
        if not length:
            form, header = _SIZES[first]
            if at + header > end:
                break
            size = struct.unpack_from(form, payload, at + 1)[0]
            length = header + size
            total += 4 * size if 0xD9 <= first <= 0xDB else size  # a text takes up to 4 bytes a character
        at += length
    return total
