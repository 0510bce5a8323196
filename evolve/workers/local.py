"""A pool of worker processes on this machine, driven from an asyncio loop."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.racing import Race
from evolve.scoring import InstanceResult, Status, Summary
from evolve.workers.messages import Begun, Job, Over, Setup, Summing
from evolve.workers.pool import Fresh, OutOfTime
from evolve.workers.process import WorkerLost, WorkerProcess

LOSSES = 2
"""How many workers in a row may die of one program on one instance before that is its result."""


class LocalWorkers:
    """Worker processes, one per core, each with its own verifier and sandbox: the engine `local`, a `Pool`.

    ref, options: of the problem, as `evolve.registry.load_problem` takes them.  workers: how many processes.
    data: a file or folder in the problem's public format, whose instances then stand for every split.
    require_isolation: refuse to start where a layer of isolation is missing.
    A worker stays on one core only where the problem's score depends on time: what an evaluator starts, threads or
    processes, may use them all otherwise.
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
        self._idle: deque[int] = deque()
        self._workers: list[WorkerProcess] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.notices: list[str] = []

    async def __aenter__(self) -> LocalWorkers:
        self._workers = [WorkerProcess(setup) for setup in self._setups]
        try:
            ready = [await worker.greet() for worker in self._workers]
        except BaseException:
            self._end_all()
            raise
        self._idle.extend(range(len(self._workers)))
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
        *,
        stop_at_failure: bool = False,
        race: Race | None = None,
        fresh: Fresh | None = None,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[InstanceResult, None]:
        """As `Pool.evaluate`."""
        deadline = None if deadline_s is None else asyncio.get_running_loop().time() + deadline_s
        rest = list(indices)
        losses = 0
        while rest:
            place = await self._take(deadline)
            is_sound = False  # a worker left in the middle of a job must not have its late answer taken for another's
            try:
                worker = self._workers[place]
                ids: tuple[str, ...] = ()
                await worker.greet()
                worker.say(Job(source, split, tuple(rest), stop_at_failure, race, fresh))
                while not is_sound:
                    said = await self._hear(worker, deadline)
                    if isinstance(said, Begun):
                        ids = said.ids
                    elif isinstance(said, InstanceResult):
                        losses = 0
                        ids = ids[1:]
                        race = None if race is None else race.after(said.score)
                        rest.pop(0)
                        yield said
                    else:
                        is_sound = True
                        if isinstance(said, UsageError):
                            raise said
                        assert isinstance(said, Over)
                        return
            except WorkerLost as lost:
                losses += 1
                if losses < LOSSES:
                    continue
                if not ids:
                    raise UsageError(f"a worker process was lost ({lost.how}) making the {split} instances") from None
                fatal = _fatal(ids[0], lost.how)
            finally:
                self._give_back(place, is_sound)
            losses = 0
            race = None if race is None else race.after(None)
            rest.pop(0)
            yield fatal
            if stop_at_failure:
                return

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """As `Pool.summarise`."""
        for _ in range(LOSSES):
            place = await self._take(None)
            is_sound = False
            try:
                await self._workers[place].greet()
                self._workers[place].say(Summing(split, results))
                summary: Summary = await self._workers[place].hear()
                is_sound = True
                return summary
            except WorkerLost as lost:
                how = lost.how
            finally:
                self._give_back(place, is_sound)
        return Summary(fault=f"the worker process was lost, {LOSSES} times in a row, in summarise ({how})")

    async def _hear(self, worker: WorkerProcess, deadline: float | None) -> Any:
        try:
            async with asyncio.timeout_at(deadline):
                return await worker.hear()
        except TimeoutError:
            raise OutOfTime from None

    async def _take(self, deadline: float | None) -> int:
        """Wait for a worker without work and return its place."""
        try:
            async with asyncio.timeout_at(deadline):
                while not self._idle:
                    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.append(turn)
                    await turn
        except BaseException as error:
            self._wake_next()  # the turn may have been this one's, which has no use for it any more
            if isinstance(error, TimeoutError):
                raise OutOfTime from None
            raise
        return self._idle.popleft()

    def _give_back(self, place: int, is_sound: bool) -> None:
        """Let the next job have a worker; a new one in its place where this one is dead or in the middle of a job."""
        if not self._workers:  # the pool is closed
            return
        if not is_sound:
            self._workers[place].end()
            self._workers[place] = WorkerProcess(self._setups[place])
        self._idle.append(place)
        self._wake_next()

    def _wake_next(self) -> None:
        while self._waiting and self._idle:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                break

    def _end_all(self) -> None:
        for worker in self._workers:
            worker.let_go()
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._idle.clear()


def _fatal(instance_id: str, how: str) -> InstanceResult:
    text = f"the worker process was lost, {LOSSES} times in a row, while it evaluated this program ({how})"
    return InstanceResult(instance_id, Status.ERROR, feedback=text, failure="lost")
