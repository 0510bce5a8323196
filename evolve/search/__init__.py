"""Who is the parent, who inspires, which model is asked for what: parts that are given the same choices and trials.

None of them sees SQL or a program's source. What each of them knows follows from what it was given, in that order.
"""

from evolve.search.bandit import Arms, Bandit
from evolve.search.front import Front
from evolve.search.kinds import fixed_mix
from evolve.search.leaders import Leaders
from evolve.search.lineage import Lineage
from evolve.search.notes import Background, Notes
from evolve.search.novelty import Novelty
from evolve.search.repair import RepairDesk
from evolve.search.strategies import make_strategy
from evolve.search.strategy import Choice, Strategy, StrategyOptions, Tier
from evolve.search.tuner import Tuner
from evolve.search.turns import Turns

__all__ = [
    "Arms",
    "Background",
    "Bandit",
    "Choice",
    "Front",
    "Leaders",
    "Lineage",
    "Notes",
    "Novelty",
    "RepairDesk",
    "Strategy",
    "StrategyOptions",
    "Tier",
    "Tuner",
    "Turns",
    "fixed_mix",
    "make_strategy",
]
