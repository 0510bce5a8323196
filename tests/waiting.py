"""Waiting for something that another process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], object], most_s: float = 60.0, every_s: float = 0.05) -> None:
    """Return when something holds; fail when it does not within so many seconds."""
    give_up = time.monotonic() + most_s
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(every_s)
