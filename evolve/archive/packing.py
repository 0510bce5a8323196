"""Texts as an archive holds them, deflated. One from elsewhere may be made to fill the memory of whoever reads it."""

from __future__ import annotations

import zlib

MOST_SOURCE_BYTES = 1_000_000
"""Five times the longest program that is taken."""
MOST_BYTES = 64_000_000
"""The longest text of any kind."""
_ZLIB_OR_GZIP = 47
"""What zlib is told of the head that deflated bytes have: it may be either."""


def pack(text: str, dictionary: bytes = b"") -> bytes:
    """Deflate a text. dictionary: what it may have in common with others.

    A lone surrogate, which a model's answer may hold, survives.
    """
    deflating = zlib.compressobj(6, memLevel=9, zdict=dictionary)
    return deflating.compress(text.encode("utf-8", "surrogatepass")) + deflating.flush()


def unpack(packed: bytes, most_bytes: int = MOST_BYTES, dictionary: bytes = b"") -> str:
    """Return the text that `pack` deflated with the same dictionary. Raises ValueError as `inflate` does."""
    return inflate(packed, most_bytes, dictionary).decode("utf-8", "surrogatepass")


def inflate(packed: bytes, most_bytes: int = MOST_BYTES, dictionary: bytes = b"") -> bytes:
    """Return what was deflated, also by gzip. Raises ValueError when it was not, or is longer than `most_bytes`."""
    if not isinstance(packed, bytes):
        raise ValueError(f"a {type(packed).__name__} where deflated bytes belong")
    inflating = zlib.decompressobj(_ZLIB_OR_GZIP, zdict=dictionary)
    try:
        text = inflating.decompress(packed, most_bytes)
    except zlib.error as error:
        raise ValueError(f"not deflated text ({error})") from None
    if inflating.unconsumed_tail:
        raise ValueError(f"a text of more than {most_bytes / 1e6:g} MB")
    if not inflating.eof:
        raise ValueError("a deflated text that is cut")
    return text
