"""Language models improve scheduling and load-balancing algorithms, judged by verifiers they cannot touch."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolve.errors import UsageError
    from evolve.library import Result, Run, Scores, optimize, optimize_async, run, run_async, score, score_async
    from evolve.library import open_run as open

__version__ = "0.1.0"
__all__ = [
    "Result",
    "Run",
    "Scores",
    "UsageError",
    "open",
    "optimize",
    "optimize_async",
    "run",
    "run_async",
    "score",
    "score_async",
]


def _look_in_pythons_own_library_first() -> None:
    """Put Python's own modules before those of PYTHONPATH and the working folder, where a random.py may lie."""
    library = os.path.dirname(os.__file__)  # noqa: PTH120 - pathlib would itself be looked for first
    own = [path for path in sys.path if path == library or path == f"{library}/lib-dynload"]
    sys.path[:] = own + [path for path in sys.path if path not in own]


_look_in_pythons_own_library_first()


def __getattr__(name: str) -> Any:
    """Return a name of the library, whose imports take a moment: `import evolve` itself must not."""
    if name == "UsageError":
        from evolve.errors import UsageError

        return UsageError
    if name in __all__:
        from evolve import library

        return getattr(library, "open_run" if name == "open" else name)
    raise AttributeError(f"module 'evolve' has no attribute {name!r}")
