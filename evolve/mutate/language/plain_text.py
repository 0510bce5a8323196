"""Any other language, or none: a program is its lines; an answer is exact edits, or one fenced block."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evolve.mutate.language.language import Mention
from evolve.mutate.mutation import Kind, Proposal
from evolve.mutate.source import MAX_SOURCE_BYTES, MAX_TOKENS

if TYPE_CHECKING:
    from evolve.mutate.answers.fences import Fenced

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class _PlainText:
    """fences: further words that models write behind a fence, besides the name and the suffix."""

    name: str
    suffix: str
    comment: str = ""
    fences: frozenset[str] = field(default=frozenset())
    runs_in_sandbox: bool = False

    def check(self, source: str, defines: tuple[str, ...]) -> str:
        """A text defines nothing: whether it does its work is for the evaluator to find out."""
        if len(source) > MAX_SOURCE_BYTES:
            return f"the text has {len(source)} characters, more than {MAX_SOURCE_BYTES}"
        if not source.strip():
            return "the text is empty"
        unseen = next((c for c in source if unicodedata.category(c) == "Cc" and c not in "\n\t"), "")
        return f"it holds the control character U+{ord(unseen):04X}" if unseen else ""

    def fingerprint(self, source: str) -> str:
        """Return the hash of the lines, without what ends them."""
        lines = [line.rstrip() for line in source.strip("\n").split("\n")]
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def tokens(self, source: str) -> list[str]:
        """Return words and signs. A comment counts as one where blanks or nothing stand before its sign."""
        text = source[:MAX_SOURCE_BYTES]
        if self.comment:
            text = re.sub(rf"(?m)(?<!\S){re.escape(self.comment)}.*", "", text)
        return _TOKEN.findall(text)[:MAX_TOKENS]

    def mentions(self, source: str) -> Sequence[Mention]:
        """Nothing is known of what a text should not mention."""
        return ()

    def read_answer(self, parent: str, answer: str, kind: Kind | str, defines: tuple[str, ...]) -> Proposal:
        from evolve.mutate.answers.blocks import search_replace_blocks
        from evolve.mutate.answers.edit import AnswerError
        from evolve.mutate.answers.fences import fenced_blocks, outside
        from evolve.mutate.answers.own_words import own_words
        from evolve.mutate.answers.spoken import spoken

        old = parent.removesuffix("\n").split("\n")
        try:
            edits, rest = search_replace_blocks(spoken(answer).replace("\r\n", "\n").removesuffix("\n").split("\n"))
            blocks = fenced_blocks(rest)
            idea = own_words(outside(rest, blocks))
            new = _edited(old, [edit.readings[0] for edit in edits]) if edits else list(self._whole(blocks).lines)
            _require_same_outside(old, new)
        except AnswerError as error:
            return Proposal(str(kind), None, str(error))
        source = "\n".join(new) + "\n"
        wrong = self.check(source, defines)
        if not wrong and self.fingerprint(source) == self.fingerprint(parent):
            wrong = "no change: the text is its parent"
        return Proposal(str(kind), None if wrong else source, wrong, idea)

    def _whole(self, blocks: Sequence[Fenced]) -> Fenced:
        """Return the block that is the new text: the only one of this language, or the only one. Raises AnswerError."""
        from evolve.mutate.answers.edit import AnswerError

        named = [block for block in blocks if block.info in {self.name, self.suffix[1:], *self.fences}]
        chosen = named if len(named) == 1 else list(blocks)
        if len(chosen) == 1 and chosen[0].is_closed:
            return chosen[0]
        found = f"{len(blocks)} fenced blocks" if blocks else "neither a SEARCH/REPLACE block nor a fenced text"
        raise AnswerError(f"the answer has {found}, expected the one new text")


def _edited(lines: list[str], edits: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> list[str]:
    """Return the parent with all edits made, each at the only place that has its lines. Raises AnswerError."""
    from evolve.mutate.answers.edit import AnswerError

    for number, (search, replace) in enumerate(edits, 1):
        places = [at for at in range(len(lines)) if search and tuple(lines[at : at + len(search)]) == tuple(search)]
        if len(places) != 1:
            raise AnswerError(f"block {number}: its lines are in the text {len(places)} times; nothing applied")
        lines = [*lines[: places[0]], *replace, *lines[places[0] + len(search) :]]
    return lines


def _require_same_outside(old: Sequence[str], new: Sequence[str]) -> None:
    """Raises AnswerError where a parent has evolve blocks and a child differs from it outside of them."""
    from evolve.mutate.answers.edit import AnswerError
    from evolve.mutate.answers.evolve_block import editable_lines

    if not editable_lines(old):
        return
    kept, found = ([line.rstrip() for line in _outside(lines)] for lines in (old, new))
    if kept != found:
        raise AnswerError("it changes the text outside of its EVOLVE-BLOCK, or the comments that mark the block")


def _outside(lines: Sequence[str]) -> list[str]:
    from evolve.mutate.answers.evolve_block import editable_lines

    inside = {number for block in editable_lines(lines) for number in block}
    return [line for number, line in enumerate(lines) if number not in inside]


TEXT = _PlainText("text", ".txt")
PLAIN = (
    TEXT,
    _PlainText("c", ".c", "//"),
    _PlainText("cpp", ".cpp", "//", frozenset({"c++", "cc", "cxx"})),
    _PlainText("go", ".go", "//", frozenset({"golang"})),
    _PlainText("java", ".java", "//"),
    _PlainText("javascript", ".js", "//"),
    _PlainText("julia", ".jl", "#"),
    _PlainText("rust", ".rs", "//"),
    _PlainText("sql", ".sql", "--"),
)
"""Languages that are plain text to the search."""
