"""A virtual environment with what a task's requirements.txt names, made when a person asks for it (`--install`)."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from evolve.errors import UsageError
from evolve.peers.task import find_task

WHOLE = "whole"
"""The file that an environment gets last."""


def installed_for(folder: Path) -> Path | None:
    """Return the interpreter of the environment of a task, made now where there is none; None: it asks for nothing.

    It lies in the user's cache, under a name made of the requirements, so that tasks that ask for the same share one.
    Raises UsageError for a folder that is no task, and with pip's last line when something cannot be installed.
    """
    if find_task(folder.resolve()) is None:
        raise UsageError(f"--install is for the folder of another tool's task; {folder} is none.")
    needs = folder.resolve() / "requirements.txt"
    if not needs.is_file():
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evolve" / "environments"
    place = cache / hashlib.sha256(needs.read_bytes() + sys.version.encode()).hexdigest()[:16]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = place.with_suffix(".lock").open("w")
    except OSError as error:
        raise UsageError(f"{error.filename or cache} cannot be written: {error.strerror}.") from None
    with lock:
        # Held by pip, too: where this process is killed, the next one waits until nobody writes here any more.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / WHOLE).exists():
            _make(place, needs, lock.fileno())
    return place / "bin" / "python"


def _make(place: Path, needs: Path, lock: int) -> None:
    """Make an environment anew; nothing is left of it when something goes wrong."""
    shutil.rmtree(place, ignore_errors=True)  # what a process that was killed has left
    try:
        _run([sys.executable, "-m", "venv", str(place)], place.parent, f"{place} cannot be made", lock)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(needs)]
        _run(pip, needs.parent, f"{needs} cannot be installed", lock)
        (place / WHOLE).touch()
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _run(command: list[str], folder: Path, what: str, lock: int) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, pass_fds=[lock])
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise UsageError(f"{what}: {(lines or ['pip failed'])[-1].removeprefix('ERROR: ')}")
