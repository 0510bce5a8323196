"""The engine `slurm`: each worker is a job of a Slurm cluster, which calls the pool back."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
import struct
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from multiprocess.connection import Connection, Listener, answer_challenge, deliver_challenge

import evolve
from evolve.config import RunConfig
from evolve.errors import UsageError
from evolve.registry import load_problem
from evolve.user_state import user_state
from evolve.workers.crew import Crew, WorkerLost
from evolve.workers.messages import Ready, Setup, heard, receive, send
from evolve.workers.relay import Lost, connect
from evolve.workers.slurm_queue import BY_ITSELF, SlurmQueue

FIRST_LOOK_S, LAST_LOOK_S = 2.0, 30.0
"""How often a job that has not called yet is looked after, soon after it was submitted and later."""
HANDSHAKE_S = 30
"""How long who calls may take to prove that it belongs to the run."""
_PASSES = re.compile(r"unable to contact|timed out|connection refused|try again|temporarily", re.IGNORECASE)
"""What sbatch says while the cluster is restarted."""


class SlurmWorkers(Crew):
    """Workers as Slurm jobs, one each, with the cores, memory and GPUs that the evaluator declares: a `Pool`.

    config: its `workers` is how many; work begins with the first job that runs.
    data: a file or folder that every node finds under this path, as it finds the problem and evolve itself: clusters
    of this kind share their file systems. Jobs connect to this machine (`slurm.host`) and prove with a key of the run
    that they belong to it; what they say is not encrypted.
    A job that ends, by its time limit or with its node, is submitted again, and its instance is tried again.
    """

    def __init__(self, config: RunConfig, data: Path | None = None) -> None:
        self._slurm, self._door = config.slurm, _Door()
        setup = Setup(config.problem, config.evaluator, data, None)
        self._evaluator = load_problem(config.problem, config.evaluator).evaluator
        self._executor: Any = None
        super().__init__([partial(self._make, setup)] * config.workers, config.require_isolation, wait_for_all=False)

    async def __aenter__(self) -> Any:
        import submitit

        slurm, evaluator = self._slurm, self._evaluator
        is_local = slurm.cluster == "local"
        folder = _private_folder(Path(tempfile.gettempdir()) if is_local and not slurm.folder else slurm.folder)
        try:
            executor = submitit.AutoExecutor(folder=folder, cluster=slurm.cluster)
        except (RuntimeError, ValueError) as error:
            folder.rmdir()
            raise UsageError(f"engine slurm: {error} (sbatch is looked for on this machine)") from None
        executor.update_parameters(
            name="evolve",
            timeout_min=slurm.minutes,
            cpus_per_task=max(1, round(evaluator.cpus)),
            gpus_per_node=round(evaluator.gpus),
            # Another job is submitted for one that is lost; Slurm would have the lost one wait for its node besides.
            slurm_additional_parameters={"no-requeue": True} | slurm.options,
            **({"mem_gb": evaluator.memory_gb} if evaluator.memory_gb else {}),
            **({"slurm_partition": slurm.partition} if slurm.partition else {}),
        )
        self._executor = executor
        self._queue = SlurmQueue(is_local)
        self._door.open(slurm.host)
        self.notices.append(
            f"Slurm jobs write to {folder}; each has cores of its own if the cluster binds tasks to them"
        )
        try:
            return await super().__aenter__()
        except BaseException:
            self._door.close()
            raise

    async def __aexit__(self, *error: object) -> None:
        await super().__aexit__(*error)
        self._door.close()

    def _make(self, setup: Setup) -> SlurmWorker:
        return SlurmWorker(self._executor, self._queue, self._door, setup)


def _private_folder(shared: Path | None) -> Path:
    """Make a folder for the files of a run's jobs, which hold its key: nobody else may read them.

    shared: a folder in which it is to lie; None: one in the user's home.
    """
    advice = "Give a folder on a disk that all nodes see: --set slurm.folder=DIR"
    try:
        shared = shared or user_state() / "slurm"
        shared.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="evolve-slurm-", dir=shared.absolute()))
    except RuntimeError:
        raise UsageError(f"engine slurm: this user has no home for the jobs' files. {advice}") from None
    except OSError as error:
        raise UsageError(f"engine slurm: {shared} cannot be written: {error.strerror}. {advice}") from None


class _Door:
    """Where jobs call back, each with the number it was given."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._expected: dict[int, asyncio.Future[Connection]] = {}
        self._calls = 0
        self._is_closed = False

    def open(self, host: str) -> None:
        """Listen. Raises UsageError where this machine does not go by the name."""
        self._loop = asyncio.get_running_loop()
        self._host = host or socket.getfqdn()
        try:
            self._listener = Listener((host or "", 0), backlog=1024)
        except OSError as error:
            raise UsageError(
                f"engine slurm: nobody can call this machine at {host} (slurm.host): {error.strerror}."
            ) from None
        threading.Thread(target=self._answer, daemon=True).start()

    def expect(self) -> tuple[asyncio.Future[Connection], tuple[str, int, bytes, int]]:
        """Return where the connection of a new job will be, and what the job needs to make it."""
        self._calls += 1
        self._expected[self._calls] = there = self._loop.create_future()
        return there, (self._host, self._listener.address[1], self._key, self._calls)

    def close(self) -> None:
        with suppress(OSError):
            # A blocked accept does not end when its socket is closed; a caller without the key ends it.
            host = "127.0.0.1" if self._listener.address[0] in ("", "0.0.0.0") else self._listener.address[0]
            self._is_closed = True
            socket.create_connection((host, self._listener.address[1]), 1).close()
            self._listener.close()

    def _answer(self) -> None:
        while not self._is_closed:
            with suppress(OSError):
                wire = self._listener.accept()
                try:
                    # In a thread each: a stranger who calls and says nothing keeps no job waiting.
                    threading.Thread(target=self._let_in, args=(wire,), daemon=True).start()
                except RuntimeError:  # there are too many
                    wire.close()

    def _let_in(self, wire: Connection) -> None:
        try:
            _limit_waits(wire, HANDSHAKE_S)
            deliver_challenge(wire, self._key)
            answer_challenge(wire, self._key)
            number = receive(wire)
            _limit_waits(wire, 0)
        except Exception:  # not one of ours, or gone again, or it says nothing
            wire.close()
            return
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._arrived, number, wire)

    def _arrived(self, number: int, wire: Connection) -> None:
        there = self._expected.pop(number, None)
        if there is None or there.done():
            wire.close()
        else:
            there.set_result(wire)


def _limit_waits(wire: Connection, seconds: int) -> None:
    """Have reads fail that wait for longer; 0: none does."""
    with socket.socket(fileno=os.dup(wire.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", seconds, 0))


class SlurmWorker:
    """One job, as the crew sees it."""

    def __init__(self, executor: Any, queue: SlurmQueue, door: _Door, setup: Setup) -> None:
        self._executor, self._queue, self._setup = executor, queue, setup
        self._there, self._address = door.expect()
        self._job: Any = None
        self._is_let_go = False
        self._wire: Connection | None = None

    async def greet(self) -> Ready:
        """As `Worker.greet`; how long the job waits in the queue has no limit."""
        await asyncio.to_thread(self._submit)
        submitted_s, pause_s = time.monotonic(), FIRST_LOOK_S
        while not self._there.done():
            await asyncio.wait([self._there], timeout=pause_s)
            pause_s = min(LAST_LOOK_S, 1.5 * pause_s)
            looking = asyncio.create_task(self._queue.end_of(self._job, submitted_s))
            try:
                await asyncio.wait([self._there, looking], return_when=asyncio.FIRST_COMPLETED)
                if not self._there.done() and (end := looking.result()):
                    raise self._ended(end)
            finally:
                looking.cancel()
        self._wire = self._there.result()
        self.say((self._setup, evolve.__version__))
        ready: Ready = await self.hear()
        if ready.error:
            raise UsageError(ready.error)
        return ready

    def _submit(self) -> None:
        """Submit the job; in a thread, since a cluster may take its time. Raises UsageError, WorkerLost."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            self._job = self._executor.submit(connect, *self._address)
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            words = " ".join(str(error).split())
            if _PASSES.search(words):
                raise WorkerLost(f"could not be submitted to Slurm ({words})", by_host=True) from None
            raise UsageError(f"engine slurm: no job could be submitted: {words}") from None
        if self._is_let_go:
            self._queue.cancel(self._job)

    def _ended(self, end: str) -> UsageError | WorkerLost:
        """Return what is wrong with a job that has ended before it called."""
        if end not in BY_ITSELF:  # somebody cancelled it, or its node is gone: another one may do better
            return WorkerLost(f"was lost with its Slurm job {self._job.job_id} ({end})", by_host=True)
        words = self._job.paths.stderr
        where = f"its words are in {words}" if words.exists() else f"its node may not see {words.parent} (slurm.folder)"
        return UsageError(f"the Slurm job {self._job.job_id} ended ({end}) before it could work: {where}")

    def say(self, value: Any) -> None:
        """As `Worker.say`."""
        assert self._wire is not None
        try:
            send(self._wire, value)
        except OSError:
            raise self._gone() from None

    async def hear(self) -> Any:
        """As `Worker.hear`."""
        assert self._wire is not None
        await heard(self._wire)
        try:
            said = receive(self._wire)
        except (EOFError, OSError):
            raise self._gone() from None
        if isinstance(said, Lost):
            raise WorkerLost(said.how, said.by_host)
        return said

    def _gone(self) -> WorkerLost:
        return WorkerLost(f"was lost with its Slurm job {self._job.job_id}", by_host=True)

    def let_go(self) -> None:
        """As `Worker.let_go`: the job ends when the wire does, or is cancelled where it has none yet."""
        self._there.cancel()
        self._is_let_go = True
        if self._wire is not None:
            self._wire.close()
        elif self._job is not None:
            self._queue.cancel(self._job)

    def end(self) -> None:
        """As `Worker.end`."""
        self.let_go()


def make(config: RunConfig, data: Path | None) -> SlurmWorkers:
    """Return the pool. Raises UsageError where submitit is not installed."""
    try:
        import submitit  # noqa: F401
    except ImportError:
        raise UsageError("--engine slurm needs the extra: pip install 'evolve[slurm]'") from None
    return SlurmWorkers(config, data)
