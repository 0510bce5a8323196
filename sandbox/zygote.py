"""The trusted end of the zygote: starts the pre-warmed interpreter and has it fork candidates.

The zygote (`sandbox/zygote_main.py`) is a process of its own with a cleared environment. It has numpy loaded and has
never held a workload, a secret or the memory of this process, so a candidate forked from it inherits nothing.
"""

from __future__ import annotations

import array
import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sandbox import host
from sandbox.candidate import Candidate, Ended, Spawned
from sandbox.failures import SandboxLost
from sandbox.limits import Limits

BOOT_TIMEOUT_S = 60.0
REPLY_TIMEOUT_S = 30.0
BOOTS = 3
"""How often a zygote is started that does not come up: somebody, or a kernel without memory, may have killed it."""

OBITUARY = struct.Struct("@i4x18l")
"""Wait status and `struct rusage` of an ended process, as the kernel writes them for wait4(2)."""

LAYERS = {
    "environment": "the candidate's process starts without the environment of its parents",
    "descriptors": "no open file or socket but its own wire is inherited",
    "rlimits": "memory, CPU time, output, files and processes are bounded by the kernel",
    "no_new_privs": "no program that it could start gains rights",
    "unprivileged": "no root, no capability",
    "namespaces": "processes, network and shared memory of the host are out of sight",
    "landlock": "no file can be opened, no abstract socket reached",
    "clocks": "time stands still: nothing to measure neighbours, or other candidates, by",
    "seccomp": "every system call that computing does not need is refused",
}
"""The layers of isolation, in the order in which they are put on."""


@dataclass(frozen=True)
class Layer:
    """One layer of isolation as it is on this host.

    Attributes:
        name: a key of LAYERS.
        active: whether candidates run under it.
        detail: what exactly is in force, or why it is not.
        advice: what a person can do about a missing layer.
    """

    name: str
    active: bool
    detail: str
    advice: str = ""


@dataclass
class Sandbox:
    """A source of fresh, confined candidate processes under one set of limits.

    limits: of each candidate.  libraries: importable beyond the standard library and numpy.
    has_spare: while a candidate works the next is forked, which on one core takes its time from the calls of the first.
    without: layers to leave off (for tests that show what each layer stops).
    Use it as a context manager; it is not for use by two threads at once.
    """

    limits: Limits = field(default_factory=Limits)
    libraries: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    has_spare: bool = False

    def __post_init__(self) -> None:
        unknown = self.without - LAYERS.keys()
        if unknown:
            raise ValueError(f"unknown layers {sorted(unknown)}; known: {', '.join(LAYERS)}")
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._layers: tuple[Layer, ...] = ()
        self._awaited: socket.socket | None = None
        self._spare: Spawned | None = None

    def __enter__(self) -> Sandbox:
        if self._control is None:
            self._boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def zygote_pid(self) -> int | None:
        """The process that candidates are forked from; None when none runs."""
        return None if self._process is None else self._process.pid

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer of isolation, active or not, as the zygote found it. Boots the zygote if it is not running."""
        if self._control is None:
            self._boot()
        return self._layers

    def fork(self, source: str) -> Candidate:
        """Take a fresh process for a program, which `Candidate.load` then imports.

        Raises SandboxLost when the host could not start a process.
        """
        return Candidate(self, source)

    def start(self, source: str) -> Candidate:
        """Take a fresh process and import the program in it. Raises as `fork` and `Candidate.load`."""
        candidate = self.fork(source)
        try:
            candidate.load()
        except BaseException:
            candidate.close()
            raise
        return candidate

    def close(self) -> None:
        """End the zygote, and with it every candidate that is left."""
        for unused in (self._awaited, self._spare):
            if unused is not None:
                unused.close()
        self._awaited = self._spare = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def spawn(self) -> Spawned:
        """Return a candidate process that waits for its program. Raises SandboxLost."""
        if self._control is None:
            self._boot()
        self._await_spare()
        spawned, self._spare = self._spare, None
        if spawned is not None and spawned.is_gone():  # somebody, or a kernel without memory, has killed it
            self.reap(spawned.pid, 0.0)
            spawned.close()
            spawned = None
        if spawned is None:
            self._order_spare()
            spawned = self._ordered()
        return spawned

    def prepare(self) -> None:
        """Have the next process forked, where there is a spare: it knows as little as one that is forked later."""
        if self.has_spare and self._awaited is None and self._spare is None:
            with contextlib.suppress(SandboxLost):
                self._order_spare()

    def _order_spare(self) -> None:
        """Ask for a process, whose number comes later. Raises SandboxLost."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._send(["spawn"], [theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        self._awaited = ours

    def _await_spare(self) -> None:
        """Hear of the process that was asked for: answers come in the order of the questions."""
        if self._awaited is not None:
            with contextlib.suppress(SandboxLost):  # who needs a process asks again, and is told
                self._spare = self._ordered()

    def _ordered(self) -> Spawned:
        """Return the process that was asked for. Raises SandboxLost where the host could not start it."""
        assert self._awaited is not None
        ours, self._awaited = self._awaited, None
        try:
            return self._started(ours)
        except BaseException:
            ours.close()
            raise

    def _started(self, ours: socket.socket) -> Spawned:
        reply, descriptors = self._receive()
        if len(descriptors) != (2 if host.LINUX else 1):
            raise SandboxLost(f"the zygote could not start a process: {reply}")
        output = descriptors[0]
        if not host.LINUX:  # the zygote's numbers are the host's
            return Spawned(int(reply), int(reply), ours, output)
        pidfd = descriptors[1]
        try:
            facts = Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii")
        finally:
            os.close(pidfd)
        found = re.search(r"^Pid:\s+(\d+)$", facts, re.MULTILINE)
        if found is None:
            os.close(output)
            raise SandboxLost("the new process was gone at once")
        return Spawned(int(reply), int(found[1]), ours, output)

    def reap(self, pid: int, patience_s: float) -> Ended:
        """End a candidate process and return how it ended.

        pid: as the zygote sees it.  patience_s: how long it may take to end by itself before it is killed.
        """
        self._await_spare()
        self._send(["reap", pid, patience_s])
        reply, _ = self._receive()
        if not isinstance(reply, bytes):
            raise SandboxLost(f"the zygote could not end process {pid}: {reply}")
        status, user_s, user_us, system_s, system_us, peak_rss, *_ = OBITUARY.unpack(reply)
        return Ended(status, user_s + system_s + (user_us + system_us) / 1e6, peak_rss * host.PEAK_RSS_UNIT)

    def _boot(self) -> None:
        """Start a zygote and hear what is in force. Raises SandboxLost when none starts."""
        complaint = ""
        for _ in range(BOOTS):
            self.close()
            try:
                complaint = self._boot_once()
                if not complaint:
                    return
            except SandboxLost as lost:
                complaint = self._last_words() or str(lost)
                if isinstance(lost.__context__, TimeoutError):
                    break  # it hangs: that was no kill
        self.close()
        raise SandboxLost(f"the zygote did not start: {complaint}")

    def _boot_once(self) -> str:
        """Start a zygote; return why it cannot work, empty where it can. Raises SandboxLost when it says nothing."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, host.MESSAGES)
        environment = {
            "HOME": "/",  # sandlock asks for it at import, and a user of a container may have no other
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            # Else the kernel tells every process its core, and can be had to tell when it was interrupted.
            "GLIBC_TUNABLES": "glibc.pthread.rseq=0",
        }
        if "environment" in self.without:
            environment = {**os.environ, **environment}
        if "LD_LIBRARY_PATH" in os.environ:  # some interpreters do not start without it
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        leaky = "descriptors" in self.without
        theirs.set_inheritable(leaky)
        self._process = subprocess.Popen(
            # Not -I, which ignores PYTHONHASHSEED: sets would have another order in every zygote, and so would figures.
            [sys.executable, "-s", "-P", "-X", "utf8", "-m", "sandbox.zygote_main", str(theirs.fileno())],
            env=environment,
            pass_fds=[] if leaky else [theirs.fileno()],
            close_fds=not leaky,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        ours.settimeout(BOOT_TIMEOUT_S)
        self._control = ours
        self._send([msgspec.structs.asdict(_Order(self.limits, self.libraries, sorted(self.without)))])
        hello, _ = self._receive()
        if isinstance(hello, str):
            return hello
        ours.settimeout(REPLY_TIMEOUT_S)
        self._layers = tuple(Layer(*facts) for facts in hello)
        return ""

    def _last_words(self) -> str:
        if self._process is None or self._process.stderr is None:
            return ""
        self._process.kill()
        lines = self._process.stderr.read(100_000).decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _send(self, order: list[Any], descriptors: Iterable[int] = ()) -> None:
        if self._control is None:
            raise SandboxLost("the zygote is closed")
        passed = array.array("i", descriptors)
        try:
            self._control.sendmsg(
                [msgspec.msgpack.encode(order)],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)] if passed else [],
            )
        except OSError as error:
            raise SandboxLost(f"the zygote is gone ({error})") from None

    def _receive(self) -> tuple[Any, list[int]]:
        assert self._control is not None
        try:
            data, ancillary, _, _ = self._control.recvmsg(65536, socket.CMSG_SPACE(2 * array.array("i").itemsize))
        except OSError as error:
            self._control.close()  # a late answer would be taken for that to another question
            raise SandboxLost(f"the zygote is gone ({error})") from None
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        if not data:
            for descriptor in descriptors:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            raise SandboxLost("the zygote is gone")
        return msgspec.msgpack.decode(data), descriptors.tolist()


class _Order(msgspec.Struct):
    limits: Limits
    libraries: tuple[str, ...]
    without: list[str]
