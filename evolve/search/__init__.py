"""Who is the parent, and who inspires. A strategy sees ids, scores and islands; never SQL, never source."""

from evolve.search.islands import Islands
from evolve.search.strategies import make_strategy
from evolve.search.strategy import Choice, Scored, Strategy

__all__ = ["Choice", "Islands", "Scored", "Strategy", "make_strategy"]
