"""Programs and edits that stand in tags or under labels, and texts that a page or a tool has wrapped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

from evolve.mutate.answers.characters import with_plain_spaces
from evolve.mutate.answers.edit import AnswerError, Edit
from evolve.mutate.answers.fences import Fenced
from evolve.mutate.answers.markup import without_markup

MAX_TEXTS = 40

OLD = ("search", "old", "original", "old_str", "old_string", "old_code", "find", "before", "current", "oldtext", "from")
NEW = (
    *("replace", "replacement", "new", "updated", "new_str", "new_string", "new_code", "after", "modified"),
    *("replace_with", "newtext", "with", "to"),
)
_PROGRAM = (
    "program|code|python|file|content|new_program|solution|artifact|antartifact|final_program|source|updated_program"
    "|pre|codeblock|code_block|sourcecode|source_code|file_content|python_code|program_code|response"
    "|answer|response|output|final_answer|final|result|new_code|improved_program|text|invoke|parameter|diff|patch|edit"
    "|edits|write_to_file|create_file|replace_in_file|apply_diff|boltaction"
    "|(?:improved|updated|optimi[sz]ed|modified|revised|final|complete|full|evolved|better)_(?:code|program|solution)"
)
_TAG = re.compile(
    rf"<(?=[/a-z])(/?)({_PROGRAM}|{'|'.join(OLD)}|{'|'.join(NEW)})\b(?:[ \t=][^<>\n]{{0,300}})?>", re.IGNORECASE
)
_TAGS_FIRST = re.compile(r"\s*<\w[^<>\n]{0,100}>")
_CDATA = re.compile(r"\A\s*<!\[CDATA\[(.*)\]\]>\s*\Z", re.DOTALL)
_OLD_LABEL = re.compile(
    r"(?:search|find|replace|replace this|replace the following|old|old code|before|original|original code|current"
    r"|current code|existing|existing code|from|change|this|remove|instead of|was|delete|original version|ersetze"
    r"|修改前|替换前|优化前|原代码|原始代码|原来|旧代码|将|查找|把|之前|変更前|修正前|avant|vorher|antes|remplacer)\W*",
    re.IGNORECASE,
)
_NEW_LABEL = re.compile(
    r"(?:replace|replace with|replacement|with|with this|by|new|new code|after|updated|updated code|to|into|for|add"
    r"|improved|modified|becomes|it becomes|use|use this|use instead|do|write|optimi[sz]ed|revised|fixed|better"
    r"|rewritten|refactored|proposed|(?:improved|optimi[sz]ed|modified|revised|fixed|proposed) (?:code|version)|durch"
    r"|修改后|替换后|优化后|新代码|改为|替换为|改成|之后|変更後|修正後|après|nachher|después|par)\W*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?m)^[ \t]{0,3}>(?: |$)")
_FENCE_BEHIND_WORDS = re.compile(r"(?m)^([^\n`]{1,400})(`{3,}(?:python3?|py|diff|json)?)[ \t]*$")
"""A fence that opens on the line of the words before it."""
_BRACKETS = re.compile(rf"(?m)^[ \t]*\[(/?)({'|'.join((*OLD, *NEW))})\][ \t]*$", re.IGNORECASE)
_ESCAPED_SIGN = re.compile(r"\\([<>=_*#\[\]`\-+])")


def tagged_edits(text: str) -> list[Edit]:
    """Return the edits of pairs such as <search>...</search> <replace>...</replace>.

    Raises AnswerError where there are such pairs and a tag without the others of its pair.
    """
    edits: list[Edit] = []
    marks = [mark for mark in _TAG.finditer(text) if mark[2].lower() in (*OLD, *NEW)]
    at = 0
    astray = ""
    while at < len(marks):
        four = marks[at : at + 4]
        names = [mark[1] + mark[2].lower() for mark in four]
        is_pair = len(four) == 4 and names[0] in OLD and names[2] in NEW
        if is_pair and (names[1], names[3]) == ("/" + names[0], "/" + names[2]):
            old, new = text[four[0].end() : four[1].start()], text[four[2].end() : four[3].start()]
            edits.append(Edit(f"block {len(edits) + 1}", ((tuple(lines_of(old)), tuple(lines_of(new))),)))
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
    blocks = [block for block in blocks if block.may_be_code]
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
        if not block.is_closed:
            raise AnswerError(f"block {number // 2 + 1} is cut off: the answer ends before its fence is closed")
        if number % 2:
            edits.append(Edit(f"block {len(edits) + 1}", ((blocks[number - 1].lines, block.lines),)))
        done = block.end
    return edits


def tagged_texts(text: str) -> list[str]:
    """Return what stands in tags such as <program>...</program>, of several lines only."""
    names = re.compile(_PROGRAM, re.IGNORECASE)
    found: list[str] = []
    for _, inside in _tagged(text, names):
        # A tool's call has its path and the like before the tag with the program.
        inner = [] if _TAGS_FIRST.match(inside) is None else [within for _, within in _tagged(inside, names)]
        found += [one for one in inner or [inside] if "\n" in one.strip("\n")]
    return found[:MAX_TEXTS]


def cut_tag(text: str) -> str:
    """Return the tag of a program that an answer opens on a line of its own and never closes; "" for none."""
    for mark in _TAG.finditer(text):
        alone = text[: mark.start()].endswith("\n") or mark.start() == 0
        if alone and not mark[1] and text[mark.end() : mark.end() + 1] == "\n" and f"</{mark[2]}>" not in text:
            return mark[0][:40]
    return ""


def _tagged(text: str, names: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, content) of the outermost of some tags; one that is not closed is none."""
    if "</" not in text:
        return
    closing: dict[str, list[int]] = {}
    marks = [mark for mark in _TAG.finditer(text) if names.fullmatch(mark[2])]
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


def lines_of(text: str | list[Any]) -> list[str]:
    """Return the lines of a piece of text; what stands on the line of a tag is none."""
    if isinstance(text, list):
        return [str(line) for line in text]
    return text.removeprefix("\n").rstrip("\n\t ").split("\n") if text.strip() else []


# The whole answer, wrapped


def unwrapped(text: str) -> Iterator[str]:
    """Yield an answer's text as it was before a mail, a page, Markdown or a string literal got hold of it."""
    if _QUOTED.search(text):
        yield _QUOTED.sub("", text)
    if "`" in text and (parted := _FENCE_BEHIND_WORDS.sub(r"\1\n\2", text)) != text:
        yield parted
    if "&" in text and (unescaped := html.unescape(text)) != text:
        yield unescaped
    if not text.isascii() and (even := with_plain_spaces(text)) != text:
        yield even
    if any(sign in text for sign in ("\\<", "\\=", "\\_", "\\`\\`")):
        yield _ESCAPED_SIGN.sub(r"\1", text)
    if "\\n" in text and text.lstrip()[:1] not in ("{", "[", '"') and text.count("\n") < text.count("\\n") // 4:
        yield text.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').replace("\\'", "'")
    if (tagged := _BRACKETS.sub(r"<\1\2>", text)) != text:
        yield tagged
    yield from without_markup(text)
