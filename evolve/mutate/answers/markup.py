"""Programs and edits in the markup of other tools than Markdown, put into fences and plain tags."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_PAIRS = (
    (
        r"\\begin\{(?:verbatim|lstlisting|minted|python|code)\}.*",
        r"\\end\{(?:verbatim|lstlisting|minted|python|code)\}",
    ),
    (r"\[code(?:=\w+)?\]", r"\[/code\]"),
    (r"\{code(?::[^}\n]{0,40})?\}", r"\{code\}"),
    (r"#\+begin_src\b.*", r"#\+end_src"),
    (r"----", r"----"),
    (r"'''(?:python|py)", r"'''"),
    (
        r"""(?:\$ )?cat (?:>>? ?\S+ <<-? ?['"]?(?:EOF|PY|END)['"]?|<<-? ?['"]?(?:EOF|PY|END)['"]? ?>>? ?\S+)""",
        r"EOF|PY|END",
    ),
    (r"""(?:\w+ ?= ?|\{? ?"\w+": ?)[rR]?(?:""" + '"""' + r"|''')\\?", "(?:" + '"""' + r"|''')\s?\}?"),
)
"""What a line says that opens, and one that closes, a piece of code."""
_FENCES = tuple((re.compile(opens, re.IGNORECASE), re.compile(closes, re.IGNORECASE)) for opens, closes in _PAIRS)
_OPENS = re.compile("|".join(f"(?:{opens})" for opens, _ in _PAIRS), re.IGNORECASE)
MOST = 200
"""Characters of a line that opens or closes a piece of code are fewer."""
_HEAD = re.compile(
    r"[ \t]*(?:\.\. (?:code-block|code|sourcecode)::.{0,40}"
    r"|(?:\w*code|\w*program|source|content|solution):[ \t]*[|>][-+]?)[ \t]*",
    re.IGNORECASE,
)
"""What a line says whose code follows indented: a directive of reStructuredText, a text in YAML."""
_COMMENT = re.compile(r"(?m)^([ \t]*)<!--[ \t]*([<=>]{5,10}[^\n]{0,60}?)[ \t]*-->[ \t]*$")
_PARAMETER = re.compile(r"<parameter(?:=| name=\"?)(\w{1,40})\"?>")
_ARGUMENT = re.compile(r"<arg_key>(\w{1,40})</arg_key>\s*<arg_value>([^<]*(?:<(?!/arg_value>)[^<]*)*+)</arg_value>")
_PARAMETER_END = "</parameter>"


def without_markup(text: str) -> Iterator[str]:
    """Yield an answer with the markup of other tools put into Markdown's, once for each kind that it has."""
    lines = text.split("\n")
    unlike = {line.strip() for line in lines if len(line) < MOST}
    opening = [line for line in unlike if _OPENS.fullmatch(line)]
    for opens, closes in _FENCES:
        if any(map(opens.fullmatch, opening)) and (fenced := _fenced(lines, opens, closes)) is not None:
            yield "\n".join(fenced)
    heads = [number for number, line in enumerate(lines) if ":" in line and _HEAD.fullmatch(line)]
    if len(heads) == 1:
        yield "```python\n" + _indented_after(lines, heads[0]) + "\n```"
    if "<!--" in text and (bare := _COMMENT.sub(r"\1\2", text)) != text:
        yield bare
    if "\\boxed{" in text:
        yield re.sub(r"(?m)^(`{3,})\}\s*$", r"\1", text.replace("\\boxed{", "", 1))
    if "<parameter" in text:
        yield _with_tags(text)
    if "<arg_key>" in text:
        yield _ARGUMENT.sub(r"<\1>\2</\1>", text)


def _fenced(lines: list[str], opens: re.Pattern[str], closes: re.Pattern[str]) -> list[str] | None:
    """Return lines with fences in the place of what opens and closes; None where these do not come in pairs."""
    told: list[str] = []
    inside = found = False
    for line in lines:
        mark = closes if inside else opens
        if len(line) < MOST and mark.fullmatch(line.strip()):
            if not inside and told and told[-1].startswith("```"):
                told.pop()  # of the shell that is to write the file
            told.append("```" if inside else "```python")
            inside, found = not inside, True
        else:
            told.append(line)
    return told if found and not inside else None


def _indented_after(lines: list[str], head: int) -> str:
    end = head + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0].isspace()):
        end += 1
    return textwrap.dedent("\n".join(lines[head + 1 : end])).strip("\n")


def _with_tags(text: str) -> str:
    """Return a text whose parameters of a tool's call stand in tags of their names."""
    pieces: list[str] = []
    done = 0
    for mark in _PARAMETER.finditer(text):
        if mark.start() < done:
            continue
        end = text.find(_PARAMETER_END, mark.end())
        if end < 0:
            break
        pieces += [text[done : mark.start()], f"<{mark[1]}>", text[mark.end() : end], f"</{mark[1]}>"]
        done = end + len(_PARAMETER_END)
    return "".join([*pieces, text[done:]])
