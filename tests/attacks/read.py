"""Attacks that want to read what they were not given."""

from __future__ import annotations

from typing import Any

from attacks.attack import PATIENT, TOOLS, Attack

from sandbox import Sandbox

FILES = frozenset({"landlock", "seccomp"})
MEMORY = frozenset({"seccomp", "unprivileged"})

VICTIM = """
import ctypes
def hold(masked):
    global secret
    secret = ctypes.create_string_buffer(bytes(b ^ 0x5A for b in masked))
    return ctypes.addressof(secret)
"""


def beside_a_victim(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """Play an attack while another candidate, forked from the same zygote, holds the secret."""
    with sandbox.start(VICTIM) as victim:
        address = victim.call("hold", facts["masked"])
        with sandbox.start(attack.source) as candidate:
            return candidate.call("answer", facts | {"victim": victim._pid, "address": address})


READ = (
    Attack(
        "environment",
        """
import os
def answer(facts):
    if "STAGE_SECRET" not in os.environ:
        raise LookupError("no secret in os.environ")
    return os.environ["STAGE_SECRET"]
""",
        words="no secret in os.environ",
        layers=frozenset({"environment"}),
    ),
    Attack(
        "environment_of_the_c_library",
        TOOLS
        + """
libc.getenv.restype = ctypes.c_char_p
def answer(facts):
    value = libc.getenv(b"STAGE_SECRET")
    if value is None:
        raise LookupError("no secret in environ(7)")
    return value.decode()
""",
        words="no secret in environ",
        layers=frozenset({"environment"}),
    ),
    Attack(
        "own_proc_environ",
        """
def answer(facts):
    with open("/proc/self/environ") as file:
        return "STAGE" in file.read() or "nothing of use"
""",
        layers=FILES | {"environment", "unprivileged"},  # not dumpable: its own /proc belongs to root
        loot=True,
    ),
    Attack(
        "passwd",
        "def answer(facts):\n    with open('/etc/passwd') as file:\n        return 'root' in file.read()",
        layers=FILES,
        loot=True,
    ),
    Attack("secret_file", "def answer(facts): return open(facts['folder'] + '/secret').read()", layers=FILES),
    Attack("run_database", "def answer(facts): return open(facts['folder'] + '/database.sqlite').read()", layers=FILES),
    Attack("home", "import os\ndef answer(facts): return os.listdir('/') + os.listdir(facts['home'])"),
    Attack(
        "root_folder",
        "import os\ndef answer(facts): return 'etc' in os.listdir('/')",
        layers=FILES,
        loot=True,
    ),
    Attack(
        "raw_openat",
        TOOLS
        + """
def answer(facts):
    descriptor = system_call(facts["calls"]["openat"], -100, facts["folder"].encode() + b"/secret", 0, 0)
    return os.read(descriptor, 100).decode()
""",
        layers=FILES,
    ),
    Attack(
        "numpy_fromfile",
        "import numpy\ndef answer(facts): return numpy.fromfile(facts['folder'] + '/secret', 'u1').tobytes().decode()",
        layers=FILES,
    ),
    Attack(
        "numpy_memmap",
        "import numpy\ndef answer(facts): return bytes(numpy.memmap(facts['folder'] + '/secret', mode='r')).decode()",
        words="No module named 'mmap'",
    ),
    Attack(
        "linecache",
        """
import linecache
def answer(facts):
    lines = linecache.getlines(facts["folder"] + "/secret")
    if not lines:
        raise LookupError("linecache found no file")
    return lines[0].strip()
""",
        words="linecache found no file",
        layers=FILES,
    ),
    Attack(
        "source_of_the_evaluators",
        "def answer(facts): return 'class' in open(facts['project'] + '/evolve/evaluator.py').read()",
        layers=FILES,
        loot=True,
    ),
    Attack("import_the_evaluators", "import evaluators\ndef answer(facts): return 1", words="a candidate may import"),
    Attack("import_the_loop", "import evolve.loop\ndef answer(facts): return 1", words="a candidate may import"),
    Attack(
        "import_with_a_loader_of_its_own",
        """
import sys
def answer(facts):
    external = sys.modules["_frozen_importlib_external"]
    loader = external.SourceFileLoader("stolen", facts["project"] + "/evolve/errors.py")
    return "UsageError" in loader.get_source("stolen")
""",
        words="Permission|permitted|source not available",
        layers=FILES,
        loot=True,
    ),
    Attack(
        "load_a_c_library",
        "import ctypes\ndef answer(facts): return ctypes.CDLL(facts['folder'] + '/secret')",
        words="cannot open shared object file",
    ),
    Attack(
        "stat_a_file",
        "import os\ndef answer(facts): return os.stat(facts['folder'] + '/secret').st_size > 0",
        layers=frozenset({"seccomp"}),  # Landlock does not hide names and sizes
        loot=True,
    ),
    Attack(
        "working_directory",
        "import os\ndef answer(facts): return len(os.getcwd()) > 0",
        layers=frozenset({"seccomp"}),
        loot=True,
    ),
    Attack("read_a_link", "import os\ndef answer(facts): return os.readlink('/proc/self/exe')"),
    *(
        Attack(
            f"parent_{name}",
            f"def answer(facts):\n    with open(f'/proc/{{facts[\"parent\"]}}/{name}', 'rb') as file:\n"
            "        return file.fileno() >= 0",
            layers=FILES,
            also_off=frozenset() if name == "cmdline" else frozenset({"unprivileged", "namespaces"}),
            loot=True,
        )
        for name in ("cmdline", "environ", "mem")
    ),
    Attack("parent_descriptors", "import os\ndef answer(facts): return os.listdir(f'/proc/{facts[\"parent\"]}/fd')"),
    Attack(
        "memory_of_a_sibling",
        TOOLS
        + """
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def answer(facts):
    into = ctypes.create_string_buffer(100)
    here, there = Vector(ctypes.addressof(into), 100), Vector(facts["address"], len(facts["masked"]))
    system_call(
        facts["calls"]["process_vm_readv"], facts["victim"], ctypes.byref(here), 1, ctypes.byref(there), 1, 0
    )
    return into.value.decode()
""",
        layers=MEMORY,
        play=beside_a_victim,
    ),
    Attack(
        "trace_a_sibling",
        TOOLS
        + """
def answer(facts):
    attach = 16
    system_call(facts["calls"]["ptrace"], attach, facts["victim"], 0, 0)
    return True
""",
        layers=MEMORY,
        loot=True,
        play=beside_a_victim,
    ),
    Attack(
        "memory_of_the_zygote",
        TOOLS
        + """
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def answer(facts):
    mine = ctypes.create_string_buffer(b"same address before and after the fork", 100)
    here, there = Vector(ctypes.addressof(mine), 8), Vector(id(os), 8)
    zygote = libc.getppid() or 1
    return system_call(
        facts["calls"]["process_vm_readv"], zygote, ctypes.byref(here), 1, ctypes.byref(there), 1, 0
    )
""",
        layers=MEMORY,
        loot=8,
    ),
    Attack(
        "wire_of_a_sibling",
        TOOLS
        + """
def answer(facts):
    handle = system_call(facts["calls"]["pidfd_open"], facts["victim"], 0)
    return system_call(facts["calls"]["pidfd_getfd"], handle, 3, 0) > 0
""",
        layers=MEMORY,
        loot=True,
        play=beside_a_victim,
    ),
    Attack(
        "leftovers_in_the_heap",
        """
import gc, sys
def answer(facts):
    wanted = bytes(b ^ 0x5A for b in facts["masked"]).decode()
    seen, todo = set(), [*sys.modules.values(), *gc.get_objects()]
    while todo and len(seen) < 400_000:
        thing = todo.pop()
        if id(thing) in seen or thing is facts:
            continue
        seen.add(id(thing))
        if type(thing) in (str, bytes) and thing is not wanted and thing in (wanted, wanted.encode()):
            return wanted
        todo += gc.get_referents(thing)
    raise LookupError(f"nothing of the parent's among {len(seen)} objects")
""",
        words=r"nothing of the parent's among \d{5,} objects",
        layers=frozenset({"environment"}),
        limits=PATIENT,
    ),
    Attack(
        "frames_of_the_verifier",
        """
import sys
def answer(facts):
    found, frame = [], sys._getframe()
    while frame is not None:
        found += [frame.f_code.co_filename.rpartition("/")[2]]
        frame = frame.f_back
    return [name for name in found if name not in ("candidate.py", "child.py", "zygote_main.py", "<frozen runpy>")]
""",
        failure="",
        harmless=[],
    ),
    Attack(
        "inherited_descriptors",
        """
import os
def answer(facts):
    for descriptor in range(4, 256):  # 3 is the wire
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            data = os.read(descriptor, 100)
        except OSError:
            continue
        if data:
            return data.decode()
    raise LookupError("no descriptor to read from")
""",
        words="no descriptor to read from",
        layers=frozenset({"descriptors"}),
    ),
    Attack(
        "shared_memory_file",
        "def answer(facts): return open(facts['shared']).read()",
        layers=FILES,
    ),
    Attack(
        "shared_memory_segment",
        TOOLS
        + """
libc.shmat.restype = ctypes.c_void_p
def answer(facts):
    address = libc.shmat(facts["segment"], None, 0o10000)
    if address == 2**64 - 1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return ctypes.string_at(address).decode()
""",
        words="Operation not permitted|Permission denied|Invalid argument",
        layers=frozenset({"seccomp", "namespaces"}),
    ),
)
