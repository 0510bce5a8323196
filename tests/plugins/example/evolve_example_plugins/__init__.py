"""One plug-in of each kind: an evaluator, a strategy, a mutator, an engine."""
