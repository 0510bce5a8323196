"""Foreign text made safe for where it is shown: the one place that knows what each medium takes for a command.

Foreign is what a model, a server, a candidate, a problem's author or an archive from elsewhere wrote. A terminal obeys
escape sequences, a Markdown viewer fetches images, an editor turns text around that holds bidi marks. Every writer goes
through here: a person reads what is there, and nothing of it acts. (JSON needs nothing more: `json.dumps` writes all
but ASCII's visible characters as escapes.)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_C0_AND_C1 = r"\x00-\x1f\x7f-\x9f"
_BREAKS = r"\u2028\u2029"
_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_NOTHING = r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
_ODD = r"\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff"
_UNSEEN = re.compile(f"[{_C0_AND_C1}{_BREAKS}{_BIDI}{_NOTHING}{_ODD}]")
"""What a reader does not see, or what acts on whoever shows it: controls, line breaks of Unicode, marks that turn text
around, characters of no width, tags, lone surrogates."""
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&#39;"}
_ACTIVE = re.compile(r"[\\`*\[\]{}~|@]|(?<!\w)_|_(?!\w)|:(?=//)|(?i:(?<=www)\.)|(?i:(?<=mailto):)|^[#+=-]")
"""What Markdown obeys in a line, or links by itself. An underscore within a name is left as it reads."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Markdown(str):
    """Text that is Markdown already: written by us, or made safe."""

    __slots__ = ()


def visible(text: str) -> str:
    r"""Return a text of one or more lines with every unseen character as its escape (`\x1b`, `\u202e`).

    Only the line feed and the tab stay; the carriage return of a line's end goes.
    """
    return _UNSEEN.sub(_seen, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return a text as one visible line: line feeds and tabs are spaces."""
    return " ".join(visible(text).split())


def markdown(text: str) -> Markdown:
    """Return a text as a line of Markdown, also in a table, that is read as it stands.

    No image, link, HTML, heading or emphasis of it is live, and no bare address becomes a link.
    """
    if isinstance(text, Markdown):
        return text
    escaped = _ACTIVE.sub(r"\\\g<0>", one_line(text))
    return Markdown(re.sub("[<>&]", lambda found: _ENTITIES[found[0]], escaped))


def code_span(text: str) -> Markdown:
    """Return a text as one line of code within Markdown, also in a table."""
    shown = one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return Markdown(f"{fence}{space}{shown}{space}{fence}".replace("|", "\\|"))


def fenced(text: str, language: str = "") -> Markdown:
    """Return a text in a Markdown fence that nothing in the text closes, its unseen characters visible."""
    shown = visible(text).rstrip()
    longest = max((len(run) for run in re.findall(r"`{3,}", shown)), default=2)
    fence = "`" * (longest + 1)
    return Markdown(f"{fence}{language}\n{shown}\n{fence}")


def html(text: str) -> str:
    """Return a text as the content or the quoted attribute of an HTML element."""
    return re.sub("[<>&\"']", lambda found: _ENTITIES[found[0]], visible(text))


def csv_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula; the quotes of CSV are the writer's."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def toml(document: str) -> str:
    """Return a TOML document of basic strings, the unseen characters as escapes of TOML: it reads the same."""
    return re.sub(_UNSEEN, lambda found: found[0] if found[0] in "\n\t" else f"\\U{ord(found[0]):08x}", document)


def unseen_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, names) of the lines, from 1, that hold unseen characters: "U+202E RIGHT-TO-LEFT OVERRIDE"."""
    for number, line in enumerate(text.split("\n"), 1):
        found = dict.fromkeys(c for c in _UNSEEN.findall(line) if c not in "\t\r")
        if found:
            yield number, ", ".join(f"U+{ord(c):04X} {unicodedata.name(c, 'a control character')}" for c in found)


def _seen(found: re.Match[str]) -> str:
    number = ord(found[0])
    if found[0] in "\n\t":
        return found[0]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
