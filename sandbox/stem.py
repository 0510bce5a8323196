"""The process that candidates are forked from: it waits for a byte, forks, and knows nothing else.

The zygote handles messages, and whatever they leave in its memory its forks could read: how many candidates came
before, and which of them crashed. So candidates are not its forks but those of a fork that it made before its first
message. That one handles none: no Python code of it runs between two forks, and the n-th candidate begins with the
same memory as the first, byte for byte (`tests/sandbox/test_stem.py`).
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import operator
import os
import platform

CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_CHILD_SETTID = 0x8000, 0x100000, 0x1000000
CHILD_ENDED = 17  # SIGCHLD
CLONE = 56 if platform.machine() == "x86_64" else 220
"""Number of the system call."""


def fork_on_demand(orders: int) -> None:
    """Fork a child for every byte that comes from a descriptor. Returns in each child, never in the caller.

    The children are the caller's parent's own, which waits for them. They know no process number, not even where the
    C library keeps its own: the call that forks is the kernel's, so what is kept there is the caller's.
    """
    byte, own, childs, zero = ((ctypes.c_uint8 * 4)() for _ in range(4))
    here, there, nothing = (ctypes.c_void_p.from_param(ctypes.addressof(mark)) for mark in (own, childs, zero))
    number, four = ctypes.c_long.from_param, ctypes.c_size_t.from_param(4)

    def function(name: str, result: object) -> object:
        found = ctypes.PyDLL(None)[name]  # one that keeps the interpreter's lock, whose use leaves traces
        found.restype = result  # type: ignore[assignment]
        return found

    flags = CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CHILD_ENDED
    # Whatever answers with true ends the loop: no byte came; this is the child; there is none. The arguments are of the
    # one kind that ctypes takes as it is: others it makes anew, and frees in an order that differs from time to time.
    steps = (
        (function("read", functools.partial(operator.ne, 1)), number(orders), ctypes.byref(byte), number(1)),
        # The last two arguments change places between architectures.
        (function("syscall", None), number(CLONE), number(flags), number(0), there, here, here),
        (function("memcmp", ctypes.c_int), here, nothing, four),
        (function("memcmp", operator.not_), there, nothing, four),
        (function("memset", None), there, number(0), four),
    )
    any(itertools.starmap(operator.call, itertools.cycle(steps)))
    if not any(own):
        os._exit(0)
    ctypes.memset(own, 0, 4)
