"""Who can take one more step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

from evolve.config import BUILTIN, RunConfig
from evolve.loop.budget import Ledger


def free_models(config: RunConfig, ledger: Ledger, out: Container[str]) -> frozenset[str]:
    """Return the models that can be asked now; a short queue keeps workers busy, in a long one choices age.

    out: models that are asked no more.
    """
    if len(ledger.evaluating) >= 2 * config.workers:
        return frozenset()
    models = [model for model in config.models if model.name not in out]
    calling = Counter(ledger.calling.values())
    if config.deterministic:  # who is free now depends on speed: all of them or none
        full = calling.total() >= sum(m.concurrency for m in models)
        return frozenset() if full else frozenset(m.name for m in models)
    return frozenset(m.name for m in models if m.name == BUILTIN or calling[m.name] < m.concurrency)
