"""Pretend to be a host that lacks something: refuse system calls to this process and all it starts, then run code.

`python hosts.py MISSING[,MISSING...]` prints, as JSON, the layers that doctor finds and what candidates did.
"""

from __future__ import annotations

import errno
import json
import resource
import runpy
import sys
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


def main() -> None:
    missing = sys.argv[1].split(",")
    if "generous_limits" in missing:
        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
        resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
    from sandbox import CandidateFailure, Sandbox, doctor

    if "libseccomp" in missing:  # the zygote is a process of its own, so it is this script under another name
        sys.executable = str(Path(sys.argv[2]))
    refuse(missing)
    found: dict[str, Any] = {"layers": [[x.name, x.active, x.detail, x.advice] for x in doctor.layers()]}
    with Sandbox() as sandbox:
        for function, argument in (("answer", [1]), ("read", ["/etc/passwd"]), ("connect", []), ("fork", [])):
            with sandbox.start(PROGRAM) as candidate:
                try:
                    found[function] = candidate.call(function, *argument)
                except CandidateFailure as failure:
                    found[function] = f"{failure.kind}: {failure}"
    print(json.dumps(found))


if __name__ == "__main__":
    if "sandbox.zygote_main" in sys.argv:  # started as a zygote: without libseccomp's package
        sys.modules["pyseccomp"] = None  # type: ignore[assignment]
        sys.argv = [sys.argv[0], sys.argv[-1]]
        runpy.run_module("sandbox.zygote_main", run_name="__main__", alter_sys=False)
    else:
        main()
