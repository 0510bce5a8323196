"""Pretend to be a host that lacks something: refuse system calls to this process and all it starts, then run code.

`python hosts.py MISSING[,MISSING...]` prints, as JSON, the layers that doctor finds and what candidates did.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import errno
import json
import os
import resource
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import pyseccomp

PR_SET_SECCOMP = 22

PROGRAM = """
import os, socket
def answer(x):
    return x + 1
def read(path):
    return open(path).read()
def connect():
    return socket.socket().connect_ex(("127.0.0.1", 9))
def fork():
    return os.fork()
"""


def refuse(missing: list[str]) -> None:
    """Put a filter on this process that answers as a kernel does which has not what is missing."""
    host = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    if "namespaces" in missing:
        host.add_rule(pyseccomp.ERRNO(errno.EPERM), "unshare")
    if "landlock" in missing:
        host.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "landlock_create_ruleset")
    if "landlock_at_boot" in missing:
        host.add_rule(pyseccomp.ERRNO(errno.EOPNOTSUPP), "landlock_create_ruleset")
    if "seccomp" in missing:
        host.add_rule(pyseccomp.ERRNO(errno.EINVAL), "prctl", pyseccomp.Arg(0, pyseccomp.EQ, PR_SET_SECCOMP))
        host.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "seccomp")
    host.load()


def be_no_linux() -> None:
    """Take from this process what only Linux has: names of os and resource, functions of the C library, /proc."""
    for name in ("memfd_create", "pidfd_open", "sched_setaffinity", "sched_getaffinity", "setresuid", "setresgid"):
        delattr(os, name)
    del resource.RLIMIT_MSGQUEUE
    real_open = builtins.open

    def open_without_proc(file: Any, *rest: Any, **named: Any) -> Any:
        if str(file).startswith("/proc"):
            raise FileNotFoundError(file)
        return real_open(file, *rest, **named)

    builtins.open = open_without_proc  # type: ignore[assignment]
    linux, sys.platform = sys.platform, "darwin"
    import sandbox.host  # the one place that asks

    sys.platform = linux
    assert not sandbox.host.LINUX
    from sandbox import confine

    confine._libc = object()  # type: ignore[assignment]


class DarwinLibrary:
    """What `sandbox.host` asks of macOS's C library, with the clock of an M1: 24 ticks a microsecond."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def proc_pid_rusage(self, pid: int, flavour: int, usage: Any) -> int:
        assert flavour == 0
        with contextlib.suppress(OSError):
            usage._obj.user = int(time.clock_gettime(~pid << 3 | 2) * 24e6)
            return 0
        return -1

    def mach_timebase_info(self, base: Any) -> None:
        base._obj.numerator, base._obj.denominator = 125, 3


def main() -> None:
    missing = sys.argv[1].split(",")
    if "generous_limits" in missing:
        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
        resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
    if "linux" in missing:
        be_no_linux()
    from sandbox import CandidateFailure, Sandbox, doctor

    if "linux" in missing:
        ctypes.CDLL = DarwinLibrary  # type: ignore[assignment, misc]
    if {"libseccomp", "linux"} & set(
        missing
    ):  # the zygote is a process of its own, so it is this script under another name
        sys.executable = str(Path(sys.argv[2]))
    refuse(missing)
    found: dict[str, Any] = {"layers": [[x.name, x.active, x.detail, x.advice] for x in doctor.layers()]}
    with Sandbox() as sandbox:
        for function, argument in (("answer", [1]), ("read", ["/etc/passwd"]), ("connect", []), ("fork", [])):
            with sandbox.start(PROGRAM) as candidate:
                try:
                    found[function] = candidate.call(function, *argument)
                    found["clock_s"] = candidate.cpu_s
                except CandidateFailure as failure:
                    found[function] = f"{failure.kind}: {failure}"
            found["ended_s"] = candidate.cpu_s
    print(json.dumps(found))


if __name__ == "__main__":
    if "sandbox.zygote_main" in sys.argv:  # started as a zygote
        if sys.argv[1] == "linux":
            be_no_linux()
        else:
            sys.modules["pyseccomp"] = None  # type: ignore[assignment]
        sys.argv = [sys.argv[0], sys.argv[-1]]
        runpy.run_module("sandbox.zygote_main", run_name="__main__", alter_sys=False)
    else:
        main()
