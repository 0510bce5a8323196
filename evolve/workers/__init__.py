"""Where evaluations run: worker processes on this machine, each with a sandbox of its own."""

from evolve.workers.local import LocalWorkers
from evolve.workers.worker import Fresh

__all__ = ["Fresh", "LocalWorkers"]
