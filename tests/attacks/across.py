"""Attacks that want to tell another candidate something, or to learn its place in the order or the time of day."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

from attacks.attack import TOOLS, Attack
from attacks.peek import other_zygotes_order, place_in_the_order
from attacks.persist import SYSTEM_CALLS
from attacks.reach import any_call

from sandbox import Sandbox

CLOCKS = frozenset({"clocks"})

PAGE_OF_LIBC = """
address = (ctypes.cast(libc.qsort, ctypes.c_void_p).value & ~4095) + 64  # of the text, which every process maps
value = ctypes.c_uint32.from_address(address).value
"""

NATIVE = (
    TOOLS
    + """
def native(code):
    pages = ctypes.c_void_p
    libc.mmap.restype = pages
    libc.mmap.argtypes = [pages, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    page = libc.mmap(None, 4096, 7, 0x22, -1, 0)
    ctypes.memmove(page, code, len(code))
    return ctypes.CFUNCTYPE(ctypes.c_uint64)(page)
"""
)
"""Runs machine code of x86_64."""


def somebody_wakes(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """Play an attack while a process outside the sandbox wakes whoever waits on the same page of the C library."""
    libc = ctypes.CDLL(None)
    address = (ctypes.cast(libc.qsort, ctypes.c_void_p).value or 0) & ~4095
    over = threading.Event()

    def wake() -> None:
        while not over.wait(0.005):
            libc.syscall(ctypes.c_long(facts["calls"]["futex"]), ctypes.c_void_p(address + 64), 1, 9, None, None, 0)

    thread = threading.Thread(target=wake)
    thread.start()
    try:
        with sandbox.start(attack.source) as candidate:
            return candidate.call("answer", facts)
    finally:
        over.set()
        thread.join()


def after_a_crash(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """ "known" when a candidate is told otherwise after one that crashed than after one that ended well."""
    answers = []
    for before in ("def answer(): return 1", "import os\nos._exit(3)"):
        candidate = sandbox.fork(before)
        try:
            candidate.load()
        except Exception:
            candidate.close()
        candidate.close()
        with sandbox.start(attack.source) as listener:
            answers.append(listener.call("answer", facts))
    return "unknown" if answers[0] == answers[1] else "known"


def single(name: str, call: str, arguments: str, **more: Any) -> Attack:
    """Return an attack that is over when one system call goes through."""
    return Attack(
        name,
        any_call((call, arguments)),
        layers=SYSTEM_CALLS,
        loot=f"{call} went through",
        **{"also_off": CLOCKS} | more,
    )


ACROSS = (
    Attack(
        "futex_on_a_page_of_the_c_library",
        TOOLS
        + PAGE_OF_LIBC
        + """
def answer(facts):
    patience = (ctypes.c_long * 2)(0, 500_000_000)
    return system_call(facts["calls"]["futex"], address, 0, value, ctypes.byref(patience), 0, 0) == 0 and "woken"
""",
        layers=SYSTEM_CALLS,
        loot="woken",
        play=somebody_wakes,
    ),
    single("waking_on_a_shared_page", "futex", "ctypes.addressof(block), 1, 1, 0, 0, 0"),
    single("requeue_to_a_shared_page", "futex", "ctypes.addressof(block), 3, 1, 1, ctypes.addressof(block) + 64, 0"),
    single("locks_that_are_let_go_at_the_end", "set_robust_list", "ctypes.addressof(block), 24"),
    single("which_pages_are_in_memory", "mincore", "id(os) & ~4095, 4096, block"),
    single("barrier_through_all_processes", "membarrier", "0, 0, 0"),
    single("area_that_tells_of_interruptions", "rseq", "(ctypes.addressof(block) + 63) & ~63, 32, 0, 0x53053053"),
    single("own_faults_and_switches", "getrusage", "0, block"),
    single("ticks_of_the_machine", "times", "block"),
    single("giving_way_on_the_core", "sched_yield", ""),
    single("cores_of_the_worker", "sched_getaffinity", "0, 128, block"),
    single("core_at_this_moment", "getcpu", "block, 0, 0"),
    single("number_of_the_wire_in_the_whole_machine", "fstat", "3, block"),
    single("has_the_next_question_come", "poll", "block, 0, 0"),
    single("clock_of_the_machine", "clock_gettime", "1, block"),
    single("time_of_the_day", "gettimeofday", "block, 0"),
    single("sleep_by_the_clock", "clock_nanosleep", "1, 0, block, 0"),
    single("time_counter_back_on", "prctl", "26, 1, 0, 0, 0"),
    single("alarm_by_the_clock", "setitimer", "0, block, 0"),
    single("memory_that_forks_share", "mmap", "0, 4096, 3, 0x21, -1, 0"),
    single("output_file_as_memory", "mmap", "0, 4096, 1, 0x01, 1, 0"),
    single("file_pages_pushed_out", "madvise", "(ctypes.cast(libc.qsort, ctypes.c_void_p).value & ~4095), 4096, 21"),
    single("file_pages_read_in", "madvise", "(ctypes.cast(libc.qsort, ctypes.c_void_p).value & ~4095), 4096, 22"),
    Attack(
        "pages_merged_with_those_of_neighbours",
        any_call(("madvise", "(ctypes.addressof(block) & ~4095), 4096, 12")),
    ),
    Attack("huge_pages_of_the_common_store", any_call(("mmap", "0, 1 << 21, 3, 0x40022, -1, 0"))),
    Attack(
        "counter_of_the_processor",
        NATIVE + "def answer(facts): return native(b'\\x0f\\x31\\xc3')() >= 0",
        failure="crashed",
        words="SIGSEGV",
        layers=CLOCKS,
        loot=True,
    ),
    Attack(
        "counter_of_the_processor_and_its_core",
        NATIVE + "def answer(facts): return native(b'\\x0f\\x01\\xf9\\xc3')() >= 0",
        failure="crashed",
        words="SIGSEGV",
        layers=CLOCKS,
        loot=True,
    ),
    Attack(
        "clock_without_a_system_call",
        TOOLS
        + """
def now():
    at = (ctypes.c_long * 2)()
    if libc.clock_gettime(1, at):
        raise OSError(ctypes.get_errno(), "no clock")
    return list(at)
def answer(facts):
    begin = now()
    for _ in range(1000): pass
    return "passes" if now() != begin else "stands still"
""",
        failure="",
        harmless="stands still",
        layers=CLOCKS,
        loot="passes",
    ),
    Attack(
        "page_of_the_kernels_time",
        TOOLS
        + """
libc.getauxval.restype, libc.getauxval.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
def answer(facts):
    code = libc.getauxval(33)  # AT_SYSINFO_EHDR; the pages with the time lie before the code
    return sum(len(ctypes.string_at(code - 4096 * n, 4096)) for n in range(2, 5)) > 0
""",
        failure="crashed",
        words="SIGSEGV|SIGBUS",
    ),
    Attack(
        "clock_at_a_fixed_address",
        TOOLS
        + """
def answer(facts):
    at = (ctypes.c_long * 2)()
    result = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)(0xFFFFFFFFFF600000)(at, None)
    return "passes" if result == 0 and at[0] else "refused"
""",
        failure="any",
        words="SIGSEGV|SIGSYS",  # a kernel without that page
        harmless="refused",
        loot="passes",
    ),
    Attack(
        "clocks_by_python",
        """
import time, datetime, timeit, threading
def answer(facts):
    lock = threading.Lock(); lock.acquire()
    told = [lock.acquire(timeout=0.01), timeit.timeit("pass", number=10), str(datetime.datetime.now())[:10]]
    for name in ("time", "monotonic_ns", "perf_counter", "process_time", "thread_time", "clock_gettime"):
        try:
            told.append(getattr(time, name)(*[1] * (name == "clock_gettime")))
        except RuntimeError as error:
            told.append("no clock" if f"time.{name}()" in str(error) else "?")
    return told
""",
        failure="",
        harmless=[False, 0.0, "1970-01-01", *["no clock"] * 6],
    ),
    Attack(
        "age_of_the_zygote",
        "import logging\ndef answer(facts): return logging._startTime",
        failure="",
        harmless=0.0,
    ),
    Attack(
        "orders_in_the_zygotes_memory",
        TOOLS
        + """
libc.sbrk.restype, libc.sbrk.argtypes = ctypes.c_void_p, [ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
keep = ctypes.create_string_buffer(b"planted" + b"-here", 2048)
def answer(facts):
    end = libc.sbrk(0) & ~4095
    begin = end
    while begin > end - (300 << 20) and libc.madvise(begin - 4096, 4096, 15) == 0:
        begin -= 4096
    memory = ctypes.string_at(begin, end - begin)
    if memory.find(b"planted" + b"-here") < 0 and len(memory) > 1 << 20:
        return ["blind"]
    return [memory.count(b"\\xa4" + b"reap"), memory.count(b"\\xa5" + b"spawn")]
""",
        failure="",
        harmless="unknown",
        loot="known",
        play=after_a_crash,
    ),
    Attack(
        "process_number_in_the_c_library",
        TOOLS
        + """
libc.pthread_self.restype = ctypes.c_uint64
def answer(facts): return [ctypes.c_int.from_address(libc.pthread_self() + at).value for at in range(0x2C0, 0x2F0, 4)]
""",
        failure="",
        harmless="unknown",
        loot="known",
        play=place_in_the_order,
    ),
    Attack(
        "counts_of_the_allocator",
        """
import gc, sys
import numpy as np
def answer(facts):
    return [sys.getallocatedblocks(), gc.get_count(), gc.get_stats(), id(object()), hash(object()),
            sys.getrefcount(None), np.empty(100_000).sum(), id(facts), len(gc.get_objects())]
""",
        failure="",
        harmless="unknown",
        loot="known",
        play=place_in_the_order,
    ),
    Attack(
        "number_of_cores",
        "import os, multiprocessing\ndef answer(facts):\n"
        "    return [os.cpu_count(), multiprocessing.cpu_count(), list(os.sched_getaffinity(0))]",
        failure="",
        harmless="same",
        loot="different",
        play=other_zygotes_order,
    ),
)
