"""Where the layers of a model are trained in a cluster of unlike nodes, and how training goes on when nodes fail."""

from evaluators.training_placement.evaluator import TrainingPlacement

__all__ = ["TrainingPlacement"]
