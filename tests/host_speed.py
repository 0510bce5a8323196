"""Bounds on CPU time that do not depend on how fast the host is: they count a loop's time, measured beside them."""

from __future__ import annotations

import functools
import time

LOOP = 2_000_000
LOOP_S = 0.15
"""CPU seconds of the loop on the host on which the bounds were set."""


def seconds_here(seconds: float) -> float:
    """Return CPU seconds of the host on which a bound was set in those of this one, and no fewer."""
    return seconds * max(1.0, _loop_s() / LOOP_S)


@functools.cache
def _loop_s() -> float:
    """Return the CPU seconds of the loop here, in the slowest of three tries."""
    tries = []
    for _ in range(3):
        began_s = time.process_time()
        for number in range(LOOP):
            number & 7
        tries.append(time.process_time() - began_s)
    return max(tries)
