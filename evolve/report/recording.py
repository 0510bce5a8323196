"""Writing a run's tape to the file of `--record`."""

from __future__ import annotations

import shlex
import tempfile
from typing import TYPE_CHECKING

from evolve.archive import Store, read_tape, tape_of, to_lines
from evolve.config import RunConfig, from_text, to_toml
from evolve.errors import UsageError
from evolve.observer import Observer, RunResult
from evolve.registry import is_installed
from evolve.report.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from evolve.registry import Problem


WHERE_IT_RAN = ("workers", "engine", "archive", "record", "replay")
"""Keys of a recorded run's configuration that say how this machine works, and nothing of what is searched."""


def recorded_config(path: Path, own_problem: bool, trust: bool) -> str:
    """Return the configuration that a recording holds, as TOML.

    own_problem: the user gave the problem himself.  trust: the user said --trust.
    Raises UsageError for a file that is no recording, and one that names a folder whose code would be run unasked.
    """
    text = read_tape(path).config
    config = from_text(text)
    if not own_problem and not trust and not is_installed(config.problem):
        problem, file = shlex.quote(config.problem), shlex.quote(str(path))
        raise UsageError(
            f"--replay {file} is of the problem {problem}, whose code would be run. If you know it: "
            f"evolve run {problem} --replay {file}, or --trust."
        )
    return to_toml(settings_here(config))


def settings_here(config: RunConfig) -> RunConfig:
    """Return a recorded run's configuration with this machine's way of working in the place of that of its own."""
    here = {key: RunConfig.model_fields[key].get_default(call_default_factory=True) for key in WHERE_IT_RAN}
    return config.model_copy(update=here)


def require_writable(path: Path, is_resume: bool) -> None:
    """Raises UsageError when a recording cannot be put there: better said before a run than after its last answer.

    is_resume: the run may have put a recording there before.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"--record {path}: cannot be written: {error.strerror}.") from None
    if path.is_dir():
        raise UsageError(f"--record {path}: is a folder; give the name of a file.")
    if not is_resume and path.exists() and path.stat().st_size:
        raise UsageError(f"--record {path}: is there already, and may be another run's. Name a new file, or remove it.")


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
