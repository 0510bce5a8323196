"""The built-in mutator: genetic programming on the syntax tree, the baseline that a model has to beat."""

from evolve.mutate.builtin.mutator import WEIGHTS, BuiltinMutator

__all__ = ["WEIGHTS", "BuiltinMutator"]
