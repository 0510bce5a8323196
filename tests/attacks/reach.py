"""Attacks that want to reach the network, other programs, or more of the kernel than computing needs."""

from __future__ import annotations

from typing import Any

from attacks.attack import TOOLS, Attack
from attacks.persist import SYSTEM_CALLS
from attacks.read import FILES

from sandbox import Sandbox

NETWORK = frozenset({"seccomp", "namespaces"})

SOCKETS = "import socket\n"


def any_call(*attempts: tuple[str, str]) -> str:
    """Return a program that tries system calls one after the other; "NAME went through" is its loot."""
    lines = "".join(f"        ({name!r}, lambda: [{arguments}]),\n" for name, arguments in attempts)
    return (
        TOOLS
        + f"""
def answer(facts):
    block = ctypes.create_string_buffer(4096)
    for name, arguments in [
{lines}    ]:
        try:
            system_call(facts["calls"][name], *arguments())
        except OSError as error:
            last = error
            if error.errno != 1:
                return f"{{name}} was looked at: {{error}}"
        else:
            return f"{{name}} went through"
    raise last
"""
    )


def over_the_wire(attack: Attack, sandbox: Sandbox, facts: dict[str, Any]) -> Any:
    """Let the program tamper with its own wire, then ask it something else."""
    with sandbox.start(attack.source) as candidate:
        first = candidate.call("answer", facts)
        return [first, candidate.call("add", 2, 3)]


REACH = (
    Attack(
        "tcp",
        SOCKETS
        + """
def answer(facts):
    with socket.create_connection(("127.0.0.1", facts["tcp"]), timeout=0.3) as connection:
        return connection.recv(100).decode()
""",
        layers=NETWORK,
    ),
    Attack(
        "udp",
        SOCKETS
        + """
def answer(facts):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        s.sendto(b"?", ("127.0.0.1", facts["udp"]))
        return s.recv(100).decode()
""",
        layers=NETWORK,
    ),
    Attack(
        "unix_socket",
        SOCKETS
        + """
def answer(facts):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(facts["folder"] + "/door")
        return s.recv(100).decode()
""",
        layers=SYSTEM_CALLS,  # Landlock does not govern connecting to a socket in the file system
    ),
    Attack(
        "abstract_socket",
        SOCKETS
        + """
def answer(facts):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\\0" + facts["abstract"])
        return s.recv(100).decode()
""",
        layers=frozenset({"seccomp", "namespaces", "landlock"}),
    ),
    Attack(
        "dns",
        SOCKETS + "def answer(facts): return socket.getaddrinfo('secret-4711.example.com', 80)",
        words="gaierror",
    ),
    Attack(
        "raw_and_netlink_sockets",
        SOCKETS
        + """
def answer(facts):
    for family, kind, protocol in ((17, 3, 768), (2, 3, 1), (16, 3, 0), (40, 1, 0), (38, 5, 0)):
        try:
            with socket.socket(family, kind, protocol):
                return "a socket"
        except OSError as error:
            last = error
    raise last
""",
        layers=SYSTEM_CALLS,
        loot="a socket",
    ),
    Attack("socket_pair", SOCKETS + "def answer(facts): return len(socket.socketpair())", layers=SYSTEM_CALLS, loot=2),
    Attack("event_loop", "import asyncio\nasync def main(): pass\ndef answer(facts): return asyncio.run(main())"),
    Attack(
        "exec",
        "import os\ndef answer(facts): os.execv('/bin/echo', ['echo', 'gone'])",
    ),
    Attack(
        "shell",
        "import os\ndef answer(facts):\n    code = os.system('true')\n    raise OSError(f'shell: {code}')",
        words="shell: ",
    ),
    Attack("subprocess", "import subprocess\ndef answer(facts): return subprocess.run(['/bin/true']).returncode"),
    Attack("posix_spawn", "import os\ndef answer(facts): return os.posix_spawn('/bin/true', ['true'], {})"),
    Attack(
        "io_uring",
        any_call(("io_uring_setup", "4, block")),
        layers=SYSTEM_CALLS,
        also_off=frozenset({"rlimits"}),  # its rings count as locked memory
        loot="io_uring_setup went through",
    ),
    Attack(
        "userfaultfd",
        any_call(("userfaultfd", "1")),  # of its own faults only, which needs no rights
        layers=SYSTEM_CALLS,
        loot="userfaultfd went through",
    ),
    Attack(
        "personality",
        any_call(("personality", "0x0040000")),
        layers=SYSTEM_CALLS,
        loot="personality went through",
    ),
    Attack(
        "corners_of_the_kernel",
        any_call(
            ("bpf", "0, block, 100"),
            ("perf_event_open", "block, 0, -1, -1, 0"),
            ("keyctl", "0, -3, 0"),
            ("unshare", "0x10000000"),
            ("setns", "0, 0"),
            ("mount", "b'none', b'/tmp', b'tmpfs', 0, 0"),
            ("chroot", "b'/'"),
            ("modify_ldt", "0, block, 100"),
            ("kcmp", "1, 1, 0, 0, 0"),
            ("name_to_handle_at", "-100, b'/', block, block, 0"),
            ("sched_setscheduler", "0, 0, block"),
            ("setpriority", "0, 0, -5"),
            ("mlockall", "1"),
            ("timer_create", "1, 0, block"),
            ("tgkill", "1, 1, 0"),
            ("rseq", "block, 32, 0, 0"),
            ("execveat", "-100, b'/bin/true', 0, 0, 0"),
        ),
    ),
    Attack(
        "process_controls",
        any_call(
            ("prctl", "4, 1, 0, 0, 0"),  # be dumpable
            ("prctl", "1, 0, 0, 0, 0"),  # outlive the zygote
            ("prctl", "59, 4, block, 8, 0"),  # syscall user dispatch
            ("prctl", "22, 0, 0, 0, 0"),
            ("seccomp", "1, 0, block"),
            ("prlimit64", "0, 0, block, 0"),
            ("prlimit64", "1, 0, 0, block"),
        ),
    ),
    Attack(
        "locks_that_lend_priority",
        any_call(("futex", "block, 6 | 128, 0, 0, 0, 0")),
        layers=SYSTEM_CALLS,
        loot="futex went through",
    ),
    Attack(
        "out_of_band_byte_on_the_wire",
        any_call(("sendto", "3, b'x', 1, 1, 0, 0")) + "\ndef add(a, b): return a + b",
        layers=SYSTEM_CALLS,
        loot=["sendto went through", 5],
        play=over_the_wire,
    ),
    Attack(
        "descriptors_over_the_wire",
        any_call(("sendmsg", "3, block, 0")) + "\ndef add(a, b): return a + b",
        play=over_the_wire,
    ),
    Attack(
        "system_calls_of_32_bits",
        TOOLS
        + """
def answer(facts):
    if os.uname().machine != "x86_64":
        os._exit(99)
    pages = ctypes.c_void_p
    libc.mmap.restype = pages
    libc.mmap.argtypes = [pages, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    page = libc.mmap(None, 4096, 7, 0x22, -1, 0)
    code = bytes.fromhex("53b814000000cd805bc3")  # push rbx; mov eax, 20 (getpid of i386); int 0x80; pop rbx; ret
    ctypes.memmove(page, code, len(code))
    return ctypes.CFUNCTYPE(ctypes.c_int)(page)() > 0
""",
        failure="crashed",
        words="SIGSYS|SIGSEGV|code 99",  # the filter's, or that of a kernel without 32-bit calls
        loot=True,
    ),
    Attack(
        "system_calls_of_x32",
        TOOLS
        + """
def answer(facts):
    if os.uname().machine != "x86_64":
        os._exit(99)
    return system_call(0x40000000 | 39) > 0
""",
        failure="crashed",
        words="SIGSYS|code 99",
        loot=True,
    ),
    Attack(
        "files_after_a_program_with_more_rights",
        "import os\ndef answer(facts): os.execv(facts['folder'] + '/setuid', ['cat', facts['folder'] + '/roots'])",
        also_off=FILES,
    ),
)
