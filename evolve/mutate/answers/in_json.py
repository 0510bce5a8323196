"""Programs and edits in JSON: one value or several, in a tool's call, in a fence, or as a literal of Python."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from evolve.mutate.answers.edit import AnswerError, Edit, Lines
from evolve.mutate.answers.wrapped import MAX_TEXTS, NEW, OLD, lines_of
from evolve.mutate.source import parse

MAX_DEPTH = 6
MAX_VALUES = 40
"""More values of JSON in one answer, or brackets that open none, are no answer."""

_WORDS = ("idea", "explanation", "rationale", "description", "summary", "reasoning", "approach", "thought", "thoughts")
_KIND = re.compile(r"_?(?:lines?|code|text|string|str|content|block|snippet|source)$")
_ESCAPED = re.compile(r"\\([nt\"'\\])")
_MEANS = {"n": "\n", "t": "\t"}
_SPARE = re.compile(r",(\s*[}\]])")
_LITERAL = re.compile(r"(?:\w{1,40}\s*=\s*)?(?=[{\[]|[rR]?(?:\"{3}|'{3}))")
_FENCE = re.compile(r"^`{3,}(?:python|py)?[ \t]*\n(.*?)\n`{3,}[ \t]*$", re.DOTALL | re.MULTILINE)


def json_texts(text: str) -> tuple[list[Edit], list[str], str]:
    """Return the edits, the texts of several lines and the words on the change that an answer in JSON holds.

    Raises AnswerError for a list of edits of which one is none.
    """
    edits: list[Edit] = []
    texts: list[str] = []
    words: list[str] = []
    for values in _json_in(text):
        for value in values:
            _walk(value, edits, texts, words, 0)
        if edits or texts:
            break
    return edits, texts[:MAX_TEXTS], words[0] if words else ""


def _json_in(text: str) -> Iterator[list[Any]]:
    """Yield the values of an answer in each way of reading it: as one, as several in a row, as a literal of Python.

    Nothing where more of it stands outside those: a piece of what was meant would be taken for all of it.
    """
    stripped = text.strip()
    if not any(sign in stripped for sign in "{[\"'"):
        return
    yield _values(stripped)
    if _SPARE.search(stripped):
        yield _values(_SPARE.sub(r"\1", stripped))
    fenced = _FENCE.findall(stripped)
    literal = fenced[0].strip() if len(fenced) == 1 else stripped
    if (head := _LITERAL.match(literal)) is not None:
        try:
            tree = parse(literal[head.end() :])
            yield [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Expr)]
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            return


def _values(text: str) -> list[Any]:
    """Return the values of JSON in a text, in their order; none where a key stands outside them."""
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_once)
    found: list[Any] = []
    outside: list[str] = []
    done = at = tried = 0
    while (at := _opening(text, at)) >= 0 and tried < MAX_VALUES:
        tried += 1
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        if value and (isinstance(value, dict) or any(isinstance(item, dict | list | str) for item in value)):
            found.append(value)
            outside.append(text[done:at])
            done = end
        at = end
    return [] if any('":' in piece for piece in (*outside, text[done:])) else found


def _opening(text: str, at: int) -> int:
    """Return where the next value may begin, -1 for nowhere; a string alone must be all of the text."""
    if at == 0 and text[:1] == '"':
        return 0
    return min((found for sign in "{[" if (found := text.find(sign, at)) >= 0), default=-1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises ValueError for one with a key twice: two edits run into one, of which half would go."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key twice")
    return made


def _walk(value: Any, edits: list[Edit], texts: list[str], words: list[str], depth: int) -> None:
    if depth > MAX_DEPTH or len(texts) > MAX_TEXTS:
        return
    if isinstance(value, str):
        if value.lstrip()[:1] in ("{", "["):
            try:
                _walk(json.loads(value, strict=False, object_pairs_hook=_once), edits, texts, words, depth + 1)
                return
            except (ValueError, RecursionError):
                pass
        if value.count("\\n") > 2 and "\n" not in value:  # escaped twice
            value = _ESCAPED.sub(lambda found: _MEANS.get(found[1], found[1]), value)
        if "\n" in value.strip():
            texts.append(value)
    elif isinstance(value, list):
        if value and all(isinstance(line, str) and "\n" not in line for line in value) and len(value) > 2:
            texts.append("\n".join(value))
            return
        paired = [isinstance(item, dict) and _pair(item) is not None for item in value]
        if any(paired) and not all(paired):
            raise AnswerError("not every edit has an old and a new piece")
        for item in value:
            _walk(item, edits, texts, words, depth + 1)
    elif isinstance(value, dict):
        if isinstance(cells := value.get("cells"), list):  # a notebook
            code = [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
            texts.append("\n".join("".join(map(str, cell.get("source") or [])) for cell in code))
            return
        pair = _pair(value)
        if pair is not None:
            edits.append(Edit(f"block {len(edits) + 1}", (pair,)))
            return
        for name, item in value.items():
            if str(name).lower() in _WORDS and isinstance(item, str):
                words.append(item)
            else:
                _walk(item, edits, texts, words, depth + 1)


def _pair(item: dict[str, Any]) -> tuple[Lines, Lines] | None:
    """Return the old and the new piece of an edit in JSON."""
    pieces = {str(key).lower().replace(" ", "_"): piece for key, piece in item.items() if isinstance(piece, str | list)}
    named = {**{_KIND.sub("", name): piece for name, piece in pieces.items()}, **pieces}
    old = next((named[name] for name in OLD if name in named), None)
    new = next((named[name] for name in NEW if name in named), None)
    return None if old is None or new is None else (tuple(lines_of(old)), tuple(lines_of(new)))
