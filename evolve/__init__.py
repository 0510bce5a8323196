"""Language models improve scheduling and load-balancing algorithms, judged by verifiers they cannot touch."""

import os
import sys

__version__ = "0.1.0"


def _look_in_pythons_own_library_first() -> None:
    """Put Python's own modules before those of PYTHONPATH and the working folder, where a random.py may lie."""
    library = os.path.dirname(os.__file__)  # noqa: PTH120 - pathlib would itself be looked for first
    own = [path for path in sys.path if path == library or path == f"{library}/lib-dynload"]
    sys.path[:] = own + [path for path in sys.path if path not in own]


_look_in_pythons_own_library_first()
