"""A crew of workers, on whatever machines they are: who gets which job, and what happens when one is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.picture import Picture
from evolve.racing import Race
from evolve.scoring import InstanceResult, Status, Summary
from evolve.workers.line import Line
from evolve.workers.messages import Begun, Drawing, Job, Listing, Over, Ready, Summing
from evolve.workers.pool import WALL_TIME, Fresh, OutOfTime

FIRST_EVALUATION_S = 1800.0
"""How long an evaluation may take while nobody knows how long they take."""
EVALUATION_FLOOR_S = 60.0
TIMES_LONGER = 20.0
"""How many times longer than the longest sound one so far an evaluation may take; in a run the seed's is the first."""
LOST = "lost"
"""The kind of failure of a program with which workers are lost: memory is short, or a cluster takes them away."""
BOOT_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Before each start of a worker that is lost, or killed from outside, before it can take a job: memory may be back."""
FROM_OUTSIDE = ("SIGKILL", "SIGTERM")
"""Signals that come from somebody else, such as a kernel without memory; by others a verifier crashes."""


class WorkerLost(Exception):
    """A worker ended in the middle of its work.

    how: after "the worker process": "was killed by SIGKILL", "exited with code 3", "was lost with its node".
    by_host: the machine or the cluster ended it, nothing that it ran.
    """

    def __init__(self, how: str, by_host: bool | None = None) -> None:
        super().__init__(how)
        self.how = how
        self.by_host = how.endswith(FROM_OUTSIDE) if by_host is None else by_host


class Worker(Protocol):
    """One worker and the way to it. Its first word is `Ready`; then it answers each word that it is sent."""

    async def greet(self) -> Ready:
        """Wait until it can take a job. Raises UsageError when it cannot, WorkerLost when its machine is gone."""

    def say(self, value: Any) -> None:
        """Send it a job or a question. Raises WorkerLost."""

    async def hear(self) -> Any:
        """Wait for its next word. Raises WorkerLost when it is gone."""

    def let_go(self) -> None:
        """Have it and all that it started ended, without waiting for it."""

    def end(self) -> Any:
        """End it and all that it started."""


class _Stuck(Exception):
    """An evaluation did not end within its limit."""


@dataclass
class _Taken:
    """A worker that somebody uses now. is_sound: whether it is ready for the next; not in the middle of a job."""

    worker: Worker
    is_sound: bool = False


class Crew:
    """Workers, each with its own verifier and sandbox: a `Pool`, which an engine inherits from.

    makers: for each worker, what starts it; again when it was lost.
    require_isolation: refuse to start where a layer of isolation is missing.
    wait_for_all: whether work begins when all workers are there, or with the first; on a cluster the others may have
    to wait for room.
    """

    def __init__(
        self, makers: Sequence[Callable[[], Worker]], require_isolation: bool = False, wait_for_all: bool = True
    ) -> None:
        self._makers, self._require_isolation, self._wait_for_all = makers, require_isolation, wait_for_all
        self._workers: dict[int, Worker] = {}
        self._is_closed = False
        self._boots: dict[int, asyncio.Task[Ready]] = {}
        self._line = Line()
        self._own_limit_s: float | None = None
        self._calls_s = 0.0
        self._longest_s: float | None = None
        self.notices: list[str] = []

    async def __aenter__(self) -> Any:
        self._is_closed = False
        for place in range(len(self._makers)):
            self._boot(place)
        boots = list(self._boots.values())
        try:
            when = asyncio.ALL_COMPLETED if self._wait_for_all else asyncio.FIRST_COMPLETED
            done, _ = await asyncio.wait(boots, return_when=when)
            ready = [boot.result() for boot in boots if boot in done]
        except BaseException:
            self._end_all()
            raise
        self._own_limit_s, self._calls_s = ready[0].evaluation_s, ready[0].calls_s
        if ready[0].missing:
            names = ", ".join(f"{name} ({detail})" for name, detail in ready[0].missing)
            if self._require_isolation:
                self._end_all()
                raise UsageError(f"isolation is incomplete on this host: {names}. `evolve doctor` says what to do.")
            self.notices.append(f"isolation is incomplete: missing {names}; `evolve doctor` says what to do")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end_all()

    def _boot(self, place: int) -> None:
        """Let a new worker have jobs as soon as it is ready, or has said why it never will be."""

        def there(boot: asyncio.Task[Ready]) -> None:
            if not boot.cancelled() and self._boots.get(place) is boot:
                boot.exception()  # who takes the worker hears of it
                self._line.add(place)

        self._boots[place] = boot = asyncio.create_task(self._greet(place))
        boot.add_done_callback(there)

    async def _greet(self, place: int) -> Ready:
        """Start a worker, and wait until it is ready."""

        def start() -> Worker:
            self._workers[place] = worker = self._makers[place]()
            return worker

        try:
            return await greeted(start)
        except WorkerLost as lost:
            raise UsageError(f"a worker {lost.how} before it could take a job, {len(BOOT_PAUSES_S)} times") from None

    @property
    def size(self) -> int:
        """How many evaluations run at once."""
        return len(self._makers)

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
        idle_lost = 0
        while rest and not is_over:
            # Alone it is one instance, so that the others need not wait for more.
            job = Job(source, split, tuple(rest[:1] if alone else rest), stop_at_failure, race, fresh)
            again = False
            async with aclosing(self._round(job, deadline, alone)) as results:
                async for result, is_certain in results:
                    if not is_certain and not result.instance_id:
                        # Nothing had begun: workers may have died while they were idle, all of them with one node.
                        idle_lost += 1
                        was_idle = result.failure == LOST and idle_lost <= self.size
                        if alone and not was_idle:
                            raise UsageError(f"the problem does not make its {split} instances: {result.feedback}.")
                        again = alone or not was_idle
                        continue
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

        The last result may be one that the host, not the program or the verifier, may be to blame for; it is of no
        instance where the worker had not begun.
        """
        ids: tuple[str, ...] = ()
        last: InstanceResult | None = None
        async with self._a_worker(False, alone, deadline) as taken:
            try:
                taken.worker.say(job)
                while last is None:
                    said = await self._hear(taken.worker, deadline)
                    if isinstance(said, UsageError):
                        taken.is_sound = True
                        raise said
                    if isinstance(said, Over):
                        taken.is_sound, last = not said.spent, said.result
                    elif isinstance(said, Begun):
                        ids = said.ids
                    else:
                        ids = ids[1:]
                        yield said, True
            except (WorkerLost, _Stuck) as fault:
                trouble = fault
        if last is not None:
            yield last, last.failure != WALL_TIME
        else:
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
        """Return a worker's answer to a question, or why there was none, twice from one that was alive before."""
        tries = [False] * self.size + [False, True]
        while tries:
            alone = tries.pop(0)
            async with self._a_worker(True, alone) as taken:
                try:
                    taken.worker.say(question)
                    answer = await self._hear(taken.worker, None)
                    taken.is_sound = True
                    return answer
                except (WorkerLost, _Stuck) as fault:
                    trouble = fault
                    if not (isinstance(fault, WorkerLost) and fault.by_host):
                        tries = tries[-1:]
        return trouble

    async def _hear(self, worker: Worker, deadline: float | None) -> Any:
        limit_s = self.limit_s
        async with _until(deadline):
            try:
                async with asyncio.timeout(limit_s):
                    return await worker.hear()
            except TimeoutError:
                raise _Stuck(f"it did not end within {limit_s:.0f} s (the problem may set evaluation_s)") from None

    @asynccontextmanager
    async def _a_worker(self, is_question: bool, alone: bool, deadline: float | None = None) -> AsyncIterator[_Taken]:
        """Wait for a worker without work and give it, to be taken back. alone: while no other has any."""
        async with _until(deadline):
            place = await self._line.take(is_question, alone)
        taken: _Taken | None = None
        try:
            await self._boots[place]
            taken = _Taken(self._workers[place])
            yield taken
        finally:
            self._give_back(place, taken is not None and taken.is_sound)

    def _give_back(self, place: int, is_sound: bool) -> None:
        """Let the next job have a worker; a new one where this one is dead, or a late answer would be another's."""
        self._line.give_back()
        if self._is_closed:
            return
        if is_sound:
            self._line.add(place)
        else:
            if place in self._workers:
                self._workers.pop(place).end()
            self._boot(place)

    def _end_all(self) -> None:
        self._is_closed = True
        for boot in self._boots.values():
            boot.cancel()
        for worker in self._workers.values():
            worker.let_go()
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()


async def greeted(start: Callable[[], Worker]) -> Ready:
    """Return a worker's first word; start another where it is lost before. Raises WorkerLost when all of them are."""
    *pauses_s, last_s = BOOT_PAUSES_S
    for pause_s in pauses_s:
        await asyncio.sleep(pause_s)
        worker = start()
        try:
            return await worker.greet()
        except WorkerLost:
            worker.end()
    await asyncio.sleep(last_s)
    return await start().greet()


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
    if isinstance(trouble, WorkerLost) and trouble.by_host:
        return LOST, f"the worker process {trouble.how} twice in a row with this program: is memory short?"
    if isinstance(trouble, WorkerLost):
        return "verifier", f"the verifier ended its own process (a bug of the problem): it {trouble.how}"
    return "verifier", f"the verifier failed (a bug of the problem): {trouble}"
