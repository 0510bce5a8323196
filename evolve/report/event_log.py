"""log.jsonl, and whose the files of a run folder are."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from evolve.errors import UsageError
from evolve.mutate.language import LANGUAGES

WRITTEN = (
    *(f"best{language.suffix}" for language in LANGUAGES.values()),
    *("config.toml", "curve.svg", "log.jsonl", "programs"),
    *(f"seed{language.suffix}" for language in LANGUAGES.values()),
    "summary.md",
)
"""What a run writes into its folder besides the archive."""


class EventLog:
    """Appends lines to a file. Lines that come while the disk is full are lost; no line is torn."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises UsageError when it cannot be written, or is a link or a pipe: that would lead elsewhere."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise UsageError(f"{path} is no file: take it away.")
        self._is_torn = False

    def write(self, line: str) -> None:
        """Append a line. Raises OSError when it is not there whole."""
        data = ("\n" * self._is_torn + line + "\n").encode("utf-8", "replace")
        written = os.write(self._descriptor, data)
        self._is_torn = written < len(data)
        if self._is_torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def require_own_files(folder: Path) -> None:
    """Raises UsageError when what a run writes is a link: a folder from elsewhere must not direct it to other files."""
    for name in WRITTEN:
        if (folder / name).is_symlink():
            raise UsageError(f"{folder / name} is a link: a run writes into its own folder only. Take the link away.")


def place_of(folder: Path) -> tuple[int, int] | None:
    """Return what stays the same of a folder while it lies where it is; None when it is not there."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
