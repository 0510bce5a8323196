"""Attacks that want to use up time, memory, processes, descriptors, output, or the patience of the trusted end."""

from __future__ import annotations

from typing import Any

import numpy as np
from attacks.attack import PATIENT, TOOLS, UNHURRIED, Attack

from sandbox import Sandbox

MORE_THAN_ALLOWED = 128 * 2**20
"""Bytes, while the limit is 96 MB."""

WALL = "wall time of a call: used .* of 0.6 s"
MEMORY = "out of memory: asked for more than 96 MB"
RLIMITS = frozenset({"rlimits"})


def many_times(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> None:
    with sandbox.start(attack.source) as candidate:
        for _ in range(1000):
            candidate.call("answer", facts)


def depth_of_the_answer(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> int:
    with sandbox.start(attack.source) as candidate:
        answer, depth = candidate.call("answer", facts), 1
        while answer:
            answer, depth = answer[0], depth + 1
        return depth


def with_a_large_argument(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    with sandbox.start(attack.source) as candidate:
        candidate.call("answer", facts)
        return candidate.call("answer", np.zeros(500_000))


def compute(name: str, expression: str, setup: str = "") -> Attack:
    return Attack(name, f"{setup}\ndef answer(facts): return {expression}", failure="wall_time", words=WALL)


def memory(name: str, body: str) -> Attack:
    return Attack(
        name,
        f"import ctypes\nimport numpy as np\nSIZE = {MORE_THAN_ALLOWED}\n"
        f"def answer(facts):\n    {body}\n    return True",
        failure="out_of_memory",
        words=MEMORY,
        layers=RLIMITS,
        loot=True,
        limits=UNHURRIED,
    )


EXHAUST = (
    Attack("endless_loop", "def answer(facts):\n    while True: pass", failure="wall_time", words=WALL),
    Attack("endless_import", "while True: pass", failure="wall_time", words=WALL),
    compute("endless_sum_in_c", "sum(range(10**12))"),
    compute("endless_power", "10**10**8"),
    compute("catastrophic_regex", "re.match('(a+)+b', 'a' * 60)", "import re"),
    compute("endless_sort_key", "sorted(range(10**6), key=lambda x: sum(range(x)))"),
    compute("endless_sleep", "time.sleep(1e9)", "import time"),
    compute("endless_read_of_the_wire", "os.read(3, 1)", "import os"),
    compute("deadlock", "[lock.acquire(), lock.acquire()]", "import threading\nlock = threading.Lock()"),
    Attack(
        "every_signal_ignored",
        """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
def answer(facts):
    while True: pass
""",
        failure="wall_time",
        words=WALL,
    ),
    Attack(
        "cpu_limit_ignored",
        """
import signal
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
def answer(facts):
    while True: pass
""",
        failure="timeout",
        words="CPU time: used .* of 1 s",
        limits=PATIENT,
    ),
    Attack(
        "cpu_time_in_small_pieces",
        "def answer(facts):\n    for _ in range(300): sum(range(10_000))",
        failure="timeout",
        words="CPU time: used .* of 1 s",
        limits=PATIENT,
        play=many_times,
    ),
    memory("memory_by_numpy", "keep = np.ones(SIZE // 8)"),
    memory("memory_by_bytes", "keep = bytearray(SIZE)"),
    memory("memory_by_small_objects", "keep = [[0] for _ in range(SIZE // 70)]"),
    Attack(
        "memory_by_mmap",
        TOOLS
        + f"""
pages = ctypes.c_void_p
libc.mmap.restype = pages
libc.mmap.argtypes = [pages, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def answer(facts):
    for _ in range({MORE_THAN_ALLOWED} >> 24):
        page = libc.mmap(None, 1 << 24, 3, 0x22, -1, 0)
        if page == 2**64 - 1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        ctypes.memset(page, 1, 1 << 24)
    return True
""",
        words="Cannot allocate memory",
        layers=RLIMITS,
        loot=True,
        limits=UNHURRIED,
    ),
    Attack(
        "memory_by_brk",
        TOOLS
        + f"""
libc.sbrk.restype = ctypes.c_void_p
def answer(facts):
    if libc.sbrk(ctypes.c_long({MORE_THAN_ALLOWED})) == 2**64 - 1:
        raise MemoryError
    return True
""",
        failure="out_of_memory",
        words=MEMORY,
        layers=RLIMITS,
        loot=True,
        limits=UNHURRIED,
    ),
    Attack(
        "locked_memory",
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef answer(facts):\n    if libc.mlockall(3):\n"
        "        raise MemoryError('not locked')\n    return True",
        failure="out_of_memory",
        words=MEMORY,
    ),
    Attack("recursion", "def answer(facts): return answer(facts)", words="RecursionError"),
    Attack(
        "recursion_in_c",
        """
import sys
def answer(facts):
    sys.setrecursionlimit(10**9)
    class Endless:
        def __repr__(self): return repr([self])
    return repr(Endless())
""",
        failure="crashed",
        words="SIGSEGV",
    ),
    Attack(
        "recursion_in_the_compiler",
        "def answer(facts): return eval('(' * 10**5 + ')' * 10**5)",
        failure="any",
        words="too many nested|MemoryError|out of memory|RecursionError|SIGSEGV|nested parentheses",
    ),
    Attack(
        "processes",
        "import os\ndef answer(facts):\n    while True:\n        os.fork()",
        words="Operation not permitted|temporarily unavailable",
    ),
    Attack(
        "threads",
        "import threading, time\ndef answer(facts):\n    for _ in range(100):\n"
        "        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n    return True",
        words="can't start new thread",
    ),
    Attack(
        "descriptors",
        "import os\ndef answer(facts):\n    while True: os.dup(1)",
        words="Operation not permitted|Too many open files",
    ),
    Attack(
        "many_descriptors",
        "import os\ndef answer(facts): return len([os.dup(1) for _ in range(100)])",
        words="Operation not permitted|Too many open files",
        layers=frozenset({"seccomp", "rlimits"}),
        loot=100,
    ),
    Attack(
        "output_flood",
        "import os\ndef answer(facts):\n    for _ in range(1000): os.write(1, b'x' * 1000)\n    return True",
        failure="timeout",
        words="output: used 64 kB of 64 kB",
        layers=RLIMITS,
        loot=True,
    ),
    Attack(
        "output_limit_ignored",
        """
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def answer(facts):
    written = 0
    try:
        while written < 10**6:
            written += os.write(2, b"x" * 1000)
    except OSError as error:
        return [written <= 65536, error.errno]
    return True
""",
        failure="",
        harmless=[True, 27],
        layers=RLIMITS,
        loot=True,
    ),
    Attack(
        "output_at_the_far_end",
        "import os\ndef answer(facts):\n    os.lseek(1, 1 << 40, 0)\n    return os.write(1, b'x')",
        failure="timeout",
        words="output",
        layers=RLIMITS,
        loot=1,
    ),
    Attack("giant_answer", "def answer(facts): return 'x' * 2**21", failure="bad_answer", words="more than 1048576"),
    Attack(
        "giant_array",
        "import numpy as np\ndef answer(facts): return np.zeros((2048, 1024))",
        failure="bad_answer",
        words="more than 1048576",
    ),
    Attack(
        "declared_length_of_4_gb",
        "import os\ndef answer(facts):\n    os.write(3, b'\\xff\\xff\\xff\\xff')\n"
        "    while True: os.write(3, b'x' * 9999)",
        failure="bad_answer",
        words="4294967295 bytes, more than 1048576",
    ),
    Attack(
        "declared_length_never_sent",
        "import os, time\ndef answer(facts):\n    os.write(3, b'\\x00\\x00\\x08\\x00')\n    time.sleep(60)",
        failure="wall_time",
        words=WALL,
    ),
    Attack(
        "deeply_nested_answer",
        "def answer(facts):\n    nested = []\n    for _ in range(900): nested = [nested]\n    return nested",
        failure="",
        harmless=901,  # lists are plain values at any depth; none is deep enough to break the reader
        play=depth_of_the_answer,
    ),
    Attack(
        "deeper_than_the_encoder_goes",
        """
import os, sys
def answer(facts):
    nonce = sys._getframe(2).f_locals["nonce"]
    body = b"\\x93\\xcf" + nonce.to_bytes(8, "big") + b"\\xc3" + b"\\x91" * 500_000 + b"\\xc0"
    frame = len(body).to_bytes(4, "little") + body
    while frame:
        frame = frame[os.write(3, frame):]
    sys._getframe(2).f_locals.clear()
""",
        failure="bad_answer",
        words="recursion",
    ),
    Attack(
        "one_byte_at_a_time",
        "import os, time\ndef answer(facts):\n    os.write(3, b'\\xff\\x00\\x00\\x00')\n    while True:\n"
        "        os.write(3, b'x')\n        time.sleep(0.1)",
        failure="wall_time",
        words=WALL,
    ),
    Attack("exit_without_a_word", "import os\ndef answer(facts): os._exit(0)", failure="crashed", words="code 0"),
    Attack("system_exit", "def answer(facts): raise SystemExit(0)", words="SystemExit: 0"),
    Attack("keyboard_interrupt", "def answer(facts): raise KeyboardInterrupt", words="KeyboardInterrupt"),
    Attack("crash_in_c", "import ctypes\ndef answer(facts): ctypes.string_at(8)", failure="crashed", words="SIGSEGV"),
    Attack(
        "crash_that_is_caught",
        "import ctypes, signal\nsignal.signal(signal.SIGSEGV, lambda *a: None)\ndef answer(facts): ctypes.string_at(8)",
        failure="any",
        words="SIGSEGV|wall time",
    ),
    Attack("abort", "import os\ndef answer(facts): os.abort()", failure="crashed", words="killed by SIG"),
    Attack(
        "stop_itself",
        "import os, signal\ndef answer(facts):\n    os.kill(os.getpid(), signal.SIGSTOP)",
    ),
    Attack(
        "exception_of_16_mb",
        "def answer(facts): raise ValueError('x' * 2**24)",
        words="x{100}",
    ),
    Attack(
        "exception_that_hides",
        "class E(BaseException):\n    def __str__(self): raise E\n    __repr__ = __str__\n"
        "    def __class_getitem__(cls, item): raise E\ndef answer(facts): raise E",
        words="E",
    ),
    Attack(
        "exception_with_a_loop_of_causes",
        "def answer(facts):\n    a, b = ValueError('a'), ValueError('b')\n"
        "    a.__cause__, b.__cause__ = b, a\n    raise a",
        words="ValueError: a",
    ),
)
