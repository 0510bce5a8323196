"""What processes of ours say to each other, pickled, since they trust each other: a local worker and its pool."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiprocess.connection import Connection

from evolve.evaluator import Split
from evolve.racing import Race
from evolve.scoring import InstanceResult
from evolve.workers.pool import Fresh


@dataclass(frozen=True)
class Setup:
    """What a worker works on. cpu: its core where the score depends on time, None = any."""

    ref: str
    options: dict[str, Any]
    data: Path | None
    cpu: int | None


@dataclass(frozen=True)
class Ready:
    """A worker's first word.

    missing: the layers of isolation that are, as (name, detail).  error: why it cannot work.
    evaluation_s: the evaluator's own limit.  calls_s: wall seconds that a candidate may spend in calls.
    """

    missing: tuple[tuple[str, str], ...] = ()
    error: str = ""
    evaluation_s: float | None = None
    calls_s: float = 0.0


@dataclass(frozen=True)
class Job:
    """Evaluate a program on some instances of a split, in this order, up to the first that runs out of wall time.

    race: None, or against what it may be outrun.  fresh: None, or what the instances are drawn from.
    """

    source: str
    split: Split
    indices: tuple[int, ...]
    stop_at_failure: bool
    race: Race | None = None
    fresh: Fresh | None = None


@dataclass(frozen=True)
class Begun:
    """The first answer to a job, before anything is evaluated: the ids of its instances."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class Over:
    """The last answer to a job, with its last result. spent: threads of the verifier still run, it can do no other."""

    result: InstanceResult
    spent: bool


@dataclass(frozen=True)
class Summing:
    """Return the figures of a whole split, as `Summary`."""

    split: Split
    results: Sequence[InstanceResult]


@dataclass(frozen=True)
class Listing:
    """Return the ids of a split's instances, as a tuple."""

    split: Split


@dataclass(frozen=True)
class Drawing:
    """Run a program on an instance and return a `Picture` of it, or in a sentence why there is none."""

    source: str
    split: Split
    index: int


async def heard(connection: Connection) -> None:
    """Return when the other end has said something, or is gone."""
    loop = asyncio.get_running_loop()
    there: asyncio.Future[None] = loop.create_future()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, _settle, there)
    try:
        await there
    finally:
        loop.remove_reader(descriptor)


def _settle(there: asyncio.Future[None]) -> None:
    if not there.done():
        there.set_result(None)


def send(connection: Connection, value: Any) -> None:
    """Send a value. Raises OSError when the other end is gone."""
    connection.send_bytes(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def receive(connection: Connection) -> Any:
    """Receive what `send` sent. Raises EOFError or OSError when the other end is gone."""
    return pickle.loads(connection.recv_bytes())
