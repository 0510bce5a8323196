"""Running a whole evaluation, evaluator and program together, in one confined process (sandlock)."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.errors import UsageError

SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/dev", "/opt")
"""Where compilers, libraries and their settings lie: readable; of /etc what everybody may read."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")
"""Of the environment: no key, no token, no name of a server."""
MAX_PROCESSES, MAX_FILES = 256, 1024


@dataclass(frozen=True)
class Ended:
    """How a confined process ended. code: its exit code; None: ended at the wall limit."""

    code: int | None
    said: str


def run_confined(
    command: Sequence[str],
    readable: Sequence[Path],
    writable: Path,
    wall_s: float,
    memory_mb: int,
    allow_network: bool,
) -> Ended:
    """Run a command with one folder to write into, no network and no secrets; all that it started ends with it.

    readable: folders besides Python's and the system's.  writable: also its working folder, home and TMPDIR.
    Raises UsageError where this machine cannot confine it.
    """
    try:
        import sandlock
    except (ImportError, OSError) as error:
        raise UsageError(
            f"the task's own evaluator cannot be confined here ({error}): it needs Linux with sandlock and Landlock."
        ) from None
    python = {sys.prefix, sys.base_prefix, sysconfig.get_paths()["stdlib"], *site.getsitepackages(), *_paths()}
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"HOME": str(writable), "TMPDIR": str(writable), "PYTHONDONTWRITEBYTECODE": "1"}
    policy = sandlock.Sandbox(
        fs_readable=sorted({folder for folder in (*SYSTEM, *python, *map(str, readable)) if Path(folder).exists()}),
        fs_writable=[str(writable), "/dev/null"],
        net_allow=["*"] if allow_network else [],
        clean_env=True,
        env=environment,
        max_memory=f"{memory_mb}M",
        max_processes=MAX_PROCESSES,
        max_open_files=MAX_FILES,
        no_coredump=True,
        cwd=str(writable),
    )
    try:
        ended = policy.run(list(command), timeout=wall_s)
    except sandlock.SandboxError as error:
        raise UsageError(f"the task's own evaluator cannot be confined here: {error}") from None
    if ended.reason is sandlock.ExitReason.TIMEOUT:
        return Ended(None, "")
    return Ended(ended.exit_code, (ended.stderr or ended.stdout or b"").decode("utf-8", "replace")[-2000:])


def _paths() -> list[str]:
    """Return where this process finds modules: a virtual environment may look elsewhere, too."""
    return [path for path in sys.path if path and Path(path).is_dir() and path != str(Path.cwd())]
