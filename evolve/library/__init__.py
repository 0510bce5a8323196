"""evolve as a Python library: `run`, `score`, `optimize`, `open`, and the same for code that has an event loop.

These are the names in `evolve.__all__`. They import the framework when they are first used: `import evolve` is quick.
"""

from evolve.library.opened import Run, open_run
from evolve.library.optimizing import optimize, optimize_async
from evolve.library.running import Result, run, run_async
from evolve.library.scoring import Scores, score, score_async

__all__ = [
    "Result",
    "Run",
    "Scores",
    "open_run",
    "optimize",
    "optimize_async",
    "run",
    "run_async",
    "score",
    "score_async",
]
