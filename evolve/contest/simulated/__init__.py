"""A problem whose structure is known and a model that is simulated: strategies are told apart without any model.

The folder is a problem like any other (`evolve run evolve/contest/simulated --set evaluator.kind=parts`).
"""

from evolve.contest.simulated.model import Odds, SimulatedModel
from evolve.contest.simulated.reading import ReadingPool

__all__ = ["Odds", "ReadingPool", "SimulatedModel"]
