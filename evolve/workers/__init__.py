"""Where evaluations run: worker processes on this machine, each with a sandbox of its own."""

from evolve.workers.local import LocalWorkers

__all__ = ["LocalWorkers"]
