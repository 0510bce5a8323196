"""The interface of a search: who is the parent of the next program, and who inspires it."""

from __future__ import annotations

import inspect
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

__all__ = ["Choice", "Scored", "Strategy"]


@dataclass(frozen=True, slots=True)
class Scored:
    """A result, as the search hears of it.

    score: on train, higher is better; None when the program failed, or was outrun: it was stopped, since it would not
        have passed the bar that the choice of its parent named.
    island: the one that the choice of its parent named; the seed has -1: it belongs to all.
    """

    id: int
    parent_id: int | None
    island: int
    score: float | None
    is_outrun: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Which program to change, which others to show, and why, for the record.

    bar: a program that was told with a score, such that a child which does not score more changes nothing in this
        search: it may be stopped as soon as that is likely (racing). None: every child matters.
    """

    parent: int
    inspirations: tuple[int, ...]
    island: int
    reason: str
    bar: int | None = None


class Strategy(ABC):
    """Decides who is the parent. Give `name`, `ask` and `tell`.

    The state must follow from the calls of `tell` alone: a resumed run tells the same results in the same order and
    continues. So `ask` changes nothing, and all chance comes from its `rng`.
    """

    name: ClassVar[str]
    """What a user sets as search.strategy."""

    @abstractmethod
    def ask(self, rng: random.Random) -> Choice:
        """Return whom to change next. Called after the seed was told. Must not cost more as the archive grows."""

    @abstractmethod
    def tell(self, scored: Scored) -> None:
        """Hear of a result: the seed first, then every evaluated child, failed ones too."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not inspect.isabstract(cls) and not getattr(cls, "name", ""):
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__} needs a class attribute `name`, "
                "what a user sets as search.strategy, e.g. name = 'islands'"
            )
