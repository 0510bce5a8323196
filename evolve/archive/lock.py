"""Who works on a run: at most one process, and whether it still lives."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

NAME = ".lock"


class RunLock:
    """Held by the process that works on a run; the kernel gives it back whatever way the process ends.

    A POSIX record lock, not `flock`: a worker that was forked from the run does not inherit it, so it cannot make a
    killed run look alive. The price: a process that holds it must not open the file a second time (closing any
    descriptor of the file drops the lock), hence `_mine`.
    """

    _mine: set[Path] = set()  # noqa: RUF012  (one per process on purpose)

    def __init__(self, folder: Path) -> None:
        self._path = folder.resolve() / NAME
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; return False when another process, or another store of this one, holds it."""
        if self._path in self._mine:
            return False
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        for _ in range(5):
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(0.02)  # a reader that asks `is_held` has it for microseconds
            else:
                self._descriptor = descriptor
                self._mine.add(self._path)
                return True
        os.close(descriptor)
        return False

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._mine.discard(self._path)

    @classmethod
    def is_held(cls, folder: Path) -> bool:
        """Return whether a living process works on the run."""
        path = folder.resolve() / NAME
        if path in cls._mine:
            return True
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False
