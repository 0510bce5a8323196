"""Untrusted words in a prompt: what a program printed and what a model wrote, so that it cannot pose as ours."""

from __future__ import annotations

import re

_RUNS = re.compile("`+")


def fenced(text: str, language: str = "python") -> str:
    """Return a text in a Markdown fence that nothing in the text closes: it is longer than any run of backticks."""
    longest = max(map(len, _RUNS.findall(text)), default=0) if "```" in text else 0
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def printable(text: str) -> str:
    """Return a text without control, format and lone surrogate characters; its lines end in LF."""
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).split("\n")
    return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)


def one_line(text: str, limit: int) -> str:
    """Return the words of a text on one line, printable, at most `limit` characters."""
    # Cut first: a model can write megabytes, of which a line is wanted.
    words = " ".join(printable(text[: 8 * limit].replace("\u2028", " ").replace("\x0b", " ")).split())
    return words if len(words) <= limit else words[: limit - 3].rstrip() + "..."


def excerpt(text: str, limit: int) -> str:
    """Return the beginning and the end of a text, where a traceback says what happened; at most about `limit` long."""
    text = text.strip()
    half = limit // 2
    return printable(text if len(text) <= limit else f"{text[:half]}\n[...]\n{text[-half:]}")
