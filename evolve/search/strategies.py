"""The strategies that there are, by name."""

from __future__ import annotations

from evolve.config import SearchConfig
from evolve.errors import pick
from evolve.search.islands import Islands
from evolve.search.strategy import Strategy

STRATEGIES: dict[str, type[Islands]] = {Islands.name: Islands}


def make_strategy(config: SearchConfig) -> Strategy:
    """Return the strategy that `search.strategy` names. Raises UsageError when there is none of that name."""
    return pick("search.strategy", config.strategy, STRATEGIES)(config)
