"""On a node of a cluster: a worker process of this machine, and the way between it and a pool elsewhere."""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from multiprocess.connection import Client, Connection

import evolve
from evolve.errors import UsageError
from evolve.workers.crew import WorkerLost, greeted
from evolve.workers.messages import Ready, Setup, heard, receive, send
from evolve.workers.process import WorkerProcess

SHIPPED = "."
"""In a `Setup`, the reference of a problem whose folder was sent to the node: it is the working folder there."""


@dataclass(frozen=True)
class Lost:
    """The last word from a node: its worker process is gone. As `WorkerLost`."""

    how: str
    by_host: bool


class Relay:
    """A worker process of this machine for a pool on another one.

    version: of evolve, as the pool has it; another one here would say other things than the pool understands.
    """

    def __init__(self, setup: Setup, version: str) -> None:
        self._setup, self._version = setup, version
        self._worker: WorkerProcess | None = None
        self._core: IO[str] | None = None

    async def greet(self) -> Ready:
        """Start the worker and wait until it can take a job, or says why it cannot."""
        if self._version != evolve.__version__:
            here = f"{evolve.__version__} on {os.uname().nodename}"
            return Ready(error=f"evolve is {self._version} here and {here}: install the same version on every node.")
        core, self._core = own_core()
        ref = str(Path.cwd()) if self._setup.ref == SHIPPED else self._setup.ref

        def start() -> WorkerProcess:
            self._worker = WorkerProcess(replace(self._setup, ref=ref, cpu=core), {})
            return self._worker

        try:
            return await greeted(start)
        except WorkerLost as lost:
            return Ready(error=f"a worker process {lost.how} while it loaded the problem (on {os.uname().nodename})")
        except UsageError as error:
            return Ready(error=f"{error} (on {os.uname().nodename})")

    async def say(self, value: Any) -> None:
        """Pass a word on to the worker; if it is gone, `hear` says so."""
        assert self._worker is not None
        with suppress(WorkerLost):
            self._worker.say(value)

    async def hear(self) -> Any:
        """Wait for the worker's next word; `Lost` when it is gone."""
        assert self._worker is not None
        try:
            return await self._worker.hear()
        except WorkerLost as lost:
            return Lost(lost.how, lost.by_host)

    async def ask(self, value: Any) -> Any:
        """Pass a word on to the worker, and return its next one: one call instead of two."""
        await self.say(value)
        return await self.hear()

    async def end(self) -> None:
        """End the worker and all that it started."""
        if self._worker is not None:
            self._worker.end()


def own_core(cores: Sequence[int] | None = None) -> tuple[int | None, IO[str] | None]:
    """Return a core that no other relay of this machine has, and the lock on it, held while it is open.

    cores: among which. Default: those that this process may use. (None, None) when all are taken.
    """
    folder = Path(tempfile.gettempdir()) / f"evolve-cores-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for core in sorted(os.sched_getaffinity(0)) if cores is None else cores:
        lock = (folder / str(core)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return core, lock
    return None, None


def connect(host: str, port: int, key: bytes, number: int) -> None:
    """Work for a pool that listens at an address, until it hangs up: what a job of a cluster runs.

    key: proves to each other that both belong to the run.  number: of this job among those that the pool expects.
    """
    with Client((host, port), authkey=key) as wire:
        send(wire, number)
        setup, version = receive(wire)
        asyncio.run(_serve(wire, Relay(setup, version)))


async def _serve(wire: Connection, relay: Relay) -> None:
    async def from_worker() -> None:
        send(wire, await relay.greet())
        while True:
            said = await relay.hear()
            send(wire, said)
            if isinstance(said, Lost):
                return

    speaking = asyncio.create_task(from_worker())
    try:
        while not speaking.done():
            hearing = asyncio.create_task(heard(wire))
            await asyncio.wait((speaking, hearing), return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done():
                hearing.cancel()
                break
            await relay.say(receive(wire))
    except (EOFError, OSError):
        pass  # the pool has hung up
    finally:
        speaking.cancel()
        await relay.end()
