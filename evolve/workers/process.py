"""One worker process and the wire to it, as the pool sees them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multiprocess.connection import Connection

from evolve.errors import UsageError
from evolve.workers.crew import WorkerLost
from evolve.workers.messages import Ready, Setup, heard, receive, send

GUARD = Path(__file__).with_name("guard.py")
BOOT_TIMEOUT_S = 120.0
PATIENCE_S = 5.0
"""How long a guard may take to end everything; it takes some milliseconds."""


def _environment() -> dict[str, str]:
    """Return the environment of a worker: where PYTHONPATH is given, Python's own library comes before it."""
    named = os.environ.get("PYTHONPATH")
    if not named:
        return dict(os.environ)
    library = Path(os.__file__).parent
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(library), str(library / "lib-dynload"), named])}


class WorkerProcess:
    """A worker under its guard."""

    def __init__(self, setup: Setup, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        leash, self._leash = os.pipe()
        try:
            self._guard = subprocess.Popen(
                # -P: a file random.py in the working folder must not be taken for Python's own.
                [sys.executable, "-P", str(GUARD), str(theirs.fileno()), str(leash)],
                pass_fds=[theirs.fileno(), leash],
                stdin=subprocess.DEVNULL,
                env={**_environment(), **environment},
            )
        finally:
            theirs.close()
            os.close(leash)
        self.connection = Connection(ours.detach())
        self._how: str | None = None
        with contextlib.suppress(OSError):  # it died at once: `greet` says so
            send(self.connection, setup)

    async def greet(self) -> Ready:
        """Wait until the worker can take a job. Raises UsageError when it cannot, WorkerLost when it was killed."""
        try:
            async with asyncio.timeout(BOOT_TIMEOUT_S):
                ready: Ready = await self.hear()
        except TimeoutError:
            raise UsageError(f"a worker process did not start within {BOOT_TIMEOUT_S:g} s: is the host busy?") from None
        except WorkerLost as lost:
            if lost.by_host:
                raise
            raise UsageError(
                f"a worker process {lost.how} while it loaded the problem; its message is on stderr"
            ) from None
        if ready.error:
            raise UsageError(ready.error)
        return ready

    def say(self, value: Any) -> None:
        """Send a value. Raises WorkerLost."""
        try:
            send(self.connection, value)
        except OSError:
            raise WorkerLost(self.end()) from None

    async def hear(self) -> Any:
        """Wait for the worker's next word. Raises WorkerLost when it has died."""
        await heard(self.connection)
        try:
            return receive(self.connection)
        except (EOFError, OSError):
            raise WorkerLost(self.end(kill=False)) from None

    def end(self, kill: bool = True) -> str:
        """End the worker and all that it started, and return how it ended. kill: False when it is dead already."""
        if self._how is None:
            self.connection.close()
            if kill:
                self.let_go()
            try:
                code = self._guard.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._guard.kill()
                code = self._guard.wait()
            self.let_go()
            killed = code - 128 if code > 128 else -code
            self._how = f"was killed by {signal.Signals(killed).name}" if killed > 0 else f"exited with code {code}"
        return self._how

    def let_go(self) -> None:
        """Have the guard end everything, without waiting for it."""
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1
