"""A pool of worker processes on this machine, driven from an asyncio loop."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import multiprocess

from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.racing import Race
from evolve.scoring import InstanceResult, Status
from evolve.workers.worker import Fresh, Job, Ready, Setup, receive, send, work

BOOT_TIMEOUT_S = 120.0
ATTEMPTS = 3
"""How often a job is given out when the worker that has it dies."""


class _Worker:
    """One process and the wire to it."""

    def __init__(self, setup: Setup) -> None:
        context = multiprocess.get_context("spawn")
        connection, theirs = context.Pipe()
        self.connection: Connection = connection
        self.process = context.Process(target=work, args=(theirs, setup), daemon=True)
        self.process.start()
        theirs.close()
        self.setup = setup
        self.greeted = False

    async def receive(self) -> Any:
        """Wait for the worker's next word. Raises EOFError when it has died."""
        loop = asyncio.get_running_loop()
        heard = loop.create_future()
        descriptor = self.connection.fileno()
        loop.add_reader(descriptor, _settle, heard)
        try:
            await heard
        finally:
            loop.remove_reader(descriptor)
        try:
            return receive(self.connection)
        except ConnectionResetError:
            raise EOFError from None

    def end(self, patience_s: float = 2.0) -> None:
        """End the process, and with it its sandbox. patience_s: how long it may take before it is killed."""
        self.connection.close()
        self.process.join(timeout=patience_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _settle(heard: asyncio.Future[None]) -> None:
    if not heard.done():
        heard.set_result(None)


class LocalWorkers:
    """Worker processes, one per core, each with its own verifier and sandbox. An async context manager.

    ref, options: of the problem, as `evolve.registry.load_problem` takes them.  workers: how many processes.
    data: a file or folder in the problem's public format, whose instances then stand for every split.
    require_isolation: refuse to start where a layer of isolation is missing.
    Entering raises UsageError when a worker cannot load the problem, or isolation is required and incomplete.
    """

    def __init__(
        self,
        ref: str,
        options: dict[str, Any],
        workers: int,
        data: Path | None = None,
        require_isolation: bool = False,
    ) -> None:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._setups = [Setup(ref, options, data, cores[i] if workers <= len(cores) else None) for i in range(workers)]
        self._require_isolation = require_isolation
        self._idle: deque[_Worker] = deque()
        self._workers: list[_Worker] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.notices: list[str] = []

    async def __aenter__(self) -> LocalWorkers:
        self._workers = [_Worker(setup) for setup in self._setups]
        try:
            ready = [await self._greet(worker) for worker in self._workers]
        except BaseException:
            self._end_all()
            raise
        self._idle.extend(self._workers)
        missing = ready[0].missing
        if missing:
            names = ", ".join(f"{name} ({detail})" for name, detail in missing)
            if self._require_isolation:
                self._end_all()
                raise UsageError(f"isolation is incomplete on this host: {names}. `evolve doctor` says what to do.")
            self.notices.append(f"isolation is incomplete: missing {names}; `evolve doctor` says what to do")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end_all()

    @property
    def size(self) -> int:
        """How many evaluations run at once."""
        return len(self._setups)

    async def evaluate(
        self,
        source: str,
        split: Split,
        indices: Sequence[int],
        stop_at_failure: bool = False,
        race: Race | None = None,
        fresh: Fresh | None = None,
    ) -> list[InstanceResult]:
        """Evaluate a program on instances of a split, one after the other on one worker.

        fresh: instances drawn afresh, in the place of the split's own.
        Returns one result per index, in order; fewer when it stopped at the first that is not ok, or lost the race.
        Raises UsageError when the problem has no such split.
        """
        job = Job(source, split, tuple(indices), stop_at_failure, race, fresh)
        for _ in range(ATTEMPTS):
            worker = await self._take()
            try:
                if not worker.greeted:
                    await self._greet(worker)
                send(worker.connection, job)
                results = await worker.receive()
            except (EOFError, OSError):
                worker = self._replace(worker)
                continue
            except BaseException:
                worker = self._replace(worker)  # a cancelled job's late answer must not be taken for the next one's
                raise
            finally:
                self._give_back(worker)
            if isinstance(results, UsageError):
                raise results
            return list(results)
        return [
            InstanceResult(f"{split}/{index}", Status.ERROR, feedback="the worker process died", failure="lost")
            for index in job.indices[:1]
        ]

    async def evaluate_spread(
        self, source: str, split: Split, count: int, fresh: Fresh | None = None
    ) -> list[InstanceResult]:
        """Evaluate a program on the first `count` instances of a split, spread over all workers."""
        each = [self.evaluate(source, split, [index], fresh=fresh) for index in range(count)]
        return [results[0] for results in await asyncio.gather(*each)]

    async def _greet(self, worker: _Worker) -> Ready:
        try:
            ready: Ready = await asyncio.wait_for(worker.receive(), BOOT_TIMEOUT_S)
        except (EOFError, TimeoutError):
            raise UsageError("a worker process did not start; `evolve doctor` shows what is missing") from None
        if ready.error:
            raise UsageError(ready.error)
        worker.greeted = True
        return ready

    async def _take(self) -> _Worker:
        while not self._idle:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        return self._idle.popleft()

    def _give_back(self, worker: _Worker) -> None:
        self._idle.append(worker)
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                break

    def _replace(self, worker: _Worker) -> _Worker:
        worker.end(0.0)
        if worker not in self._workers:  # the pool is closing
            return worker
        fresh = _Worker(worker.setup)
        self._workers[self._workers.index(worker)] = fresh
        return fresh

    def _end_all(self) -> None:
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._idle.clear()
