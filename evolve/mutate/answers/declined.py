"""Answers that leave a program as it is on purpose, in words: "No further change." is no failure to read an answer."""

from __future__ import annotations

import re

from evolve.mutate.answers.edit import AnswerError
from evolve.mutate.answers.spoken import spoken
from evolve.mutate.prompts.quoting import one_line

MOST_CHARS = 1_000
"""A longer answer says more than that there is nothing to do: an edit in a form that nobody reads, most likely."""

_CODE = re.compile(
    r"```|~~~|<{4,}|>{4,}|^={7}|^@@|^[+-]{3} |\w\(|[^=<>!]=[^=]|^\s*[\[{]|</?\w+>"
    r"|^\s*(?:def|class|import|from|return|for|while|if)\b.*[:)\w]$",
    re.MULTILINE,
)
"""What no sentence has."""
_SO_IT_STAYS = re.compile(
    r"\bno\s+(?:(?:further|more|additional|better|useful|promising|clear|sound|real|safe|such|good|obvious|new)\s+){0,3}"
    r"(?:changes?|edits?|improvements?|modifications?|revisions?|ideas?|gains?)\b"
    r"|\b(?:leav|keep|left|kept|stay|remain)\w*\b[^.\n]{0,60}\b(?:as\s+(?:it|they)\s+(?:is|are|stands?)|as\s+is|alone)\b"
    r"|\bunchanged\b"
    r"|\bnothing\s+(?:\w+\s+){0,2}(?:to|that|would|will|can)\b"
    r"|\b(?:do|does|would|will|could|can)(?:\s+not|n't|n’t)\s+(?:\w+\s+){0,2}(?:change|improve|propose|suggest)\b"
    r"|\bcannot\s+(?:\w+\s+){0,2}(?:change|improve|propose|suggest)\b"
    r"|\b(?:do\s+not|don't|don’t|cannot|can't|can’t)\s+(?:see|find|have)\s+(?:a|any|anything)\b[^.\n]{0,60}"
    r"\b(?:improve\w*|change|better|ideas?|way|further)\b"
    r"|\A\W*(?:none|pass|skip|nothing)\W*\Z",
    re.IGNORECASE,
)
_ELSE = re.compile(
    r":\s*\Z|\b(?:here(?:'s|’s| is| are)|below|following)\b"
    r"|\b(?:replaced?|replaces|added|removed|moved|swapped|rewrote)\b"
    r"|\bI(?:'ll|’ll| will| have|'ve|’ve)?\s+(?:change|add|move|use|remove|rewrite|replace|introduce)d?\b"
    r"|\b(?:help|assist|comply)\s+(?:you\s+)?with\b",
    re.IGNORECASE,
)
"""What says that something was done, whose code is missing; or that the question is not answered at all."""


def declined(text: str) -> str:
    """Return the words of an answer that says, in a few sentences and without any code, that nothing is to be changed.

    text: what the model wrote; any text.  Returns one line of at most 300 characters; "" for any other answer.
    """
    if len(text) > 20 * MOST_CHARS:
        return ""
    try:
        said = spoken(text).strip()
    except AnswerError:
        return ""
    if len(said) > MOST_CHARS or _CODE.search(said) or _ELSE.search(said) or not _SO_IT_STAYS.search(said):
        return ""
    return one_line(said, 300)
