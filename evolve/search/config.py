"""What a person sets under [search]: the strategy, its own options, and what holds for any of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import Field, create_model

from evolve.search.strategies import DEFAULT, OWN, strategy_class
from evolve.search.strategy import StrategyOptions

__all__ = ["SearchConfig", "search_config", "search_model"]


class SearchConfig(StrategyOptions):
    """Who is the parent, and who inspires. The options of the strategy stand beside these keys."""

    strategy: str = Field(
        default=DEFAULT,
        description=f"which search: {', '.join(sorted(OWN))}; `evolve config NAME` has the options of one",
    )
    lag: int = Field(
        default=8,
        ge=0,
        description="with deterministic: how many of the latest steps a choice does not wait for; 0: it knows of all",
    )
    starts: int = Field(
        default=1,
        ge=1,
        description="first programs to ask models for, one after the other, each with the others' ideas in its prompt",
    )
    turn_after: int = Field(
        default=40,
        ge=0,
        description="evaluations without improvement after which a model is asked for another approach; 0: never",
    )

    fresh_instances: int = Field(
        default=0,
        ge=0,
        le=1_000,
        description="train instances that are drawn anew now and then, besides the fixed ones, so that these are not "
        "fitted too well; the problem must draw fresh instances",
    )
    fresh_every: int = Field(default=40, ge=1, description="steps between two such draws")
    fresh_elites: int = Field(
        default=12,
        ge=1,
        description="programs, the best so far, that are scored on a new draw and that the search keeps",
    )

    @property
    def options(self) -> dict[str, Any]:
        """The strategy's own options."""
        return {key: value for key, value in self if key not in SearchConfig.model_fields}


def search_config(given: Mapping[str, Any] = MappingProxyType({})) -> SearchConfig:
    """Return the configuration of a search with all options of its strategy.

    Raises UsageError for an unknown strategy, pydantic's ValidationError for a key or value that it does not take.
    """
    return search_model(str(given.get("strategy", DEFAULT))).model_validate(dict(given))


@functools.cache
def search_model(strategy: str) -> type[SearchConfig]:
    """Return `SearchConfig` with the options of a strategy. Raises UsageError for an unknown one."""
    options = strategy_class(strategy).Options
    # A strategy that has nothing to set brings the base class itself, which stands above both.
    bases: Any = (SearchConfig,) if issubclass(SearchConfig, options) else (options, SearchConfig)
    made: type[SearchConfig] = create_model("SearchConfig", __base__=bases, __module__=__name__)
    return made
