"""The interface of a search: who is the parent of the next program, and who inspires it."""

from __future__ import annotations

import inspect
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from evolve.trial import Selection, Trial

__all__ = ["Choice", "Strategy", "StrategyOptions"]


class StrategyOptions(BaseModel):
    """What a person can set under [search] for a strategy: frozen, each key with a description."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which program to change, which others to show, and why, for the record.

    Attributes:
        place: where the child is meant to belong: an island, a cell, a front, in the strategy's own words. It comes
            back with the child's trial; nobody else reads it.
        bar: a program with a score such that a child which does not score more changes nothing in this search: it may
            be stopped as soon as that is likely (racing). None: every child matters.
    """

    parent: int
    inspirations: tuple[int, ...]
    place: str
    reason: str
    bar: int | None = None


class Strategy(ABC):
    """Decides who is the parent. Give `name`, `ask` and `tell`, and `Options` where there is something to set.

    Its state follows from the calls of `tell` and `begun`, in their order, and from nothing else: a resumed run makes
    the same calls again and goes on. So `ask` changes nothing, and all chance comes from its `rng`. An author's own
    strategy is found by an entry point of the group `evolve.strategies`; `evolve.testing.StrategyClaims` tests it.
    """

    name: ClassVar[str]
    """What a user sets as search.strategy."""
    Options: ClassVar[type[StrategyOptions]] = StrategyOptions

    def __init__(self, options: StrategyOptions | None = None) -> None:
        self.options: Any = self.Options() if options is None else options

    @abstractmethod
    def ask(self, rng: random.Random) -> Choice:
        """Return whom to change next; first called after `tell` of the seed. Must not cost more as runs grow."""

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Hear how a step ended: the seed first, then every step, also one without a new program."""

    def begun(self, selection: Selection) -> None:  # noqa: B027  (nothing is a sound default)
        """Hear of a choice that was made, by this strategy or for a repair: its step is in flight. Default: nothing."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not inspect.isabstract(cls) and not getattr(cls, "name", ""):
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__} needs a class attribute `name`, "
                "what a user sets as search.strategy, e.g. name = 'islands'"
            )
