"""Writing a run's tape to the file of `--record`."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from evolve.archive import Store, tape_of, to_lines
from evolve.errors import UsageError
from evolve.observer import Observer, RunResult
from evolve.report.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from evolve.config import RunConfig
    from evolve.registry import Problem


def require_writable(path: Path) -> None:
    """Raises UsageError when a recording cannot be put there: better said before a run than after its last answer."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"--record {path}: cannot be written: {error.strerror}.") from None
    if path.is_dir():
        raise UsageError(f"--record {path}: is a folder; give the name of a file.")


class Recorder(Observer):
    """Writes the tape when the run ends, the steps of earlier sessions included: the archive has them all."""

    def __init__(self) -> None:
        self.trouble = ""
        """Why the file is missing, empty when it is not."""

    def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
        """Remember where to."""
        self._store, self._path = store, config.record

    def closed(self, result: RunResult) -> None:
        """Write it."""
        if self._path is None or result.interrupted:
            return
        try:
            write_text(self._path, to_lines(tape_of(self._store)))
        except UsageError as error:
            self.trouble = str(error)
