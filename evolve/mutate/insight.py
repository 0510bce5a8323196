"""TEMP stand-in."""

from __future__ import annotations

from evolve.mutate.mutation import Example


def read_insight(text: str) -> tuple[str, str]:
    """TEMP."""
    line, _, detail = text.strip().partition("\n")
    return line[:200], detail[:1000]


def rule_insight(subjects: tuple[tuple[Example, Example], ...]) -> tuple[str, str]:
    """TEMP."""
    return f"{len(subjects)} improvements", ""
