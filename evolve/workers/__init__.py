"""Where evaluations run: an engine that the configuration names; `local` is worker processes on this machine."""

from evolve.workers.engines import make_pool
from evolve.workers.local import LocalWorkers
from evolve.workers.pool import Fresh, OutOfTime, Pool, evaluate_spread, split_score, spread

__all__ = ["Fresh", "LocalWorkers", "OutOfTime", "Pool", "evaluate_spread", "make_pool", "split_score", "spread"]
