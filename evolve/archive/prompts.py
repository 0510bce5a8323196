"""Prompts on disk: most of a prompt is the same in the whole run, so the first one is the dictionary of all others."""

from __future__ import annotations

import zlib

from evolve.archive.inflate import inflate

_WINDOW = 32_000
"""Bytes of a preset dictionary that deflate can reach back to."""


class PromptCodec:
    """Deflates prompts against a preset dictionary. An empty one, before the first prompt, deflates without."""

    def __init__(self, dictionary: bytes | None) -> None:
        self.dictionary = dictionary or b""

    @classmethod
    def learnt_from(cls, prompt: str) -> PromptCodec:
        """Return a codec whose dictionary is the end of the given prompt, or all of it."""
        return cls(prompt.encode("utf-8", "surrogatepass")[-_WINDOW:])

    @property
    def is_empty(self) -> bool:
        """Whether there is no dictionary yet."""
        return not self.dictionary

    def pack(self, prompt: str) -> bytes:
        """Deflate."""
        deflate = zlib.compressobj(6, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, self.dictionary)
        return deflate.compress(prompt.encode("utf-8", "surrogatepass")) + deflate.flush()

    def unpack(self, packed: bytes) -> str:
        """Inflate what a codec with the same dictionary deflated."""
        return inflate(packed, dictionary=self.dictionary).decode("utf-8", "surrogatepass")
