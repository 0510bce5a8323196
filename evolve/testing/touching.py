"""What a problem's own code does besides computing: files that it opens outside its folder, and the network."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

OURS = tuple(str(Path(__file__).resolve().parents[2] / name) + os.sep for name in ("evolve", "sandbox"))
NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto")
HARMLESS = ("/dev/", "/proc/", "/sys/")

_told: Callable[[str, tuple[object, ...]], None] | None = None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _told is not None and (event == "open" or event in NETWORK):
        _told(event, arguments)


_hooked: list[bool] = []


def touched_by(folder: Path, run: Callable[[], object]) -> list[str]:
    """Run something, and return what the code in a folder opened outside it, and which network it used; each once.

    Imports do not count, nor what evolve and the sandbox do themselves.
    """
    global _told
    if not _hooked:  # an audit hook stays for the life of a process
        sys.addaudithook(_hook)
        _hooked.append(True)
    inside = str(folder) + os.sep
    found: dict[str, None] = {}

    def tell(event: str, arguments: tuple[object, ...]) -> None:
        what = arguments[0] if event == "open" else arguments[-1]
        path = os.path.abspath(os.fsdecode(what)) if event == "open" and isinstance(what, str | bytes) else ""  # noqa: PTH100
        is_written = event == "open" and _writes(arguments)
        if event == "open" and (not path or path.startswith(HARMLESS) or (path.startswith(inside) and not is_written)):
            return
        if _is_from(inside):
            found[f"{'writes' if is_written else 'reads'} {path}" if event == "open" else f"{event} {what}"] = None

    _told = tell
    try:
        run()
    finally:
        _told = None
    return list(found)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 else 0
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _is_from(folder: str) -> bool:
    """Whether the code in a folder is what acts: the nearest frame that is its or ours, and no import on the way."""
    frame = sys._getframe(3)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(("<frozen importlib", *OURS)):
            return False
        if name.startswith(folder):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
