"""Run a command as an ordinary user without any rights: `python as_ordinary_user.py COMMAND...`, as root.

The interpreter and the project may lie in folders that only root may enter. In a mount namespace of its own, which
nobody else sees, such a folder is covered by an empty one in which only what is needed shows.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import tempfile
from pathlib import Path

ORDINARY = 54321
NEW_MOUNTS, BIND, RECURSIVE, PRIVATE = 0x20000, 4096, 16384, 1 << 18


def main() -> None:
    needed = [Path(sys.base_prefix), Path(sys.prefix), Path(__file__).resolve().parents[2]]
    covered = {folder for path in needed for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH}
    if covered:
        _uncover(covered, needed)
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ}
    os.execvpe(sys.argv[1], sys.argv[1:], {**kept, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"})


def _uncover(covered: set[Path], needed: list[Path]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments):
            raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")

    call("unshare", NEW_MOUNTS)
    call("mount", b"none", b"/", None, RECURSIVE | PRIVATE, None)
    aside = Path(tempfile.mkdtemp())
    call("mount", b"tmpfs", bytes(aside), b"tmpfs", 0, b"mode=755")
    hidden = [path for path in needed if any(folder in path.parents for folder in covered)]
    for number, path in enumerate(hidden):
        (aside / str(number)).mkdir()
        call("mount", bytes(path), bytes(aside / str(number)), None, BIND | RECURSIVE, None)
    for folder in covered:
        call("mount", b"tmpfs", bytes(folder), b"tmpfs", 0, b"mode=755")
    for number, path in enumerate(hidden):
        path.mkdir(parents=True)
        call("mount", bytes(aside / str(number)), bytes(path), None, BIND | RECURSIVE, None)


if __name__ == "__main__":
    main()
