"""TEMP stand-in."""

from __future__ import annotations


class Likeness:
    """TEMP."""

    def add(self, id: int, source: str) -> None: ...
    def nearest(self, source: str) -> tuple[int, float] | None:
        """TEMP."""
        return None


class NoveltyThreshold:
    """TEMP."""

    def learn(self, likeness: float, differs: bool) -> None: ...
    def threshold(self) -> float:
        """TEMP."""
        return 1.01
