"""Problem domains, one folder each, behind the contract of evolve.evaluator."""
