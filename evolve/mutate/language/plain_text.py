"""Any other language, or none: a program is its lines; an answer is exact edits, or one fenced block."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

from evolve.mutate.mutation import Kind, Proposal
from evolve.mutate.source import MAX_SOURCE_BYTES


@dataclass(frozen=True)
class _PlainText:
    name: str = "text"
    suffix: str = ".txt"

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

    def read_answer(self, parent: str, answer: str, kind: Kind | str, defines: tuple[str, ...]) -> Proposal:
        from evolve.mutate.answers.blocks import search_replace_blocks
        from evolve.mutate.answers.edit import AnswerError
        from evolve.mutate.answers.fences import fenced_blocks, outside
        from evolve.mutate.answers.own_words import own_words
        from evolve.mutate.answers.spoken import spoken

        try:
            edits, rest = search_replace_blocks(spoken(answer).replace("\r\n", "\n").removesuffix("\n").split("\n"))
            blocks = fenced_blocks(rest)
            idea = own_words(outside(rest, blocks))
            if edits:
                child = _edited(parent.removesuffix("\n").split("\n"), [edit.readings[0] for edit in edits])
            elif len(blocks) == 1 and blocks[0].is_closed:
                child = list(blocks[0].lines)
            else:
                found = f"{len(blocks)} fenced blocks" if blocks else "neither a SEARCH/REPLACE block nor a fenced text"
                raise AnswerError(f"the answer has {found}, expected the one new text")
        except AnswerError as error:
            return Proposal(str(kind), None, str(error))
        source = "\n".join(child) + "\n"
        wrong = self.check(source, defines)
        if not wrong and self.fingerprint(source) == self.fingerprint(parent):
            wrong = "no change: the text is its parent"
        return Proposal(str(kind), None if wrong else source, wrong, idea)


def _edited(lines: list[str], edits: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> list[str]:
    """Return the parent with all edits made, each at the only place that has its lines. Raises AnswerError."""
    from evolve.mutate.answers.edit import AnswerError

    for number, (search, replace) in enumerate(edits, 1):
        places = [at for at in range(len(lines)) if search and tuple(lines[at : at + len(search)]) == tuple(search)]
        if len(places) != 1:
            raise AnswerError(f"block {number}: its lines are in the text {len(places)} times; nothing applied")
        lines = [*lines[: places[0]], *replace, *lines[places[0] + len(search) :]]
    return lines


TEXT = _PlainText()
