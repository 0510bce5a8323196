"""What an answer asks to change, before it has found its place in the parent."""

from __future__ import annotations

from dataclasses import dataclass

Lines = tuple[str, ...]


class AnswerError(Exception):
    """The answer cannot be used; the text says why, in one line."""


class Refused(AnswerError):
    """The answer is understood, and must not be used: no other way of reading it is tried."""


@dataclass(frozen=True)
class Edit:
    """Lines of the parent and what replaces them.

    name: how it is called in an error: "block 2".
    readings: pairs (search, replace), more than one where the answer can be read in several ways.
    in_order: the first reading that finds its place is meant; else only one of them may find one.
    line: where the answer says that it stands, from 0; tells equal places apart.  None: it does not say.
    """

    name: str
    readings: tuple[tuple[Lines, Lines], ...]
    in_order: bool = False
    line: int | None = None

    @property
    def is_insertion(self) -> bool:
        """Whether it names no lines of the parent."""
        return not any(text.strip() for text in self.readings[0][0])
