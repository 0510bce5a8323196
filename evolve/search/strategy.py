"""The interface of a search: who is the parent of the next program, and who inspires it."""

from __future__ import annotations

import inspect
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from evolve.mutate.mutation import Kind
from evolve.trial import Selection, Trial

__all__ = ["Choice", "Strategy", "StrategyOptions", "Tier"]


Tier = Literal["cheap", "strong"]
"""What a model is for: the many small changes, or the few great ones."""


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
        kind: of change that a model is asked for; None: whatever the mix or the bandit chooses. The built-in mutator
            takes no notice of it. CROSSOVER needs an inspiration; REPAIR and INSIGHT are not for a strategy to choose.
        tier: of the model that is asked: `strong` for a rare turn. Where no model of the tier can be asked, any may.
        instances: indices of train instances that a prompt tells of first.
    """

    parent: int
    inspirations: tuple[int, ...]
    place: str
    reason: str
    bar: int | None = None
    kind: Kind | None = None
    tier: Tier = "cheap"
    instances: tuple[int, ...] = ()


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
        """Learn how a step ended: the seed first, then every step, also one without a new program."""

    def begun(self, selection: Selection) -> None:  # noqa: B027  (nothing is a sound default)
        """Take note of a choice, of this strategy or for a repair: its step is in flight. Default: nothing.

        The step may be another than what `ask` returned: a repair of another program, the same program with its
        numbers tuned, a beginning from the seed. Its place is always one that this strategy gave.
        """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not inspect.isabstract(cls) and not getattr(cls, "name", ""):
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__} needs a class attribute `name`, "
                "what a user sets as search.strategy, e.g. name = 'islands'"
            )
