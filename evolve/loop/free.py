"""Who can take one more step."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container

from evolve.config import BUILTIN, RunConfig
from evolve.loop.budget import Ledger

MEMORY = 32
"""Of about how many of the latest calls and evaluations a mean is taken."""


class Flow:
    """How many steps must be in flight so that workers have programs: only when one may begin depends on it.

    workers: how many evaluations run at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._latency, self._interval = _Mean(), _Mean()
        self._last_s, self._was_busy = 0.0, False

    def answered(self, latency_s: float) -> None:
        """Take note of how long a call took."""
        self._latency.take(latency_s)

    def ended(self, now_s: float, waiting: int) -> None:
        """Take note that a step ended. waiting: those that are evaluated now, or are next."""
        if self._was_busy:
            self._interval.take(now_s - self._last_s)
        self._last_s, self._was_busy = now_s, waiting >= self._workers

    @property
    def steps(self) -> float:
        """As many as end while one is answered (Little's law), chance in it (its root), and two for each worker.

        0 while nothing is known: until steps have ended while every worker was busy.
        """
        if not self._interval.value:
            return 0.0
        meanwhile = self._latency.value / self._interval.value
        return meanwhile + math.sqrt(meanwhile) + 2 * self._workers


class _Mean:
    """A mean in which the latest values count most."""

    def __init__(self) -> None:
        self.value, self._count = 0.0, 0

    def take(self, value: float) -> None:
        self._count = min(self._count + 1, MEMORY)
        self.value += (value - self.value) / self._count


def free_models(config: RunConfig, ledger: Ledger, flow: Flow, out: Container[str]) -> frozenset[str]:
    """Return the models that can be asked now: the workers are kept busy, but choices do not age in a long queue.

    out: models that are asked no more.
    """
    waiting, models = len(ledger.evaluating), [model for model in config.models if model.name not in out]
    if waiting >= 2 * config.workers:
        is_enough = waiting + len(ledger.calling) >= flow.steps
        if is_enough or any(model.name == BUILTIN for model in models):  # it would fill the queue: it answers at once
            return frozenset()
    calling = Counter(ledger.calling.values())
    if config.deterministic:  # who is free now depends on speed: all of them or none
        full = calling.total() >= sum(m.concurrency for m in models)
        return frozenset() if full else frozenset(m.name for m in models)
    return frozenset(m.name for m in models if m.name == BUILTIN or calling[m.name] < m.concurrency)
