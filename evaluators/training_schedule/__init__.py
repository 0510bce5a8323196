"""Learning rate, batch and data mix of a training under a fixed budget of samples."""

from evaluators.training_schedule.evaluator import TrainingSchedule

__all__ = ["TrainingSchedule"]
