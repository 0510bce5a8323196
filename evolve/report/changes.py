"""What changed from one program to another, as a patch."""

from __future__ import annotations

import difflib


def unified_diff(before: str, after: str, before_name: str, after_name: str) -> str:
    """Return a unified diff that `patch -p1` applies; empty when the two are the same."""
    lines: list[str] = []
    for line in difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{before_name}",
        f"b/{after_name}",
    ):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)
