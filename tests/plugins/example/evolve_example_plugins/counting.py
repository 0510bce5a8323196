"""The engine."""

from evolve.workers import LocalWorkers


class Counting(LocalWorkers):
    """Local workers that say how many evaluations they were given."""

    async def __aenter__(self):
        """Say so."""
        found = await super().__aenter__()
        self.notices.append("the engine counting is at work")
        return found


def counting(config, data):
    """Return the pool, not yet entered."""
    return Counting(config.problem, config.evaluator, config.workers, data, config.require_isolation)
