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
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sandbox import confine, host, stem
from sandbox.clocks import Clocks
from sandbox.found import NOT_HERE, OFF, Found
from sandbox.zygote import LAYERS, OBITUARY


class Job(NamedTuple):
    """What a freshly forked child needs: its wire, the file that takes what it prints, where it says it is ready."""

    wire: int
    output: int
    ready: int


READY, FAILED = b"1", b"0"


def main() -> None:
    """Set up as the first message says, then fork on demand; in a child, serve one candidate and leave."""
    control = socket.socket(fileno=int(sys.argv[1]))
    order: dict[str, Any] = _decode(control.recv(65536))[0]
    without = frozenset(order["without"])
    limits = order["limits"]

    layers = {"environment": _environment(without), "descriptors": _descriptors(without)}
    layers["namespaces"] = confine.enter_namespaces() if "namespaces" not in without else OFF
    try:
        _warm_up(order["libraries"])
    except ImportError as error:
        control.send(_encode(f"a library of the evaluator cannot be imported: {error}"))
        return
    from sandbox import child

    base_bytes = host.mapped_bytes()
    clocks = Clocks() if "clocks" not in without else None
    layers["no_new_privs"] = confine.no_new_privs() if "no_new_privs" not in without else OFF
    filter_ = confine.SystemCalls() if "seccomp" not in without else None  # its library is a file
    layers["landlock"] = confine.close_files() if "landlock" not in without else OFF
    layers["unprivileged"] = confine.drop_privileges() if "unprivileged" not in without else OFF
    if filter_ is not None:
        filter_.probe()
    layers["seccomp"] = filter_.found if filter_ is not None else OFF
    layers["rlimits"] = Found(True, _said(limits)) if "rlimits" not in without else OFF
    # After everything is in place, what is mapped is never collected, so that children do not copy its pages.
    child.settle()

    job = from_a_stem(control, layers, clocks) if host.LINUX else from_this_process(control, layers)
    if job is None:
        return
    try:
        ready = confine.keep_only(job.wire, job.output, job.ready, close="descriptors" not in without)
        if "rlimits" not in without:
            confine.limit_resources(limits, base_bytes)
        child.open_streams()
        if filter_ is not None:
            filter_.load()
    except OSError:
        os.write(job.ready, FAILED)
        os._exit(1)
    os.write(ready, READY)
    os.close(ready)
    child.serve(confine.WIRE)


def from_a_stem(control: socket.socket, layers: dict[str, Found], clocks: Clocks | None) -> Job | None:
    """Make the process that candidates are forked from, then serve; return in its forks, and at the end."""
    hears, says = os.pipe()
    near, far = socket.socketpair(socket.AF_UNIX, host.MESSAGES)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    near.settimeout(START_PATIENCE_S)
    if os.fork() == 0:
        for mine in (control, near):
            mine.close()
        os.close(says)
        confine.die_with_parent()
        far.send(_encode(list(clocks.stop() if clocks is not None else OFF)))
        stem.fork_on_demand(hears)
        wire, output = _descriptors_of(far)
        return Job(wire, output, far.detach())
    far.close()
    os.close(hears)
    layers["clocks"] = Found(*_decode(near.recv(4096)))

    def fork(wire: int, output: int) -> int:
        os.write(says, b"1")
        near.sendmsg([b"1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [wire, output]))])
        word, [(_, _, credentials)], _, _ = near.recvmsg(1, socket.CMSG_SPACE(CREDENTIALS.size))
        pid: int = CREDENTIALS.unpack(credentials)[0]
        if word != READY:
            os.waitpid(pid, 0)
            raise OSError("a child could not put its isolation on")
        return pid

    # The first fork finds the stem as nobody after it will: what is called for the first time binds its symbols.
    ours, theirs = socket.socketpair()
    output = host.output_file()
    try:
        rehearsed = fork(theirs.fileno(), output)
    except OSError as error:
        control.send(_encode(f"no child can be made: {error}"))
        return None
    for end in (ours, theirs):
        end.close()
    os.close(output)
    os.waitpid(rehearsed, 0)  # its wire is closed: it leaves
    serve(control, layers, fork)
    return None


def from_this_process(control: socket.socket, layers: dict[str, Found]) -> Job | None:
    """Serve by forking this process itself; return in its forks, and at the end."""
    layers["clocks"] = NOT_HERE
    ours: list[Job] = []

    def fork(wire: int, output: int) -> int:
        hears, says = os.pipe()
        pid = os.fork()
        if pid == 0:
            ours.append(Job(wire, output, says))
            return 0
        os.close(says)
        word = os.read(hears, 1)
        os.close(hears)
        if word != READY:
            os.waitpid(pid, 0)
            raise OSError("a child could not put its isolation on")
        return pid

    serve(control, layers, fork)
    return ours[0] if ours else None


ORDER = tuple(LAYERS)
START_PATIENCE_S = 20.0
CREDENTIALS = struct.Struct("3i")
"""`struct ucred`: process, user, group."""


def serve(control: socket.socket, layers: dict[str, Found], fork: Callable[[int, int], int]) -> None:
    """Tell what was found, then fork and reap as the trusted end asks, until its end, or in a child (a fork of 0)."""
    control.send(_encode([[name, *layers[name]] for name in ORDER]))
    children: set[int] = set()
    space = socket.CMSG_SPACE(array.array("i").itemsize)
    while True:
        data, ancillary, _, _ = control.recvmsg(65536, space)
        if not data:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            return
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
            pid = fork(wire[0], output)
            if pid == 0:
                return
            children.add(pid)
            # In namespaces of its own the zygote does not know the host's number of the process; its pidfd tells.
            pidfds = [os.pidfd_open(pid)] if host.LINUX else []
            passed = array.array("i", [output, *pidfds])
            control.sendmsg([_encode(pid)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
            for pidfd in pidfds:
                os.close(pidfd)
        except TimeoutError:
            return  # the stem is gone, or the host: the trusted end starts another zygote
        except OSError as error:
            control.send(_encode(str(error)))
        os.close(wire[0])
        os.close(output)


def _descriptors_of(far: socket.socket) -> tuple[int, int]:
    """Receive the wire and the output of a child."""
    pair = array.array("i", [0, 0])
    _, ancillary, _, _ = far.recvmsg(1, socket.CMSG_SPACE(2 * pair.itemsize))
    pair = array.array("i")
    pair.frombytes(ancillary[0][2])
    return pair[0], pair[1]


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


def _environment(without: frozenset[str]) -> Found:
    if "environment" in without:
        return OFF
    return Found(True, f"{len(os.environ)} fixed variables, none of the parent's")


def _descriptors(without: frozenset[str]) -> Found:
    if "descriptors" in without:
        return OFF
    return Found(True, "standard streams and one socket")


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
