"""Where texts from outside are worked on: short ones at once, long ones in a process of their own with a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import traceback
from typing import Any, Protocol, TypeVar

from multiprocess.connection import Connection

from evolve.workers.messages import heard, receive, send

Outcome = TypeVar("Outcome", covariant=True)

SHORT_CHARS = 4_000
"""Whatever stands in so many characters takes some milliseconds; more may take longer than the loop may be held up."""
DEADLINE_S = 60.0
"""All work here takes time in proportion to the text, a second at the most: only a fault of ours takes so long."""


class Order(Protocol[Outcome]):
    """Something to work out from texts, as those of `evolve.mutate.reading`."""

    @property
    def chars(self) -> int:
        """How much text there is to work on."""

    def done(self) -> Outcome:
        """Do it."""


class Unread(Exception):
    """An order took longer than the deadline, or took its process down with it; the text says which."""


class Desk:
    """Does orders one after the other. Its process is started when the first long text comes."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def do(self, order: Order[Outcome]) -> Outcome:
        """Return an order's outcome. Raises Unread, and what the order raises: that is a bug."""
        if order.chars <= SHORT_CHARS:
            return order.done()
        async with self._turn:
            try:
                async with asyncio.timeout(self._deadline_s):
                    try:
                        outcome, trouble = await self._sent(order)
                    except (EOFError, OSError):  # somebody killed it, most likely
                        outcome, trouble = await self._sent(order)
            except TimeoutError:
                raise Unread(f"reading it took longer than {self._deadline_s:g} s") from None
            except (EOFError, OSError):
                raise Unread("the process that read it died") from None
        if trouble:
            raise RuntimeError(trouble)
        return outcome  # type: ignore[no-any-return]

    async def _sent(self, order: Order[Outcome]) -> tuple[Any, str]:
        try:
            if self._connection is None:
                ours, theirs = socket.socketpair()
                try:
                    # -P: a file random.py in the working folder must not be taken for Python's own.
                    command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({theirs.fileno()})"]
                    self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
                finally:
                    theirs.close()
                    self._connection = Connection(ours.detach())
                # A process that is not up yet would let a long text fill the pipe, and the loop wait.
                await heard(self._connection)
                self._connection.recv_bytes()
            send(self._connection, order)
            await heard(self._connection)
            outcome: tuple[Any, str] = receive(self._connection)
            return outcome
        except BaseException:
            self.end()  # its answer would be taken for the next one's
            raise

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def serve(descriptor: int) -> None:
    """Do the orders that come through a socket, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the main process decides
    connection = Connection(descriptor)
    with contextlib.suppress(EOFError, OSError):
        connection.send_bytes(b"up")
        while True:
            order: Order[Any] = receive(connection)
            try:
                reply = order.done(), ""
            except Exception:
                reply = None, traceback.format_exc()
            send(connection, reply)
