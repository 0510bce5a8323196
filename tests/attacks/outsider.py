"""Attacks thought of from a candidate's interface alone: what it is given, what it may say, what lies around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from attacks.attack import PATIENT, TOOLS, UNHURRIED, Attack, call_once
from attacks.lie import FORGER, kind_of_answer
from attacks.peek import place_in_the_order
from attacks.reach import any_call

from sandbox import Sandbox

EARLIER = "a-source-that-nobody-else-should-see"


def after_a_talkative_program(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """Run a program with a known word in its source, its arguments and its output first."""
    with sandbox.start(f"WORD = {EARLIER!r}\ndef answer(word):\n    print(word)\n    return word") as candidate:
        candidate.call("answer", EARLIER)
    return call_once(attack, sandbox, facts | {"masked": [ord(c) ^ 0x5A for c in EARLIER]})


def array_stays_whole(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """ "changed" when a program reaches the array that the trusted end gave it a copy of."""
    given = np.arange(100.0)
    with sandbox.start(attack.source) as candidate:
        candidate.call("answer", given)
    return "untouched" if np.array_equal(given, np.arange(100.0)) else "changed"


def several_calls(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    with sandbox.start(attack.source) as candidate:
        return [candidate.call("answer", number) for number in range(3)]


def refused(name: str, *calls: tuple[str, str]) -> Attack:
    return Attack(name, any_call(*calls))


def bad(name: str, body: str, words: str = "cannot be sent", setup: str = "") -> Attack:
    return Attack(name, f"{setup}\ndef answer(facts): {body}", failure="bad_answer", words=words, limits=PATIENT)


OUTSIDER = (
    # What is answered.
    bad(
        "object_that_says_it_is_an_array",
        "return A()",
        "A cannot be sent",
        "class A:\n    __array_interface__ = "
        "{'shape': (1 << 20,), 'typestr': '<f8', 'data': (4096, False), 'version': 3}",
    ),
    bad("list_that_holds_itself", "a = []; a.append(a); return a"),
    bad("generator_that_never_ends", "return iter(int, 1)", "cannot be sent"),
    bad(
        "date_of_its_own_kind",
        "return datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)",
        "date|cannot be read",
        "import datetime",
    ),
    bad("half_a_character", "return '\\ud800'", "cannot be sent|surrogates"),
    Attack(
        "key_that_is_a_list",
        "class K(list):\n    __hash__ = object.__hash__\ndef answer(facts): return {K(): 1}",
        failure="",
        harmless={(): 1},
    ),
    bad("number_beyond_all_bounds", "return [1, {'a': -2**63 - 1}]"),
    Attack(
        "array_that_is_one_number_a_billion_times",
        "import numpy as np\ndef answer(facts): return np.broadcast_to(1.0, (1 << 30,))",
        failure="any",
        words="out of memory|cannot be sent",
        limits=UNHURRIED,
    ),
    Attack(
        "encoder_replaced_by_its_own",
        "from sandbox import wire\nimport msgspec\nclass P:\n    def __reduce__(self): return (print, ('owned',))\n"
        "wire._encode_other = wire.encode = lambda *a: (b'\\x01\\0\\0\\0\\xc0')\n"
        "def answer(facts): return P()",
        failure="bad_answer",
        words="P cannot be sent|never asked",
    ),
    Attack(
        "headers_of_arrays_that_overflow",
        FORGER + "def answer(facts):\n    body = b'\\x93\\xcf' + nonce().to_bytes(8, 'big')\n"
        "    body += b'\\xc3\\xc7\\x0a\\x01d\\x02' + b'\\0\\0\\0\\x80' * 2\n"
        "    write(3, len(body).to_bytes(4, 'little') + body)\n    os.read(3, 1)",
        failure="bad_answer",
        words="cannot be read",
    ),
    Attack(
        "half_an_answer_then_gone",
        FORGER + "def answer(facts):\n    write(3, frame(nonce(), True, 'x' * 999)[:500])\n    os._exit(0)",
        failure="crashed",
        words="exited with code 0",
    ),
    Attack(
        "answers_for_all_calls_to_come",
        FORGER
        + "def answer(n):\n    first = nonce()\n    write(3, b''.join(frame(first + i, True, 42) for i in range(3)))",
        failure="bad_answer",
        words="more than one answer|never asked",
        loot=[42, 42, 42],
        play=several_calls,
    ),
    Attack(
        "argument_changed_in_place",
        "def answer(x):\n    x[:] = 7\n    x.resize(5, refcheck=False)\n    return x",
        failure="",
        harmless="untouched",
        loot="changed",
        play=array_stays_whole,
    ),
    Attack(
        "memory_of_the_argument_overwritten_from_below",
        "import ctypes\ndef answer(x):\n    ctypes.memset(x.ctypes.data, 255, x.nbytes)\n    return 1",
        failure="",
        harmless="untouched",
        loot="changed",
        play=array_stays_whole,
    ),
    Attack(
        "program_that_forgets_its_function",
        "def answer(n):\n    global answer\n    del answer\n    return n",
        words="AttributeError",
        play=several_calls,
    ),
    Attack(
        "module_that_is_something_else",
        "import sys\nclass M:\n    def __getattr__(self, name): return lambda *a: 'anything'\n"
        "sys.modules['candidate'] = M()\n"
        "def answer(facts): return 'mine'",
        failure="",
        harmless="mine",
    ),
    Attack(
        "enum_and_decimal_as_plain_values",
        "import decimal, enum, uuid\nclass E(enum.Enum):\n    A = 1\n"
        "def answer(facts): return [E.A, decimal.Decimal('1.5'), uuid.UUID(int=0), {1, 2}, bytearray(b'x')]",
        failure="",
        harmless="exactly list",
        play=kind_of_answer,
    ),
    # What is told of a failure.
    Attack(
        "exception_with_notes_of_megabytes",
        "def answer(facts):\n    e = ValueError('short')\n    e.add_note('n' * 10**7)\n    raise e",
        words="n{50}",
        limits=PATIENT,
    ),
    Attack(
        "syntax_error_with_odd_parts",
        "def answer(facts):\n    e = SyntaxError('odd')\n    e.text, e.lineno, e.offset = 7, 'x', {}\n"
        "    e.filename = b''\n    raise e",
        words=".",
    ),
    Attack(
        "groups_of_groups_of_exceptions",
        "def answer(facts):\n    e = ValueError('deep')\n    for _ in range(5000): e = ExceptionGroup('g', [e])\n"
        "    raise e",
        failure="any",
        words=".",
        limits=PATIENT,
    ),
    Attack(
        "frames_with_hostile_names",
        "def answer(facts):\n    exec(compile('1/0', '\\x1b[2J../../etc/passwd', 'exec'))",
        words="ZeroDivisionError",
    ),
    Attack(
        "output_that_is_no_text",
        "import os\ndef answer(facts):\n    os.write(1, bytes(range(256)) * 4)\n    os.lseek(1, 0, 0)\n"
        "    os.write(2, b'\\x1b[2J')\n    return 'said'",
        failure="",
        harmless="said",
    ),
    Attack(
        "streams_closed_and_gone",
        "import os, sys\ndef answer(facts):\n    sys.stdout.close(); sys.stderr = None; os.close(1); os.close(2)\n"
        "    return 'quiet'",
        failure="",
        harmless="quiet",
    ),
    # What lies around.
    Attack(
        "words_of_the_program_before",
        """
import gc, sys, ctypes
def answer(facts):
    word = bytes(b ^ 0x5A for b in facts["masked"])
    libc = ctypes.CDLL(None)
    libc.sbrk.restype, libc.sbrk.argtypes = ctypes.c_void_p, [ctypes.c_long]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    end = begin = libc.sbrk(0) & ~4095
    while begin > end - (200 << 20) and libc.madvise(begin - 4096, 4096, 15) == 0:
        begin -= 4096
    places = [(begin, end)] + sorted({(id(o) & ~0xFFFFF, (id(o) | 0xFFFFF) + 1) for o in gc.get_objects()})
    for begin, end in places:
        for page in range(begin, end, 4096):
            if libc.madvise(page, 4096, 15) == 0:
                memory, at = ctypes.string_at(page, 4096), -1
                while (at := memory.find(word, at + 1)) >= 0:
                    if not id(word) <= page + at < id(word) + 200:
                        return "heard " + word.decode()
    raise LookupError(f"nothing in {len(places)} places")
""",
        words=r"nothing in \d+ places",
        loot="heard " + EARLIER,
        limits=UNHURRIED,
        play=after_a_talkative_program,
    ),
    Attack(
        "memory_that_was_somebody_elses",
        "import ctypes, numpy as np\nlibc = ctypes.CDLL(None)\nlibc.malloc.restype = ctypes.c_void_p\n"
        "def answer(facts):\n    block = libc.malloc(1 << 24)\n"
        "    fresh = np.frombuffer(ctypes.string_at(block, 1 << 24), 'u1')\n"
        "    return int(fresh.sum()) + int(np.empty(10**7, 'u1').sum())",
        failure="",
        harmless="unknown",
        loot="known",
        limits=UNHURRIED,
        play=place_in_the_order,
    ),
    Attack(
        "signals_of_others",
        "import signal\ndef answer(facts):\n    signal.sigtimedwait({signal.SIGUSR1}, 0.01)\n"
        "    return signal.sigpending()",
    ),
    Attack(
        "state_of_the_interpreter_as_a_clock",
        "import sys, gc\ndef answer(facts):\n    return [sys.getswitchinterval(), len(sys.modules), gc.get_threshold(),"
        " sorted(sys.flags), sys.api_version, len(sys._current_frames())]",
        failure="",
        harmless="unknown",
        loot="known",
        play=place_in_the_order,
    ),
    Attack(
        "watchdog_thread",
        "import faulthandler\ndef answer(facts): faulthandler.dump_traceback_later(0.01)",
        words="RuntimeError|unable to start",
    ),
    Attack(
        "thread_below_python",
        "import _thread\ndef answer(facts): _thread.start_new_thread(print, ())",
        words="can't start new thread",
    ),
    Attack(
        "pool_of_threads",
        "import concurrent.futures as f\ndef answer(facts): f.ThreadPoolExecutor(2).submit(int)",
        words="can't start new thread",
    ),
    Attack(
        "pool_of_processes",
        "import multiprocessing as m\ndef answer(facts): return m.Pool(2).map(abs, [1])",
        words="No module named 'multiprocessing.pool'|permitted",
    ),
    Attack(
        "shared_memory_by_python",
        "from multiprocessing import shared_memory as s\ndef answer(facts): return s.SharedMemory(create=True, size=1)",
        words="ModuleNotFoundError|ImportError|permitted|cannot import",
    ),
    Attack(
        "temporary_file",
        "import tempfile\ndef answer(facts): return tempfile.TemporaryFile()",
        words="No usable temporary directory|permitted|denied",
    ),
    Attack(
        "archive_of_the_standard_library",
        "import zipfile\ndef answer(facts): return zipfile.ZipFile(facts['folder'] + '/secret')",
    ),
    Attack(
        "module_by_its_path",
        "import runpy\ndef answer(facts): return runpy.run_path(facts['project'] + '/evolve/errors.py')",
    ),
    Attack(
        "settings_of_python",
        "import sysconfig\ndef answer(facts): return open(sysconfig.get_makefile_filename()).read()",
    ),
    # What the kernel offers.
    refused(
        "files_by_other_names",
        ("openat2", "-100, b'/etc/passwd', block, 24"),
        ("statx", "-100, b'/', 0, 0xFFF, block"),
        ("access", "b'/', 0"),
        ("getdents64", "1, block, 4096"),
        ("copy_file_range", "1, 0, 1, 0, 1, 0"),
    ),
    refused(
        "descriptors_that_tell_of_events",
        ("epoll_create1", "0"),
        ("eventfd2", "0, 0"),
        ("signalfd4", "-1, block, 8, 0"),
        ("timerfd_create", "1, 0"),
        ("inotify_init1", "0"),
        ("fanotify_init", "0, 0"),
        ("pipe2", "block, 0"),
    ),
    refused(
        "wire_under_other_calls",
        ("recvfrom", "3, block, 9, 0x40, 0, 0"),
        ("recvmsg", "3, block, 0x40"),
        ("getsockopt", "3, 1, 17, block, block"),
        ("getpeername", "3, block, block"),
        ("shutdown", "3, 0"),
        ("ioctl", "3, 0x541B, block"),
        ("fcntl", "3, 4, 2048"),
        ("dup", "3"),
        ("preadv2", "3, block, 1, -1, -1, 8"),
        ("splice", "3, 0, 1, 0, 1, 2"),
        ("sendfile", "1, 3, 0, 1"),
    ),
    refused("futexes_of_the_new_kind", ("futex_waitv", "block, 1, 0, 0, 0"), ("get_robust_list", "0, block, block")),
    refused(
        "memory_of_other_kinds",
        ("memfd_secret", "0"),
        ("shmat", "0, 0, 0"),
        ("pkey_alloc", "0, 0"),
        ("mlock", "block, 1"),
        ("msync", "block, 1, 0"),
        ("remap_file_pages", "block, 4096, 0, 0, 0"),
        ("get_mempolicy", "block, 0, 0, 0, 0"),
        ("move_pages", "0, 0, block, 0, block, 0"),
        ("process_madvise", "0, block, 1, 20, 0"),
    ),
    refused(
        "who_else_is_there",
        ("getpgid", "0"),
        ("getsid", "0"),
        ("getpriority", "0, 0"),
        ("sched_getparam", "0, block"),
        ("sched_getattr", "0, block, 48, 0"),
        ("wait4", "-1, 0, 1, 0"),
        ("waitid", "0, 0, block, 1, 0"),
        ("kill", "-1, 0"),
        ("rt_sigqueueinfo", "1, 10, block"),
        ("getitimer", "0, block"),
        ("syslog", "3, block, 4096"),
    ),
    refused(
        "become_somebody_else",
        ("setuid", "0"),
        ("setresuid", "0, 0, 0"),
        ("capset", "block, block"),
        ("setsid", ""),
        ("setpgid", "0, 0"),
        ("sched_setaffinity", "0, 8, block"),
        ("ioprio_set", "1, 0, 0"),
        ("sched_setattr", "0, block, 0"),
        ("arch_prctl", "0x2003, 0"),
        ("iopl", "3"),
        ("ioperm", "0, 1, 1"),
    ),
    refused(
        "change_the_machine",
        ("reboot", "0, 0, 0, 0"),
        ("init_module", "block, 1, b''"),
        ("swapon", "b'/', 0"),
        ("acct", "0"),
        ("kexec_load", "0, 0, 0, 0"),
        ("quotactl", "0, 0, 0, 0"),
        ("sethostname", "b'x', 1"),
        ("landlock_create_ruleset", "0, 0, 1"),
        ("alarm", "1"),
        ("pause", ""),
    ),
    Attack(
        "stack_that_grows_for_ever",
        TOOLS + "def answer(facts):\n    sys.setrecursionlimit(10**8)\n"
        "    def deep(n): return len(eval('(' * 50 + 'n' + ',)' * 50)) + deep(n + 1)\n"
        "    return deep(0)",
        failure="any",
        words="SIGSEGV|MemoryError|out of memory|Recursion|CPU time|wall time",
        limits=PATIENT,
    ),
    Attack(
        "address_space_in_small_pieces",
        TOOLS
        + """
pages = ctypes.c_void_p
libc.mmap.restype = pages
libc.mmap.argtypes = [pages, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def answer(facts):
    for _ in range(70_000):
        if libc.mmap(None, 4096, 0, 0x4022, -1, 0) == 2**64 - 1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True
""",
        words="Cannot allocate memory",
        layers=frozenset({"rlimits"}),
        loot=True,
        limits=UNHURRIED,
    ),
    Attack(
        "collector_that_never_ends",
        "class D:\n    def __del__(self): D()\ndef answer(facts):\n    d = D()\n    del d\n    return 1",
        failure="any",
        words="wall time|CPU time|SIGSEGV|Recursion",
        harmless=1,
        limits=PATIENT,
    ),
    Attack(
        "sleep_in_place_of_work",
        "import time\ndef answer(facts): time.sleep(50)",
        failure="wall_time",
        words=r"of 0.6 s \(CPU 0",
    ),
)
