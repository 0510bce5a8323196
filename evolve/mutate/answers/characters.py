"""Characters that models, chat pages and terminals put in the place of those that a program has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_PLAIN: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u02bc\uff07"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "),
    **dict.fromkeys((0xAD, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, *range(0x2060, 0x2065), 0xFEFF), None),
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF07},
    0x2026: "...",
    0x2264: "<=",
    0x2265: ">=",
    0x2260: "!=",
    0xD7: "*",
}
"""Typographic quotes, dashes, spaces of all widths, full-width forms; what cannot be seen at all goes."""
_SPACES = {code: sign for code, sign in _PLAIN.items() if sign in (" ", None)}

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_NUMBER = re.compile(r"[ \t]*L?(\d{1,5})(?:[ \t]*[|│:→][ \t]?|[ \t]*\t|[.)] )")
_COUNTED = re.compile(r"[ \t]*(\d{1,5})(?= (?![ \t]*[|│:→])|$)")
_BARE_NUMBER = re.compile(r"[ \t]*L?\d{1,5}[ \t]*[|│:→]?[ \t]*")
_DIGITS = re.compile(r"\d{1,5}")


def plain(line: str) -> str:
    """Return a line with the characters that a program would have for those that only look like them."""
    return line if line.isascii() else line.translate(_PLAIN)


def with_plain_spaces(text: str) -> str:
    """Return a text with plain spaces for those of other widths, and without those of none."""
    return text.translate(_SPACES)


def without_escapes(text: str) -> str:
    """Return a text without the codes that colour it in a terminal, and without a byte order mark."""
    text = text.removeprefix("\ufeff")
    return _ANSI.sub("", text) if "\x1b" in text else text


def without_line_numbers(lines: Iterable[str]) -> tuple[str, ...] | None:
    """Return lines without the numbers in front, "28 | x" or "28: x"; None unless all of them have one, and they rise.

    The space after the sign goes too where every line has it.
    """
    there = list(lines)
    if counted := _counted(there):
        return counted
    rest: list[str] = []
    last = -1
    for line in there:
        found = _NUMBER.match(line)
        if found is None:
            if line.strip() and not _BARE_NUMBER.fullmatch(line):
                return None
            digits = _DIGITS.search(line)
            if digits is not None:
                last = int(digits[0])
            rest.append("")
            continue
        number = int(found[1])
        if number < last:
            return None
        last = number
        rest.append(line[found.end() :])
    return tuple(rest) if last >= 0 else None


def _counted(lines: Sequence[str]) -> tuple[str, ...] | None:
    """Return lines without numbers in front that have no sign behind them: each is the one before it and one."""
    found = [_COUNTED.match(line) for line in lines]
    if len(lines) < 3 or not all(found):
        return None
    numbers = [int(match[1]) for match in found if match is not None]
    if numbers != [*range(numbers[0], numbers[0] + len(numbers))]:
        return None
    rest = [line[match.end() :] for line, match in zip(lines, found, strict=True) if match is not None]
    apart = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return tuple(line[min(apart, 2) :] for line in rest)


def numbers_dropped(lines: Iterable[str]) -> tuple[str, ...]:
    """Return lines without the numbers in front of those that have one."""
    there = list(lines)
    dropped = []
    for line in there:
        found = _NUMBER.match(line)
        dropped.append(line[found.end() :] if found else "" if _BARE_NUMBER.fullmatch(line) else line)
    return _counted(there) or tuple(dropped)


def is_unseen(character: str) -> bool:
    """Whether a character takes no place on a page and is no line end or tab."""
    return unicodedata.category(character) in ("Cf", "Cc") and character not in "\n\t"
