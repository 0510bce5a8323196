"""Attacks that want to write somewhere, to change the next candidate, or to live on."""

from __future__ import annotations

import os
import struct
import time
from typing import Any

from attacks.attack import PATIENT, TOOLS, Attack
from attacks.read import FILES, MEMORY, beside_a_victim
from attacks.stage import masked

from sandbox import Sandbox

SYSTEM_CALLS = frozenset({"seccomp"})


def next_candidate_listens(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """One candidate spends CPU time, which it can choose; the next looks for that figure in the memory it was given."""
    with sandbox.start("def answer():\n    return sum(range(300_000))") as sender:
        sender.call("answer")
        sender.close()
        ended = sender._ended
        assert ended is not None
        traces = [struct.pack(order + "d", ended.cpu_s) for order in "<>"]  # a float, and one on its way in msgpack
        traces += [ended.peak_rss_bytes.to_bytes(8, "big"), _digits_of_int(ended.peak_rss_bytes)]
    with sandbox.start(attack.source) as listener:
        return listener.call("answer", {"masked": [masked(trace) for trace in traces]})


def _digits_of_int(number: int) -> bytes:
    """Return how CPython lays out a whole number below 2**60: its size, then digits of 30 bits."""
    return struct.pack("<qII", 2, number & (2**30 - 1), number >> 30) if number >> 30 else struct.pack("<qI", 1, number)


def two_in_turn(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """Two processes of one program, one after the other."""
    for turn in range(2):
        with sandbox.start(attack.source) as candidate:
            answer = candidate.call("answer", facts | {"turn": turn})
    return answer


def gone_afterwards(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """Close a candidate that does not want to end; "alive" when its process is still there."""
    candidate = sandbox.start(attack.source)
    process = candidate.host_pid
    try:
        candidate.call("answer", facts)
    finally:
        candidate.close()
        time.sleep(0.01)
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            pass
        else:
            return "alive"
    return "ended"


PERSIST = (
    Attack(
        "write_to_tmp",
        "def answer(facts):\n    with open(facts['folder'] + '/new', 'w') as f:\n        return f.write('x') == 1",
        layers=FILES,
        loot=True,
    ),
    Attack(
        "overwrite_the_database",
        "def answer(facts):\n    with open(facts['folder'] + '/open', 'r+') as f:\n        return f.write('x') == 1",
        layers=FILES,
        loot=True,
    ),
    Attack("write_to_home", "def answer(facts): return open(facts['home'] + '/.profile', 'a')"),
    Attack("write_to_the_project", "def answer(facts): return open(facts['project'] + '/evolve/errors.py', 'a')"),
    Attack(
        "write_to_shared_memory",
        "import os\ndef answer(facts): return os.open(facts['shared'], os.O_WRONLY) >= 0",
        layers=FILES,
        loot=True,
    ),
    Attack(
        "make_a_folder",
        "import os\ndef answer(facts): return os.mkdir(facts['folder'] + f'/made{os.urandom(8).hex()}') is None",
        layers=FILES,
        loot=True,
    ),
    Attack(
        "remove_and_rename_files",
        "import os\ndef answer(facts):\n    os.rename(facts['folder'] + '/open', facts['folder'] + '/open')\n"
        "    return os.unlink(facts['folder'] + '/open')",
    ),
    Attack(
        "change_rights_of_a_file",
        "import os\ndef answer(facts): os.chmod(facts['folder'] + '/secret', 0o777)",
    ),
    Attack(
        "file_in_memory",
        "import os\ndef answer(facts): return os.memfd_create('stash') >= 0",
        layers=SYSTEM_CALLS,
        loot=True,
    ),
    Attack(
        "new_shared_memory_segment",
        TOOLS + "\ndef answer(facts): return system_call(facts['calls']['shmget'], 0, 4096, 0o1666) >= 0",
        layers=SYSTEM_CALLS,
        loot=True,
    ),
    Attack(
        "semaphores_and_message_queues",
        TOOLS
        + """
def answer(facts):
    for name, arguments in (("semget", (0, 1, 0o1666)), ("msgget", (0, 0o1666))):
        try:
            return system_call(facts["calls"][name], *arguments) >= 0
        except OSError as error:
            last = error
    raise last
""",
        layers=SYSTEM_CALLS,
        loot=True,
    ),
    Attack(
        "posix_message_queue",
        TOOLS
        + """
def answer(facts):
    return system_call(facts["calls"]["mq_open"], b"stash", os.O_RDWR | os.O_CREAT, 0o666, 0) >= 0
""",
        layers=frozenset({"seccomp", "landlock", "rlimits"}),
        loot=True,
    ),
    Attack(
        "kernel_keyring",
        TOOLS
        + """
def answer(facts):
    user_session_keyring = -5
    return system_call(facts["calls"]["add_key"], b"user", b"stash", b"secret", 6, user_session_keyring) != 0
""",
        layers=SYSTEM_CALLS,
        loot=True,
    ),
    Attack(
        "bind_an_abstract_socket",
        "import socket\ndef answer(facts):\n    s = socket.socket(socket.AF_UNIX)\n"
        "    s.bind('\\0stash')\n    return True",
        layers=SYSTEM_CALLS,
        loot=True,
    ),
    Attack(
        "patch_numpy",
        """
import builtins, gc, os, random, signal, sys
import numpy as np
def answer(facts):
    np.sum = np.linalg.norm = lambda *a, **k: 0.0
    np.random.seed(99); random.seed(99)
    builtins.hash = lambda x: 0
    os.environ["POISON"] = "1"
    gc.disable(); sys.setrecursionlimit(50_000)
    sys.modules["poison"] = sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    os.fstat = os.uname = os.getpid = None
    return "patched"
""",
        failure="",
        harmless="patched",
    ),
    Attack(
        "scribble_over_the_interpreter",
        """
import ctypes
def answer(facts):
    small_int = id(1) + 24  # every 1 of this process becomes a 2
    ctypes.c_uint32.from_address(small_int).value = 2
    return True
""",
        failure="any",
        words="",
        harmless=True,
        loot="the figures of the next candidate, which the arena compares",
    ),
    Attack(
        "state_left_for_the_next_instance",
        """
import numpy as np
def answer(facts):
    if facts["turn"] == 1:
        if not hasattr(np, "learned"):
            raise LookupError("nothing left by the process before")
        return np.learned
    np.learned = bytes(b ^ 0x5A for b in facts["masked"]).decode()
""",
        words="nothing left by the process before",
        play=two_in_turn,
    ),
    Attack(
        "cpu_time_of_the_last_candidate_in_the_heap",
        """
import ctypes, gc, sys, types
PLAIN = (dict, list, tuple, str, bytes, float, types.FunctionType, types.ModuleType, types.CodeType)
def answer(facts):
    all_wanted = [bytes(b ^ 0x5A for b in trace) for trace in facts["masked"]]
    pages, seen, todo = set(), set(), [1.5, *sys.modules.values()]
    while todo:
        thing = todo.pop()
        if id(thing) not in seen:
            seen.add(id(thing))
            if type(thing) in PLAIN:
                pages.add(id(thing) >> 12)
            if len(seen) < 150_000:
                todo += gc.get_referents(thing)
    for page in pages:
        memory = ctypes.string_at(page << 12, 4096)
        for wanted in all_wanted:
            at = memory.find(wanted)
            while at >= 0:
                if not id(wanted) <= (page << 12) + at < id(wanted) + 64:
                    return "heard"
                at = memory.find(wanted, at + 1)
    raise LookupError(f"nothing on {len(pages)} pages")
""",
        words=r"nothing on \d{4,} pages",
        loot="heard",
        limits=PATIENT,
        play=next_candidate_listens,
    ),
    Attack(
        "write_into_the_zygote",
        TOOLS
        + """
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def answer(facts):
    same = ctypes.create_string_buffer(ctypes.string_at(id(os), 8), 8)
    here, there = Vector(ctypes.addressof(same), 8), Vector(id(os), 8)
    return system_call(facts["calls"]["process_vm_writev"], 1, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
""",
        layers=MEMORY,
        loot=8,
    ),
    Attack(
        "signal_to_a_sibling",
        "import os\ndef answer(facts): return os.kill(facts['victim'], 0) is None",
        layers=SYSTEM_CALLS,
        loot=True,
        play=beside_a_victim,
    ),
    Attack(
        "kill_the_zygote",
        "import os, signal\ndef answer(facts):\n    os.kill(1, signal.SIGKILL)\n    os.kill(-1, signal.SIGKILL)",
    ),
    Attack(
        "daemon",
        """
import os, time
def answer(facts):
    if os.fork() == 0:
        os.setsid()
        time.sleep(3)
        os._exit(0)
    return True
""",
        words="Operation not permitted|temporarily unavailable",
        layers=frozenset({"seccomp", "rlimits"}),
        loot=True,
    ),
    Attack(
        "vfork_and_clone",
        TOOLS
        + """
def answer(facts):
    for name in ("fork", "vfork"):
        try:
            return system_call(facts["calls"][name]) >= 0
        except OSError as error:
            last = error
    share_memory_and_parent = 0x100 | 0x8000 | 17
    stack = ctypes.create_string_buffer(65536)
    return system_call(facts["calls"]["clone"], share_memory_and_parent, ctypes.addressof(stack) + 65536) >= 0
""",
    ),
    Attack(
        "thread_left_behind",
        "import threading, time\ndef answer(facts):\n    threading.Thread(target=time.sleep, args=(3,)).start()\n"
        "    return True",
        words="can't start new thread",
        layers=frozenset({"seccomp", "rlimits"}),
        loot=True,
    ),
    Attack(
        "live_on_without_a_wire",
        """
import os, signal
def answer(facts):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    os.closerange(0, 64)
    while True:
        pass
""",
        failure="crashed",
        words="ended before it answered: killed by SIGKILL",
        loot="alive",
        play=gone_afterwards,
    ),
    Attack(
        "answer_and_live_on",
        """
import os, signal, sandbox.wire, sys
def answer(facts):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    nonce = sys._getframe(2).f_locals["nonce"]
    os.write(3, sandbox.wire.encode([nonce, True, 1]))
    while True:
        pass
""",
        failure="",
        harmless="ended",
        loot="alive",
        play=gone_afterwards,
    ),
    Attack(
        "grow_and_seal_the_output_file",
        TOOLS
        + """
def answer(facts):
    add_seals, seal_everything = 1033, 0xF
    for name, arguments in (
        ("fcntl", (1, add_seals, seal_everything)), ("ftruncate", (1, 1 << 30)), ("fallocate", (1, 0, 0, 1 << 30))
    ):
        try:
            system_call(facts["calls"][name], *arguments)
        except OSError as error:
            last = error
        else:
            return name
    raise last
""",
    ),
    Attack(
        "change_own_limits",
        "import resource\ndef answer(facts): resource.setrlimit(resource.RLIMIT_NPROC, (9, 9))",
        words="not allowed to raise maximum limit|Operation not permitted",
    ),
    Attack(
        "change_limits_of_a_sibling",
        TOOLS
        + """
def answer(facts):
    limit = (ctypes.c_uint64 * 2)(0, 0)
    return system_call(facts["calls"]["prlimit64"], facts["victim"], 0, ctypes.byref(limit), 0) == 0
""",
        layers=SYSTEM_CALLS,
        loot=True,
        play=beside_a_victim,
    ),
)
