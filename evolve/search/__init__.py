"""Who is the parent, and who inspires. A strategy sees ids, scores and islands; never SQL, never source."""

from evolve.search.bandit import Bandit
from evolve.search.islands import Islands
from evolve.search.repair import RepairDesk
from evolve.search.strategies import make_strategy
from evolve.search.strategy import Choice, Scored, Strategy

__all__ = ["Bandit", "Choice", "Islands", "RepairDesk", "Scored", "Strategy", "make_strategy"]
