"""Programs and edits that stand in tags, in JSON or under labels, and texts that a page or a tool has wrapped."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from evolve.mutate.answers.edit import AnswerError, Edit, Lines
from evolve.mutate.answers.fences import Fenced
from evolve.mutate.answers.markup import without_markup

MAX_DEPTH = 6
MAX_TEXTS = 40

_OLD = ("search", "old", "original", "old_str", "old_string", "old_code", "find", "before", "current", "oldtext")
_NEW = (
    *("replace", "replacement", "new", "updated", "new_str", "new_string", "new_code", "after", "modified"),
    *("replace_with", "newtext", "with"),
)
_WORDS = ("idea", "explanation", "rationale", "description", "summary", "reasoning", "approach", "thought", "thoughts")
_PROGRAM = (
    "program|code|python|file|content|new_program|solution|artifact|antartifact|final_program|source|updated_program"
    "|answer|response|output|final_answer|final|result|new_code|improved_program|text|invoke|parameter|diff|patch|edit"
    "|edits|write_to_file|create_file|replace_in_file|apply_diff|boltaction"
)
_TAG = re.compile(rf"<(/?)({_PROGRAM}|{'|'.join(_OLD)}|{'|'.join(_NEW)})\b(?:[ \t=][^<>\n]{{0,300}})?>", re.IGNORECASE)
_TAGS_FIRST = re.compile(r"\s*<\w[^<>\n]{0,100}>")
_CDATA = re.compile(r"\A\s*<!\[CDATA\[(.*)\]\]>\s*\Z", re.DOTALL)
_OLD_LABEL = re.compile(
    r"(?:search|find|replace|replace this|replace the following|old|old code|before|original|original code|current"
    r"|current code|existing|existing code|from|change|this|remove)\W*",
    re.IGNORECASE,
)
_NEW_LABEL = re.compile(
    r"(?:replace|replace with|replacement|with|with this|by|new|new code|after|updated|updated code|to|into|for|add"
    r"|improved|modified|becomes|it becomes)\W*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?m)^[ \t]{0,3}>(?: |$)")
_ESCAPED_SIGN = re.compile(r"\\([<>=_*#\[\]`\-+])")


def tagged_edits(text: str) -> list[Edit]:
    """Return the edits of pairs such as <search>...</search> <replace>...</replace>.

    Raises AnswerError where there are such pairs and a tag without the others of its pair.
    """
    edits: list[Edit] = []
    marks = [mark for mark in _TAG.finditer(text) if mark[2].lower() in (*_OLD, *_NEW)]
    at = 0
    astray = ""
    while at < len(marks):
        four = marks[at : at + 4]
        names = [mark[1] + mark[2].lower() for mark in four]
        is_pair = len(four) == 4 and names[0] in _OLD and names[2] in _NEW
        if is_pair and (names[1], names[3]) == ("/" + names[0], "/" + names[2]):
            old, new = text[four[0].end() : four[1].start()], text[four[2].end() : four[3].start()]
            edits.append(Edit(f"block {len(edits) + 1}", ((tuple(_lines(old)), tuple(_lines(new))),)))
            at += 4
        else:
            astray = astray or marks[at][0]
            at += 1
    if edits and astray:
        raise AnswerError(f"the tag {astray} stands outside a pair of an old and a new piece")
    return edits


def labelled_edits(answer: Sequence[str], blocks: Sequence[Fenced]) -> list[Edit]:
    """Return the edits of pairs of fenced blocks under "Replace:" and "With:", or words like these.

    None unless every block of the answer is one of such a pair.
    """
    if len(blocks) < 2 or len(blocks) % 2:
        return []
    edits: list[Edit] = []
    done = 0
    for number, block in enumerate(blocks):
        between = [line.strip(" *_#:`>-.\t0123456789)") for line in answer[done : block.first] if line.strip()]
        label = between[-1] if between else ""
        pattern = _NEW_LABEL if number % 2 else _OLD_LABEL
        if not pattern.fullmatch(label) and not pattern.fullmatch(label.rpartition(":")[2].strip() or "-"):
            return []
        if number % 2:
            edits.append(Edit(f"block {len(edits) + 1}", ((blocks[number - 1].lines, block.lines),)))
        done = block.end
    return edits


def tagged_texts(text: str) -> list[str]:
    """Return what stands in tags such as <program>...</program>, of several lines only."""
    names = _PROGRAM.split("|")
    found: list[str] = []
    for _, inside in _tagged(text, names):
        # A tool's call has its path and the like before the tag with the program.
        inner = [] if _TAGS_FIRST.match(inside) is None else [within for _, within in _tagged(inside, names)]
        found += [one for one in inner or [inside] if "\n" in one.strip("\n")]
    return found[:MAX_TEXTS]


def _tagged(text: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, content) of the outermost of some tags; one that is not closed is none."""
    if "</" not in text:
        return
    closing: dict[str, list[int]] = {}
    marks = [mark for mark in _TAG.finditer(text) if mark[2].lower() in names]
    for mark in marks:
        if mark[1]:
            closing.setdefault(mark[2].lower(), []).append(mark.start())
    done = 0
    for mark in marks:
        name = mark[2].lower()
        if mark[1] or mark.start() < done:
            continue
        ends = closing.get(name, [])
        while ends and ends[0] < mark.end():
            ends.pop(0)
        if ends:
            inside = text[mark.end() : ends[0]]
            data = _CDATA.match(inside)
            yield name, data[1] if data else inside
            done = ends[0]


# JSON


def json_texts(text: str) -> tuple[list[Edit], list[str], str]:
    """Return the edits, the texts of several lines and the words on the change that an answer in JSON holds.

    Raises AnswerError for a list of edits of which one is none.
    """
    start = min((at for sign in '{["' if (at := text.find(sign)) >= 0), default=-1)
    if start < 0:
        return [], [], ""
    edits: list[Edit] = []
    texts: list[str] = []
    words: list[str] = []
    for candidate in _json_in(text):
        _walk(candidate, edits, texts, words, 0)
        if edits or texts:
            break
    return edits, texts[:MAX_TEXTS], words[0] if words else ""


def _json_in(text: str) -> Iterator[Any]:
    """Yield what is JSON: the whole text, or what stands between its first and its last bracket.

    Nothing where more of it stands outside those: a piece of what was meant would be taken for all of it.
    """
    stripped = text.strip()
    pieces = [stripped]
    first = min((at for sign in "{[" if (at := stripped.find(sign)) >= 0), default=-1)
    last = stripped.rfind("}" if stripped[first] == "{" else "]") if first >= 0 else -1
    if 0 <= first < last and '":' not in stripped[:first] and '":' not in stripped[last:]:
        pieces.append(stripped[first : last + 1])
    for piece in dict.fromkeys(pieces):
        if piece[:1] in ("{", "[", '"'):
            try:
                yield json.loads(piece, strict=False, object_pairs_hook=_once)
            except (ValueError, RecursionError):
                continue


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
    named = {str(key).lower().replace(" ", "_"): piece for key, piece in item.items()}
    old = next((named[name] for name in _OLD if isinstance(named.get(name), str | list)), None)
    new = next((named[name] for name in _NEW if isinstance(named.get(name), str | list)), None)
    return None if old is None or new is None else (tuple(_lines(old)), tuple(_lines(new)))


def _lines(text: str | list[Any]) -> list[str]:
    """Return the lines of a piece of text; what stands on the line of a tag is none."""
    if isinstance(text, list):
        return [str(line) for line in text]
    return text.removeprefix("\n").rstrip("\n\t ").split("\n") if text.strip() else []


# The whole answer, wrapped


def unwrapped(text: str) -> Iterator[str]:
    """Yield an answer's text as it was before a mail, a page, Markdown or a string literal got hold of it."""
    if _QUOTED.search(text):
        yield _QUOTED.sub("", text)
    if "&" in text and (unescaped := html.unescape(text)) != text:
        yield unescaped
    if "\\<" in text or "\\=" in text or "\\_" in text:
        yield _ESCAPED_SIGN.sub(r"\1", text)
    if "\\n" in text and text.lstrip()[:1] not in ("{", "[", '"') and text.count("\n") < text.count("\\n") // 4:
        yield text.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').replace("\\'", "'")
    yield from without_markup(text)
