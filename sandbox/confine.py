"""The layers of isolation that a process puts on itself; each says whether it is in force. Most are Linux only.

Landlock comes from sandlock and seccomp from libseccomp (pyseccomp); namespaces, capabilities and privileges are
single calls of the C library.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import os
import resource
import secrets
import signal
import sys
from collections.abc import Mapping
from typing import Any

from sandbox import host
from sandbox.found import NOT_HERE, Found

NOBODY = 65534

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2
BPF_INSTRUCTION_BYTES = 8
CAPABILITY_VERSION_3 = 0x20080522


_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the C library that returns 0 or -1. Raises OSError."""
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


HOST_NAME = b"candidate"

NAMESPACES = {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000}


def enter_namespaces() -> Found:
    """Go on in a child that is the first process of its own pid, net, ipc and uts (and user) namespaces.

    The caller stays behind, waits for that child and exits with it; the kernel ends every process of the namespace
    together with its first one, so nothing that a candidate starts can outlive the zygote.
    """
    if not host.LINUX:
        return NOT_HERE
    wanted = dict(NAMESPACES)
    if os.getuid() == 0:
        del wanted["user"]  # root needs no user namespace to make the others, and keeps the right to become nobody
    # Tried in a child first: a host may allow the first step and refuse the next, and there is no way back.
    trial = os.fork()
    if trial == 0:
        os._exit(_step_into(wanted))
    code = os.waitstatus_to_exitcode(os.waitpid(trial, 0)[1]) or _step_into(wanted)
    if code:
        return Found(
            False,
            f"the kernel refuses them ({os.strerror(code) if code > 0 else f'signal {-code}'})",
            "allow user namespaces: sysctl user.max_user_namespaces and, on Ubuntu, "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container, a seccomp profile that permits unshare",
        )
    pid = os.fork()
    if pid:
        for descriptor in (0, 1, int(sys.argv[1])):
            os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.sethostname(HOST_NAME, len(HOST_NAME))
    # Process numbers count up from here: where they start tells no candidate how many came before it.
    with (
        contextlib.suppress(OSError),  # a kernel without CONFIG_CHECKPOINT_RESTORE, or /proc/sys read-only
        open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last,  # noqa: PTH123 - one write
    ):
        last.write(str(1000 + secrets.randbelow(20000)))
    return Found(True, ", ".join(wanted))


def _step_into(wanted: Mapping[str, int]) -> int:
    """Move this process into new namespaces, where its children will live; return 0 or the error number."""
    uid, gid = os.getuid(), os.getgid()
    try:
        _call("unshare", sum(wanted.values()))
        if "user" in wanted:
            for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - one write, as the kernel asks
                    file.write(text)
    except OSError as error:
        return error.errno or errno.EPERM
    return 0


def no_new_privs() -> Found:
    """Give up every right that starting a program could bring."""
    if not host.LINUX:
        return NOT_HERE
    try:
        _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    except OSError as error:
        return Found(False, f"refused ({error.strerror})", "use Linux 3.5 or later")
    return Found(True, "set")


def close_files() -> Found:
    """Forbid this process and its children to open any file, and to reach abstract sockets and foreign processes."""
    if not host.LINUX:
        return NOT_HERE
    advice = "use a kernel with Landlock (5.13 or later, in the list of lsm= at boot) on x86_64 or aarch64"
    try:
        import sandlock
    except (ImportError, OSError) as error:
        return Found(False, f"the package sandlock does not load ({error})", "pip install sandlock; " + advice)
    abi = sandlock.landlock_abi_version()
    if abi < 1:
        return Found(False, "the kernel has no Landlock", advice)
    try:
        sandlock.confine(sandlock.Sandbox(fs_readable=[], allow_degraded=list(sandlock.Protection)))
    except Exception as error:  # whatever it is, the layer is missing
        return Found(False, f"refused ({error})", advice)
    return Found(True, f"ABI {abi}, no file readable or writable")


def drop_privileges() -> Found:
    """Become nobody where this is root, and give up every capability."""
    try:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        if not host.LINUX:  # there are no capabilities, and only root may read another process
            return Found(os.getuid() != 0, f"user {os.getuid()}")
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        _call("capset", header, (ctypes.c_uint32 * 6)())
        # Not dumpable: no other process of the same user may read its memory or descriptors.
        _call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
        _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except OSError as error:
        return Found(False, f"refused ({error.strerror})", "run as an ordinary user")
    return Found(True, f"user {os.getuid()}, no capabilities")


def die_with_parent() -> None:
    """Tie this process to the one that waits for it: without a pid namespace one that sleeps would survive its end."""
    if host.LINUX:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


WIRE = 3
"""The descriptor of a candidate's wire."""


def keep_only(wire: int, output: int, also: int, close: bool) -> int:
    """Leave a child `output` as both output streams, its wire, one more descriptor, and a life tied to the zygote's.

    Returns the number that the descriptor `also` has now. close: close all others, the input too.
    """
    die_with_parent()
    os.dup2(output, 1)
    os.dup2(output, 2)
    if also == WIRE:
        also = os.dup(also)
    os.dup2(wire, WIRE)
    if close:
        os.close(0)
        os.closerange(WIRE + 1, also)
        os.closerange(also + 1, 65536)
    return also


def limit_resources(limits: Mapping[str, Any], base_bytes: int) -> None:
    """Bound memory, CPU time, output, files and processes. base_bytes: address space that is mapped already.

    CPU time loosely: the kernel counts it here in ticks, which runs ahead of the clock that the trusted end reads and
    goes by. This is for a trusted end that is stopped, or gone.
    """
    cpu_s = 2 * math.ceil(limits["cpu_s"]) + 1
    for name, soft, hard in (
        ("RLIMIT_AS", base_bytes + limits["memory_mb"] * 2**20, None),
        ("RLIMIT_CPU", cpu_s, cpu_s + 1),
        ("RLIMIT_FSIZE", limits["output_kb"] * 1024, None),
        ("RLIMIT_NPROC", 0, None),
        ("RLIMIT_NOFILE", 16, None),
        ("RLIMIT_CORE", 0, None),
        ("RLIMIT_MEMLOCK", 0, None),
        ("RLIMIT_MSGQUEUE", 0, None),
    ):
        if (kind := getattr(resource, name, None)) is None:
            continue  # macOS has no message queues to bound
        wanted = (soft, hard if hard is not None else soft)
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:  # a host's own limit may be lower, and cannot be raised
            wanted = (min(wanted[0], most), min(wanted[1], most))
        with contextlib.suppress(*(() if host.LINUX else (ValueError, OSError))):  # macOS bounds no address space
            resource.setrlimit(kind, wanted)
    # Python ignores it; left alone, the kernel ends a process that prints beyond its limit.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


COMPUTING = """
    read write writev close lseek
    munmap mprotect mremap brk
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    getuid geteuid getgid getegid getrandom uname
    exit exit_group
""".split()
"""What computing on memory needs. The calls below with some arguments only, the rest is refused with EPERM."""

NUMBERED = "getpid gettid getppid".split()
"""Answered with 0: the numbers would tell how many candidates came before, and make figures differ from run to run."""

FUTEX_OPERATIONS = {"wait": 0, "wake": 1, "wait_bitset": 9, "wake_bitset": 10}
"""What locks within one process need; those that inherit priorities have broken kernels before."""

FUTEX_PRIVATE, FUTEX_CLOCK_REALTIME = 128, 256
"""A futex that is not private is found by the file of its page: every process that maps it could wake another."""

MAP_PRIVATE, MAP_ANONYMOUS = 0x02, 0x20
MAP_WITH = 0x10 | 0x4000 | 0x20000 | 0x100000  # FIXED, NORESERVE, STACK, FIXED_NOREPLACE
"""Memory of its own, and no huge pages of the host's common store, whose number would be a message."""

ADVICE = {"dontneed": 4, "free": 8, "hugepage": 14, "nohugepage": 15}
"""What allocators and numpy advise. Others push the host's file pages out or merge pages with those of neighbours."""


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class SystemCalls:
    """The filter of system calls, compiled once and put on by every child."""

    def __init__(self) -> None:
        if not host.LINUX:
            self.found = NOT_HERE
            return
        advice = "install libseccomp (Debian: libseccomp2) and `pip install pyseccomp`"
        try:
            import pyseccomp
        except (ImportError, RuntimeError, OSError) as error:
            self.found = Found(False, f"libseccomp does not load ({error})", advice)
            return
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            supported = "\nSeccomp:" in status.read()
        if not supported:
            self.found = Found(False, "the kernel has no seccomp", "use a kernel with CONFIG_SECCOMP")
            return
        # libseccomp's own load compiles the filter anew, half a millisecond in every child.
        with os.fdopen(os.memfd_create("filter"), "wb+") as file:
            build_filter(pyseccomp).export_bpf(file)
            file.seek(0)
            self._code = file.read()
        self.found = Found(True, f"{len(COMPUTING)} system calls allowed, 6 with some arguments only, the rest refused")

    def probe(self) -> None:
        """Find out in a child whether the kernel takes the filter: a sandbox around this one may refuse it."""
        if not self.found.active:
            return
        pid = os.fork()
        if pid == 0:
            try:
                self.load()
            except OSError as error:
                os._exit(error.errno or 1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code:
            self.found = Found(
                False,
                f"the kernel refuses the filter ({os.strerror(code) if code > 0 else f'signal {-code}'})",
                "permit prctl(PR_SET_SECCOMP), e.g. in the profile of the container",
            )

    def load(self) -> None:
        """Put the filter on the calling process, for good. Raises OSError."""
        if self.found.active:
            program = _Program(len(self._code) // BPF_INSTRUCTION_BYTES, self._code)
            _call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def build_filter(seccomp: Any) -> Any:
    """Return a libseccomp filter that allows COMPUTING and little else. seccomp: the module pyseccomp."""
    system_calls = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in COMPUTING:
        try:
            system_calls.add_rule(seccomp.ALLOW, name)
        except (OSError, ValueError):  # not a call of this architecture
            continue
    for name in NUMBERED:
        system_calls.add_rule(seccomp.ERRNO(0), name)
    equal, masked, whole = seccomp.EQ, seccomp.MASKED_EQ, 2**64 - 1
    for operation in FUTEX_OPERATIONS.values():
        mask = 2**32 - 1 & ~FUTEX_CLOCK_REALTIME
        system_calls.add_rule(seccomp.ALLOW, "futex", seccomp.Arg(1, masked, mask, operation | FUTEX_PRIVATE))
    system_calls.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(3, masked, whole & ~MAP_WITH, MAP_PRIVATE | MAP_ANONYMOUS))
    for advice in ADVICE.values():
        system_calls.add_rule(seccomp.ALLOW, "madvise", seccomp.Arg(2, equal, advice))
    for name in ("select", "pselect6"):  # of no descriptor: a pause; how much of it was left is never returned
        with contextlib.suppress(OSError, ValueError):  # not a call of this architecture
            system_calls.add_rule(seccomp.ALLOW, name, seccomp.Arg(0, equal, 0))
    # Reading one's own limits, which numpy and the memory allocator do; not setting them, nor another process's.
    system_calls.add_rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(0, seccomp.EQ, 0), seccomp.Arg(2, seccomp.EQ, 0))
    # Without clone3 the C library falls back to clone, which is refused: threads fail with an error, not a crash.
    system_calls.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    return system_calls
