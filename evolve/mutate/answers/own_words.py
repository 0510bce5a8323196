"""What a model says of its change, in its own words: kept with the child, shown to the models after it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evolve.mutate.prompts.quoting import one_line

ASKED_CHARS = 200
"""What the prompt asks for: one sentence of at most so many characters."""
IDEA_CHARS = 400
"""A sentence that is longer than asked for is kept whole up to here."""
_READ_CHARS = 4_000
"""The words on a change stand at its beginning; the rest of a long answer is not looked through."""

_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t].*$", re.MULTILINE)
_MARKUP = re.compile(r"\*\*|__(?=\w)|(?<=\w)__|`|^[ \t]*(?:>|[-*+•]|\d{1,2}[.)])[ \t]+", re.MULTILINE)
_LABEL = re.compile(
    r"(?:the )?(?:idea|approach|change|summary|plan|explanation|rationale)\s*(?:[:.]|-+)\s*", re.IGNORECASE
)
_EMPTY = re.compile(
    r"(?:sure|certainly|okay|ok|of course|great|here(?:'s)?|below is|i(?:'ll| will) now)\b", re.IGNORECASE
)
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z(\"'])|(?<=:)\s*$")


def own_words(lines: Sequence[str]) -> str:
    """Return the first sentence of a text that says something, and the second where both are as short as one may be.

    One line, printable, at most 400 characters; "" where there are no words on the change.
    lines: an answer without its edits and fenced blocks. "Here is the program:" and headings like "Idea:" are no words
    on the change.
    """
    text = _MARKUP.sub("", _HEADING.sub("\n", "\n".join(lines)[:_READ_CHARS]))
    said: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        words = one_line(_LABEL.sub("", one_line(paragraph, _READ_CHARS), count=1), _READ_CHARS)
        for sentence in _END.split(words):
            if sentence and any(map(str.isalpha, sentence)) and not (_EMPTY.match(sentence) and len(sentence) < 80):
                said.append(sentence)
        if said:
            break
    both = " ".join(said[:2])
    return one_line(both if len(both) <= ASKED_CHARS else said[0] if said else "", IDEA_CHARS)
