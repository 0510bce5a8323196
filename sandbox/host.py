"""What differs between Linux and other systems: a clock of another process, a file in memory, a socket of messages.

Elsewhere the sandbox runs in a reduced mode: a process of its own, a clean environment, closed descriptors, rlimits.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
import tempfile
import time

LINUX = sys.platform == "linux"

PEAK_RSS_UNIT = 1024 if LINUX else 1
"""Bytes in a unit of ru_maxrss; macOS counts single ones."""

MESSAGES = socket.SOCK_SEQPACKET if LINUX else socket.SOCK_STREAM
"""The kind of socket between the trusted end and the zygote. macOS knows no local one that keeps messages apart and
tells its end; since the two take turns with small messages, a stream does not run them together."""


def process_cpu_s(pid: int) -> float:
    """Return the CPU seconds of another process, all its threads. Raises OSError when it is gone."""
    if LINUX:
        return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) composes it
    return _darwin_cpu_s(pid)


def output_file() -> int:
    """Return a descriptor of a new file without a name, closed when a program is started."""
    if LINUX:
        return os.memfd_create("output", os.MFD_CLOEXEC)
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)  # noqa: PTH108 - a path that pathlib has no part in
    return descriptor


def mapped_bytes() -> int:
    """Return the address space that this process has mapped, 0 where the kernel bounds none."""
    if not LINUX:
        return 0
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - one read
        return int(statm.read().split()[0]) * resource.getpagesize()


class _Usage(ctypes.Structure):
    """`struct rusage_info_v0` of macOS's sys/resource.h."""

    _fields_ = (
        ("uuid", ctypes.c_uint8 * 16),
        ("user", ctypes.c_uint64),
        ("system", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 8),
    )


class _Timebase(ctypes.Structure):
    """`mach_timebase_info_data_t`: one unit of time is so many nanoseconds, as a fraction."""

    _fields_ = (("numerator", ctypes.c_uint32), ("denominator", ctypes.c_uint32))


def _darwin_cpu_s(pid: int) -> float:
    library = ctypes.CDLL(None, use_errno=True)
    usage, base = _Usage(), _Timebase()
    if library.proc_pid_rusage(pid, 0, ctypes.byref(usage)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    library.mach_timebase_info(ctypes.byref(base))
    return float((usage.user + usage.system) * base.numerator / base.denominator / 1e9)
