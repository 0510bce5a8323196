"""The handle by which trusted code calls a candidate, and reads its time and memory from the kernel."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox import wire
from sandbox.failures import (
    BadAnswer,
    CandidateFailure,
    Crashed,
    LimitHit,
    OutOfMemory,
    Raised,
    SandboxLost,
    WallHit,
)
from sandbox.host import process_cpu_s
from sandbox.limits import Limits

FIRST_READ = 65536
TEXT_LIMIT = 4000
"""Characters kept of a traceback or an error that a candidate sends."""

FIRST_LOOK_S, LOOK_AGAIN_S = 0.25, 0.02
"""After how long a wait for an answer its CPU time is looked at, and how far apart the further looks are at least."""

EXIT_PATIENCE_S = 0.5
"""How long a process that has closed its wire may take to end by itself, so that its own exit status is seen."""


@dataclass(frozen=True)
class Spawned:
    """A forked process. pid: as the zygote sees it.  host_pid: as this process does.  output: descriptor of a file."""

    pid: int
    host_pid: int
    wire: socket.socket
    output: int

    def is_gone(self) -> bool:
        """Return whether the process has ended, which has said nothing yet."""
        try:
            return not self.wire.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError as error:
            return not isinstance(error, BlockingIOError)

    def close(self) -> None:
        """Close this end of it; the process then ends by itself."""
        self.wire.close()
        os.close(self.output)


@dataclass(frozen=True)
class Ended:
    """How a process ended: wait status, CPU seconds and highest resident bytes, all from the kernel."""

    status: int
    cpu_s: float
    peak_rss_bytes: int


class Source(Protocol):
    """Where candidate processes come from."""

    limits: Limits

    def spawn(self) -> Spawned:
        """Return a fresh process."""

    def prepare(self) -> None:
        """Take note that a program is imported, and the next process can be made."""

    def reap(self, pid: int, patience_s: float) -> Ended:
        """End a process and return how it ended."""


def _nonces() -> Iterator[int]:
    """Yield numbers that nobody can foresee: an answer must quote its question's."""
    while True:
        yield from struct.unpack("<64Q", os.urandom(512))


class Run:
    """An object that lives in the candidate's process, e.g. one policy of an online problem."""

    __slots__ = ("_candidate", "number")

    def __init__(self, candidate: Candidate, number: int) -> None:
        self._candidate, self.number = candidate, number

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the object and return its answer. Raises as `Candidate.call`."""
        return self._candidate._request("method", [self.number, method], arguments)

    def offers(self, method: str) -> bool:
        """Return whether the object has a method of this name, as its process says: for methods that it may leave out.

        Raises as `Candidate.call`.
        """
        return self._candidate._request("offers", [self.number, method], ()) is True


class Candidate:
    """A program in a confined process of its own; `Sandbox.fork` makes it. Close it, or use it as a context manager.

    Failures of every call, all of them CandidateFailure:
        LimitHit: the process used up its CPU time or printed too much.
        WallHit: a LimitHit for which the host may be to blame: a call, or all of them, took too long by the clock.
        OutOfMemory: it asked for more memory than it may have.
        Raised: it raised an exception, whose traceback comes along.
        Crashed: its process ended: crash, exit, kill.
        BadAnswer: what came back is not an answer that can be sent.
    After a failure the process is gone and `cpu_s` and `peak_rss_bytes` are final.
    SandboxLost instead means that the host failed, not the candidate.
    """

    def __init__(self, sandbox: Source, source: str) -> None:
        self._sandbox, self._source, self._limits = sandbox, source, sandbox.limits
        self._others: list[Candidate] = []
        self._signatures = wire.Signatures()
        self._record_batches: dict[type, int] = {}
        self._buffer = bytearray(FIRST_READ)
        self._nonces = _nonces()
        self._objects = 0
        self._ended: Ended | None = None
        self._replaced = False
        self._waited_s = 0.0
        self.import_cpu_s = 0.0
        """CPU seconds that importing the program took, without what the process took to become one."""
        self.top_level_cpu_s = 0.0
        """The part of them that went into running the program's top level: its own work, not the compiler's."""
        self.output = ""
        spawned = sandbox.spawn()
        self._pid, self._socket, self._output = spawned.pid, spawned.wire, spawned.output
        self.host_pid = spawned.host_pid
        timeout = struct.pack("@ll", 0, max(1, int(min(FIRST_LOOK_S, self._limits.call_s, self._limits.cpu_s) * 1e6)))
        # The kernel's own time-out costs no system call, unlike settimeout, which polls before every read.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)

    def load(self) -> None:
        """Import the program. Raises a CandidateFailure when it cannot be imported within its limits."""
        began_cpu_s = self.cpu_s
        self._exchange("compile", self._source, 0, [])
        compiled_cpu_s = self.cpu_s
        self._exchange("load", None, 0, [])
        self.import_cpu_s, self.top_level_cpu_s = self.cpu_s - began_cpu_s, self.cpu_s - compiled_cpu_s
        self._sandbox.prepare()

    def __enter__(self) -> Candidate:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def source(self) -> str:
        """The program's text."""
        return self._source

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the process since its fork, all threads, as the kernel counts them."""
        if self._ended is not None:
            return self._ended.cpu_s
        try:
            return process_cpu_s(self.host_pid)
        except OSError:  # its process is gone although nobody reaped it: so is the zygote
            raise SandboxLost("the process is gone, and with it its clock") from None

    @property
    def processes(self) -> tuple[Candidate, ...]:
        """This candidate and those that `fresh` made."""
        return (self, *self._others)

    @property
    def peak_rss_bytes(self) -> int:
        """Highest resident memory of the process, known once it has ended."""
        return self._ended.peak_rss_bytes if self._ended is not None else 0

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function that the program defines at its top level, and return its answer as plain values."""
        return self._request("call", function, arguments)

    def new(self, cls: str, *arguments: Any) -> Run:
        """Make an object of a class that the program defines at its top level."""
        self._request("new", cls, arguments)
        self._objects += 1
        return Run(self, self._objects - 1)

    def map(self, runs: Sequence[Run], method: str, observations: Sequence[Any]) -> list[Any]:
        """Call a method of many objects, one argument each, in one message; the answers in the order of `runs`.

        The runs share a process, so their observations must not tell one what is another's future.
        Arrays in the observations are read-only at the other end.
        """
        if not runs:
            return []
        kind = type(observations[0])
        signature = self._record_batches.get(kind)
        if signature is None:
            signature = self._signature(observations[:1])
            if issubclass(kind, wire.Record):
                self._record_batches[kind] = signature
        answers = self._exchange("map", [[r.number for r in runs], method], signature, observations)
        if not isinstance(answers, list) or len(answers) != len(runs):
            raise self._fail(BadAnswer("the number of answers is not the number of questions"))
        return answers

    def fresh(self) -> Candidate:
        """Start a further process of the same program, for a call that must not know of earlier ones.

        Those have ended before it begins, so that none can tell it anything; asking one again raises RuntimeError.
        It is closed together with this one.
        """
        for earlier in self.processes:
            earlier._replaced = True
            if earlier._ended is None:
                earlier._end()
        other = Candidate(self._sandbox, self._source)
        self._others.append(other)
        other.load()
        return other

    def close(self) -> None:
        """End the process, and those that `fresh` made."""
        for other in self._others:
            other.close()
        if self._ended is None:
            self._end()

    def _request(self, what: str, target: Any, arguments: Sequence[Any]) -> Any:
        return self._exchange(what, target, self._signature(arguments), arguments)

    def _signature(self, arguments: Sequence[Any]) -> int:
        number, definition = self._signatures.of(arguments)
        if definition is not None:
            self._exchange("define", definition, 0, [])
        return number

    def _exchange(self, what: str, target: Any, signature: int, arguments: Sequence[Any]) -> Any:
        if self._replaced:
            raise RuntimeError("this process was ended by fresh(): ask the one that fresh() returned")
        if self._ended is not None:
            raise Crashed("it was asked after it had ended")
        nonce = next(self._nonces)
        frame = wire.encode([nonce, what, target, signature, arguments])
        began = time.monotonic()
        try:
            self._send(frame, began)
            payload = self._read(began)
        except BlockingIOError:
            raise self._out_of_time(time.monotonic() - began) from None
        except (ConnectionError, BrokenPipeError):
            raise self._fail(None) from None
        try:
            reply = wire.decode(payload)
        except (wire.Malformed, MemoryError) as error:
            raise self._fail(BadAnswer(f"the answer cannot be read: {error}"[:TEXT_LIMIT])) from None
        if not (isinstance(reply, list) and len(reply) == 3 and type(reply[0]) is int and reply[0] == nonce):
            raise self._fail(BadAnswer("an answer to a question that was never asked"))
        if self.cpu_s > self._limits.cpu_s:
            raise self._fail(LimitHit("CPU time", self.cpu_s, self._limits.cpu_s, "s"))
        self._waited_s += time.monotonic() - began
        if self._waited_s > self._limits.wall_s:
            raise self._fail(self._wall_hit("wall time of all calls", self._waited_s, self._limits.wall_s))
        if reply[1] is not True:
            raise self._fail(self._failure(reply[2]))
        return reply[2]

    def _send(self, frame: bytes, began: float) -> None:
        """Send a frame by the call's deadline. Raises BlockingIOError when the other end does not take it in time."""
        try:
            sent = self._socket.send(frame, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent == len(frame):
            return
        # The kernel's own time-out would hold for every piece that the other end takes, not for the whole.
        deadline = began + self._limits.call_s
        rest = memoryview(frame)[sent:]
        try:
            while rest:
                self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))
                rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            raise BlockingIOError from None
        finally:
            self._socket.settimeout(None)

    def _read(self, began: float) -> memoryview:
        """Read one frame. Raises BlockingIOError when the time is up, ConnectionResetError at the end of the stream."""
        buffer = self._buffer
        try:
            got = self._socket.recv_into(buffer)
        except BlockingIOError:
            got = self._wait_for(memoryview(buffer), began + self._limits.call_s)
        need = wire.HEADER.size
        if got >= need:
            need += wire.HEADER.unpack_from(buffer)[0]
        if got != need:
            need, got = self._read_on(began, got)
        return memoryview(self._buffer)[wire.HEADER.size : need]

    def _read_on(self, began: float, got: int) -> tuple[int, int]:
        """Go on after a read that did not bring exactly one frame: the deadline then is the whole answer's."""
        deadline = began + self._limits.call_s
        most = self._limits.answer_mb * 2**20
        buffer = self._buffer
        last = got
        while True:
            if last == 0:
                raise ConnectionResetError
            need = wire.HEADER.size
            if got >= need:
                length = wire.HEADER.unpack_from(buffer)[0]
                if length > most:
                    raise self._fail(BadAnswer(f"the answer has {length} bytes, more than {most}"))
                need += length
                if got > need:
                    raise self._fail(BadAnswer("more than one answer to one question"))
                if got == need:
                    return need, got
            if got == len(buffer):
                buffer.extend(bytes(min(need - got, len(buffer))))
            last = self._wait_for(memoryview(buffer)[got:], deadline)
            got += last

    def _wait_for(self, into: memoryview, deadline: float) -> int:
        """Receive some bytes. Raises BlockingIOError when the deadline is past or the CPU time is used up.

        The limit on CPU time is held here: the kernel's own counts otherwise than the clock and ends legal programs.
        """
        while True:
            left, cpu_left = deadline - time.monotonic(), self._limits.cpu_s - self.cpu_s
            if left <= 0 or cpu_left < 0:
                raise BlockingIOError
            # It runs on one core at a time: its CPU time lasts for as long as this at least.
            self._socket.settimeout(min(left, max(cpu_left, LOOK_AGAIN_S)))
            try:
                return self._socket.recv_into(into)
            except TimeoutError:
                continue
            finally:
                self._socket.settimeout(None)

    def _failure(self, facts: Any) -> CandidateFailure:
        """Read the candidate's own account of why it has no answer."""
        if not (isinstance(facts, list) and len(facts) == 3 and all(isinstance(f, str) for f in facts)):
            return BadAnswer("neither an answer nor a failure came back")
        kind, error, traceback = (f[:TEXT_LIMIT] for f in facts)
        if kind == "memory":
            return OutOfMemory(self._limits.memory_mb, traceback)
        if kind == "answer":
            return BadAnswer(error)
        return Raised(error, traceback)

    def _out_of_time(self, waited_s: float) -> CandidateFailure:
        if self.cpu_s > self._limits.cpu_s:
            return self._fail(LimitHit("CPU time", self.cpu_s, self._limits.cpu_s, "s"))
        return self._fail(self._wall_hit("wall time of a call", waited_s, self._limits.call_s))

    def _wall_hit(self, what: str, waited_s: float, limit_s: float) -> WallHit:
        return WallHit(what, waited_s, limit_s, self.cpu_s, self._limits.cpu_s)

    def _fail(self, failure: CandidateFailure | None) -> CandidateFailure:
        """End the process and return the failure; None: find it from how the process ended."""
        patience_s = EXIT_PATIENCE_S if failure is None else 0.0
        ended = self._ended if self._ended is not None else self._end(patience_s)
        return failure if failure is not None else self._how(ended)

    def _how(self, ended: Ended) -> CandidateFailure:
        if not os.WIFSIGNALED(ended.status):
            return Crashed(f"it exited with code {os.waitstatus_to_exitcode(ended.status)}")
        number = os.WTERMSIG(ended.status)
        if number == signal.SIGXFSZ:
            return LimitHit("output", self._limits.output_kb, self._limits.output_kb, "kB")
        if number == signal.SIGXCPU or (number == signal.SIGKILL and ended.cpu_s >= self._limits.cpu_s):
            return LimitHit("CPU time", ended.cpu_s, self._limits.cpu_s, "s")
        return Crashed(f"killed by {signal.Signals(number).name}")

    def _end(self, patience_s: float = 0.0) -> Ended:
        self._socket.close()
        try:
            self._ended = ended = self._sandbox.reap(self._pid, patience_s)
            self.output = os.pread(self._output, TEXT_LIMIT, 0).decode(errors="replace")
        except SandboxLost:
            self._ended = Ended(0, 0.0, 0)
            raise
        finally:
            os.close(self._output)
        return ended
