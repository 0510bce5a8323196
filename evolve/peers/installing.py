"""A virtual environment with what a task's requirements.txt names, made when a person asks for it (`--install`)."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from evolve.errors import UsageError
from evolve.peers.task import find_task


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
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    mark = hashlib.sha256(needs.read_bytes() + sys.version.encode()).hexdigest()[:16]
    place = cache / "evolve" / "environments" / mark
    python = place / "bin" / "python"
    if python.exists():
        return python
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(place)], cache, f"{place} cannot be made")
        _run(
            [str(python), "-m", "pip", "install", "-q", "-r", str(needs)], needs.parent, f"{needs} cannot be installed"
        )
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)  # half an environment would be taken for one
        raise
    return python


def _run(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise UsageError(f"{what}: {(lines or ['pip failed'])[-1].removeprefix('ERROR: ')}")
