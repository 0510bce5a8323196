"""A pool of worker processes on this machine, driven from an asyncio loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.picture import Picture
from evolve.racing import Race
from evolve.scoring import InstanceResult, Status, Summary
from evolve.workers.messages import Begun, Drawing, Job, Listing, Over, Setup, Summing
from evolve.workers.pool import WALL_TIME, Fresh, OutOfTime
from evolve.workers.process import WorkerLost, WorkerProcess

FIRST_EVALUATION_S = 1800.0
"""How long an evaluation may take while nobody knows how long they take."""
EVALUATION_FLOOR_S = 60.0
TIMES_LONGER = 20.0
"""How many times longer than the longest sound one so far an evaluation may take; in a run the seed's is the first."""
FROM_OUTSIDE = ("SIGKILL", "SIGTERM")
"""Signals that come from somebody else, such as a kernel without memory; by others a verifier crashes."""


class _Stuck(Exception):
    """An evaluation did not end within its limit."""


@dataclass
class _Taken:
    """A worker that somebody uses now. is_sound: whether it is ready for the next; not in the middle of a job."""

    process: WorkerProcess
    is_sound: bool = False


class LocalWorkers:
    """Worker processes, one per core, each with its own verifier and sandbox: the engine `local`, a `Pool`.

    ref, options: of the problem, as `evolve.registry.load_problem` takes them.  workers: how many processes.
    data: a file or folder in the problem's public format, whose instances then stand for every split.
    require_isolation: refuse to start where a layer of isolation is missing.
    environment: of the workers, besides that of this process.
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
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._setups = [Setup(ref, options, data, cores[i] if workers <= len(cores) else None) for i in range(workers)]
        self._require_isolation, self._environment = require_isolation, environment
        self._workers: list[WorkerProcess] = []
        self._idle: asyncio.Queue[int] = asyncio.Queue()
        self._gate = asyncio.Lock()  # held while one waits for a worker, and by who works with nothing else running
        self._own_limit_s: float | None = None
        self._calls_s = 0.0
        self._longest_s: float | None = None
        self.notices: list[str] = []

    async def __aenter__(self) -> LocalWorkers:
        self._workers = [WorkerProcess(setup, self._environment) for setup in self._setups]
        try:
            ready = [await worker.greet() for worker in self._workers]
        except BaseException:
            self._end_all()
            raise
        self._own_limit_s, self._calls_s = ready[0].evaluation_s, ready[0].calls_s
        for place in range(len(self._workers)):
            self._idle.put_nowait(place)
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

    @property
    def limit_s(self) -> float:
        """How long an evaluation may take at present: a candidate's own limits, and time for the verifier."""
        if self._own_limit_s is not None:
            return self._own_limit_s
        if self._longest_s is None:
            return self._calls_s + FIRST_EVALUATION_S
        return self._calls_s + max(EVALUATION_FLOOR_S, TIMES_LONGER * self._longest_s)

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
        alone = is_over = False
        while rest and not is_over:
            # Alone it is one instance, so that the others need not wait for more.
            job = Job(source, split, tuple(rest[:1] if alone else rest), stop_at_failure, race, fresh)
            again = False
            async with aclosing(self._round(job, deadline, alone)) as results:
                async for result, is_certain in results:
                    if not is_certain and not alone:
                        again = True
                        continue
                    rest.pop(0)
                    race = None if race is None else race.after(result.score)
                    is_lost = race is not None and race.is_lost()
                    is_over = is_lost or (stop_at_failure and result.status is not Status.OK)
                    if result.status is Status.OK:
                        self._longest_s = max(self._longest_s or 0.0, result.wall_s)
                    yield result
            alone = again

    async def _round(
        self, job: Job, deadline: float | None, alone: bool
    ) -> AsyncGenerator[tuple[InstanceResult, bool], None]:
        """Give a job to a worker; give (result, whether it is certain) until it stops, or the worker cannot go on.

        The last result may be one that the host, not the program or the verifier, may be to blame for.
        """
        ids: tuple[str, ...] = ()
        async with self._a_worker(deadline, alone) as taken:
            try:
                async with _until(deadline):
                    await taken.process.greet()
                taken.process.say(job)
                while True:
                    said = await self._hear(taken.process, deadline)
                    if isinstance(said, Over):
                        taken.is_sound = not said.spent
                        return
                    if isinstance(said, UsageError):
                        taken.is_sound = True
                        raise said
                    if isinstance(said, Begun):
                        ids = said.ids
                    else:
                        ids = ids[1:]
                        yield said, said.failure != WALL_TIME
            except (WorkerLost, _Stuck) as fault:
                trouble = fault
        if alone and not ids:
            raise UsageError(f"the problem does not make its {job.split} instances: {_blame(trouble)[1]}.")
        failure, feedback = _blame(trouble)
        yield InstanceResult(ids[0] if ids else "", Status.ERROR, feedback=feedback, failure=failure), False

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """As `Pool.summarise`."""
        said = await self._ask(Summing(split, results))
        if isinstance(said, WorkerLost | _Stuck):
            return Summary(fault=f"summing up the split: {_blame(said)[1]}")
        assert isinstance(said, Summary)
        return said

    async def ids(self, split: Split) -> tuple[str, ...]:
        """Return the ids of a split's instances, as a worker makes them. Raises UsageError when it cannot."""
        said = await self._ask(Listing(split))
        if isinstance(said, WorkerLost | _Stuck):
            raise UsageError(f"the problem does not make its {split} instances: {_blame(said)[1]}.")
        if isinstance(said, UsageError):
            raise said
        assert isinstance(said, tuple)
        return said

    async def draw(self, source: str, split: Split, index: int) -> Picture | str:
        """Return a picture of a program on an instance, or in a sentence why there is none."""
        said = await self._ask(Drawing(source, split, index))
        if isinstance(said, WorkerLost | _Stuck):
            return _blame(said)[1]
        if isinstance(said, UsageError):
            raise said
        assert isinstance(said, Picture | str)
        return said

    async def _ask(self, question: Summing | Listing | Drawing) -> Any:
        """Return a worker's answer to a question, or why there was none, twice."""
        for alone in (False, True):
            async with self._a_worker(None, alone) as taken:
                try:
                    await taken.process.greet()
                    taken.process.say(question)
                    answer = await self._hear(taken.process, None)
                    taken.is_sound = True
                    return answer
                except (WorkerLost, _Stuck) as fault:
                    trouble = fault
        return trouble

    async def _hear(self, worker: WorkerProcess, deadline: float | None) -> Any:
        limit_s = self.limit_s
        async with _until(deadline):
            try:
                async with asyncio.timeout(limit_s):
                    return await worker.hear()
            except TimeoutError:
                raise _Stuck(f"it did not end within {limit_s:.0f} s (the problem may set evaluation_s)") from None

    @asynccontextmanager
    async def _a_worker(self, deadline: float | None, alone: bool) -> AsyncIterator[_Taken]:
        """Wait for a worker without work and give it, to be taken back. alone: while no other has any."""
        places: list[int] = []
        taken: _Taken | None = None
        async with AsyncExitStack() as held:
            try:
                async with _until(deadline):
                    await held.enter_async_context(self._gate)
                    while len(places) < (self.size if alone else 1):
                        places.append(await self._idle.get())
                if not alone:
                    await held.aclose()
                taken = _Taken(self._workers[places[0]])
                yield taken
            finally:
                for place in places:
                    self._give_back(place, taken is None or place != places[0] or taken.is_sound)

    def _give_back(self, place: int, is_sound: bool) -> None:
        """Let the next job have a worker; a new one where this one is dead, or a late answer would be another's."""
        if not self._workers:  # the pool is closed
            return
        if not is_sound:
            self._workers[place].end()
            self._workers[place] = WorkerProcess(self._setups[place], self._environment)
        self._idle.put_nowait(place)

    def _end_all(self) -> None:
        for worker in self._workers:
            worker.let_go()
        for worker in self._workers:
            worker.end()
        self._workers.clear()


@asynccontextmanager
async def _until(deadline: float | None) -> AsyncIterator[None]:
    """Raise OutOfTime when the body is not done by the deadline, a time of the loop's clock; None: never."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise OutOfTime from None


def _blame(trouble: WorkerLost | _Stuck) -> tuple[str, str]:
    """Return the kind of failure, and what happened."""
    if isinstance(trouble, WorkerLost) and trouble.how.endswith(FROM_OUTSIDE):
        return "lost", f"the worker process {trouble.how} twice in a row with this program: is memory short?"
    if isinstance(trouble, WorkerLost):
        return "verifier", f"the verifier ended its own process (a bug of the problem): it {trouble.how}"
    return "verifier", f"the verifier failed (a bug of the problem): {trouble}"
