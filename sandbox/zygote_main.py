"""The zygote: a pre-warmed interpreter that forks candidates. Run as a script by `sandbox.zygote`, never imported.

It steps into its namespaces, imports what candidates may use, confines itself, and then only forks and reaps.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import importlib
import os
import signal
import socket
import sys
import time
from typing import Any, NamedTuple

from sandbox import confine, host
from sandbox.zygote import OBITUARY


class Job(NamedTuple):
    """What a freshly forked child needs: its wire and the file that takes what it prints."""

    wire: int
    output: int


def main() -> None:
    """Set up as the first message says, then fork on demand; in a child, serve one candidate and leave."""
    control = socket.socket(fileno=int(sys.argv[1]))
    order: dict[str, Any] = _decode(control.recv(65536))[0]
    without = frozenset(order["without"])
    limits = order["limits"]

    layers = {"environment": _environment(without), "descriptors": _descriptors(without)}
    layers["namespaces"] = confine.enter_namespaces() if "namespaces" not in without else confine.OFF
    try:
        _warm_up(order["libraries"])
    except ImportError as error:
        control.send(_encode(f"a library of the evaluator cannot be imported: {error}"))
        return
    from sandbox import child

    base_bytes = host.mapped_bytes()
    layers["no_new_privs"] = confine.no_new_privs() if "no_new_privs" not in without else confine.OFF
    filter_ = confine.SystemCalls() if "seccomp" not in without else None  # its library is a file
    layers["landlock"] = confine.close_files() if "landlock" not in without else confine.OFF
    layers["unprivileged"] = confine.drop_privileges() if "unprivileged" not in without else confine.OFF
    if filter_ is not None:
        filter_.probe()
    layers["seccomp"] = filter_.found if filter_ is not None else confine.OFF
    layers["rlimits"] = confine.Found(True, _said(limits)) if "rlimits" not in without else confine.OFF
    # After everything is in place, what is mapped is never collected, so that children do not copy its pages.
    child.settle()
    control.send(_encode([[name, *layers[name]] for name in ORDER]))

    job = serve_forks(control)
    if job is None:
        return
    control.close()
    confine.keep_only([job.wire], job.output, close="descriptors" not in without)
    if "rlimits" not in without:
        confine.limit_resources(limits, base_bytes)
    if filter_ is not None:
        filter_.load()
    child.serve(job.wire)


ORDER = ("environment", "descriptors", "rlimits", "no_new_privs", "unprivileged", "namespaces", "landlock", "seccomp")


def serve_forks(control: socket.socket) -> Job | None:
    """Fork and reap as the trusted end asks. Returns None at its end, or in a child what the child has to do."""
    children: set[int] = set()
    space = socket.CMSG_SPACE(array.array("i").itemsize)
    while True:
        data, ancillary, _, _ = control.recvmsg(65536, space)
        if not data:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            return None
        order = _decode(data)
        if order[0] == "reap":
            _, ending, patience_s = order
            if ending in children:
                _reap(ending, patience_s, control)
                children.discard(ending)
            else:
                control.send(_encode(f"process {ending} is none of this zygote's"))
            continue
        wire = array.array("i")
        wire.frombytes(ancillary[0][2][: wire.itemsize])
        output = host.output_file()
        try:
            pid = os.fork()
        except OSError as error:
            control.send(_encode(str(error)))
            pid = -1
        if pid == 0:
            return Job(wire[0], output)
        os.close(wire[0])
        if pid > 0:
            children.add(pid)
            # In namespaces of its own the zygote does not know the host's number of the process; its pidfd tells.
            pidfds = [os.pidfd_open(pid)] if host.LINUX else []
            passed = array.array("i", [output, *pidfds])
            control.sendmsg([_encode(pid)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
            for pidfd in pidfds:
                os.close(pidfd)
        os.close(output)


_STATUS, _USAGE = 8, 16  # offsets that are aligned for the kernel
_obituary = ctypes.create_string_buffer(
    b"\0" * 6 + bytes((0xC4, OBITUARY.size)), _STATUS + OBITUARY.size
)  # msgpack bin
_wait4 = ctypes.CDLL(None, use_errno=True).wait4


def _reap(pid: int, patience_s: float, control: socket.socket) -> None:
    """End a child and tell how it ended.

    The figures never become Python objects here: what is left of those in the heap, the next child could read, and
    what one candidate spent (to the microsecond) or exited with would be a message to the next.
    """
    deadline = time.monotonic() + patience_s
    status, usage = ctypes.byref(_obituary, _STATUS), ctypes.byref(_obituary, _USAGE)
    while not (ended := _wait4(pid, status, os.WNOHANG, usage)) and time.monotonic() < deadline:
        time.sleep(0.001)
    if not ended:
        os.kill(pid, signal.SIGKILL)
        _wait4(pid, status, 0, usage)
    control.send(memoryview(_obituary)[_STATUS - 2 :])
    ctypes.memset(status, 0, OBITUARY.size)


def _warm_up(libraries: list[str]) -> None:
    """Import all that candidates may use: after the confinement no file can be opened, theirs or anybody's."""
    from sandbox import stdlib

    for module in stdlib.PRELOADED:
        with contextlib.suppress(ImportError):  # not built into every Python, e.g. without libffi
            importlib.import_module(module)
    for module in (*stdlib.NUMPY, *libraries):
        importlib.import_module(module)


def _environment(without: frozenset[str]) -> confine.Found:
    if "environment" in without:
        return confine.OFF
    return confine.Found(True, f"{len(os.environ)} fixed variables, none of the parent's")


def _descriptors(without: frozenset[str]) -> confine.Found:
    if "descriptors" in without:
        return confine.OFF
    return confine.Found(True, "standard streams and one socket")


def _said(limits: dict[str, Any]) -> str:
    memory = f"{limits['memory_mb']} MB" if host.LINUX else "memory not bounded"
    return f"{memory}, {limits['cpu_s']:g} s CPU, {limits['output_kb']} kB of output, no processes"


def _encode(value: Any) -> bytes:
    from msgspec import msgpack

    return msgpack.encode(value)


def _decode(data: bytes) -> Any:
    from msgspec import msgpack

    return msgpack.decode(data)


if __name__ == "__main__":
    main()
