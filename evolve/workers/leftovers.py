"""What a verifier started and left behind when its evaluation ended: child processes are ended, threads are noticed."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from typing import Any

from evolve.workers.guard import become_reaper, end_children

STARTS = frozenset(("os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"))
"""Audit events of processes that are started. What an extension module starts by itself is not seen here; it ends with
the worker."""


class Leftovers:
    """Made once in a worker, before any code of the problem is loaded."""

    def __init__(self) -> None:
        become_reaper()  # what its children leave behind is looked for here
        self._folder = os.getcwd()  # noqa: PTH109
        self._has_started = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: tuple[Any, ...]) -> None:
        if event in STARTS:
            self._has_started = True

    def end(self, spared: int | None) -> bool:
        """End the processes that are left, but one; return whether threads are, which nothing can end but the worker.

        spared: the zygote, if it runs.
        """
        if self._has_started or multiprocessing.active_children():
            end_children(frozenset() if spared is None else frozenset((spared,)))
            self._has_started = False
        os.chdir(self._folder)
        return threading.active_count() > 1
