"""Traces of requests, what a policy sees, and what they take with it, on one device, and with foresight."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from evaluators.hybrid_storage.devices import Device, Request, Storage
from evaluators.kept_figures import digest_of
from evolve.evaluator import Instance, Record

EPOCH = 500
"""Requests between two calls of `migrate`."""
MOST_MOVES = 64
REMEMBERED = 4096


class Info(Record, frozen=True):
    """What a policy knows before: lists, the fastest device first. capacity: pages; of the last one, all."""

    device: list[str]
    read_us: list[int]
    write_us: list[int]
    read_mb_s: list[int]
    write_mb_s: list[int]
    capacity: list[int]


class Asked(Record, frozen=True):
    """A request whose place is asked for: a write, or a read of pages that are new.

    t_us, page, pages, is_write: of the request.  device_now: of its first page, -1 new.  count: earlier requests of
    that page.  gap: requests since the last one, -1 none.  free_frac: (D,) share of each device that is free.
    queue_us: (D,) time until it is free.
    """

    t_us: int
    page: int
    pages: int
    is_write: bool
    device_now: int
    count: int
    gap: int
    free_frac: list[float]
    queue_us: list[float]


class Epoch(Record, frozen=True):
    """What `migrate` sees after every 500 requests.

    t_us: of the last one.  resident: (D,) pages on each device.  capacity, free_frac, queue_us: (D,).
    page, is_write: (m,) first page and kind of the last requests, at most 4,096, the newest last.
    device_now: (m,) where these pages are.
    """

    t_us: int
    resident: list[int]
    capacity: list[int]
    free_frac: list[float]
    queue_us: list[float]
    page: np.ndarray
    is_write: np.ndarray
    device_now: np.ndarray


class Result(NamedTuple):
    """What a run takes. latency_ns: of each request.  fast: share of page touches that found the fastest device."""

    latency_ns: list[int]
    storage: Storage
    fast: float

    @property
    def total_ns(self) -> int:
        """Return the sum of latencies, ns."""
        return sum(self.latency_ns)


@dataclass(frozen=True)
class Trace(Instance):
    """Requests on devices. draw: makes the requests.  devices: the fastest first.  shares: of all pages."""

    draw: Callable[[], Sequence[Request]] = field(repr=False, compare=False)
    devices: tuple[Device, ...]
    shares: tuple[float, ...]

    @cached_property
    def requests(self) -> Sequence[Request]:
        """Return the requests in the order of time."""
        return self.draw()

    @cached_property
    def capacity(self) -> tuple[int, ...]:
        """Return pages of each device; of the last one, all pages of the trace."""
        pages = len({page for r in self.requests for page in range(r.page, r.page + r.pages)})
        return (*(max(1, int(share * pages)) for share in self.shares), pages)

    def info(self) -> Info:
        """Return what a policy knows before."""
        return Info(
            [one.name for one in self.devices],
            [one.read_us for one in self.devices],
            [one.write_us for one in self.devices],
            [one.read_mb_s for one in self.devices],
            [one.write_mb_s for one in self.devices],
            list(self.capacity),
        )


def digest(trace: Trace) -> str:
    """Return a hash of all that a trace is."""
    return digest_of(([tuple(r) for r in trace.requests], [tuple(d) for d in trace.devices], trace.shares))


def play(
    trace: Trace, place: Callable[[Asked], int], migrate: Callable[[Epoch, Storage], Sequence[tuple[int, int]]] | None
) -> Result:
    """Play a trace with a policy. place: returns a device.  migrate: returns (page, device) pairs that are sound."""
    storage = Storage(trace.devices, trace.capacity)
    seen: dict[int, tuple[int, int]] = {}  # by page: how many requests, and the last one
    pages, writes, latency = [], [], []
    touched = hits = 0
    for number, request in enumerate(trace.requests):
        every = range(request.page, request.page + request.pages)
        touched += request.pages
        hits += sum(storage.where.get(page) == 0 for page in every)
        device = 0
        if request.write or any(page not in storage.where for page in every):
            count, last = seen.get(request.page, (0, number + 1))
            now = 1000 * request.t_us
            asked = Asked(
                *request,
                storage.where.get(request.page, -1),
                count,
                number - last,
                _free(storage),
                _queue_us(storage, now),
            )
            device = place(asked)
        latency.append(storage.serve(request, device))
        for page in every:
            seen[page] = (seen.get(page, (0, 0))[0] + 1, number)
        pages.append(request.page)
        writes.append(request.write)
        if migrate and (number + 1) % EPOCH == 0 and number + 1 < len(trace.requests):
            now = 1000 * request.t_us
            recent = pages[-REMEMBERED:]
            epoch = Epoch(
                request.t_us,
                [len(held) for held in storage.held],
                list(storage.capacity),
                _free(storage),
                _queue_us(storage, now),
                np.array(recent),
                np.array(writes[-REMEMBERED:]),
                np.array([storage.where[page] for page in recent]),
            )
            for page, target in migrate(epoch, storage):
                storage.move(page, target, now)
            storage.make_room(now)
    return Result(latency, storage, hits / touched)


def _free(storage: Storage) -> list[float]:
    return [max(0.0, 1 - len(h) / c) for h, c in zip(storage.held, storage.capacity, strict=True)]


def _queue_us(storage: Storage, now_ns: int) -> list[float]:
    return [max(0, free - now_ns) / 1000 for free in storage.free_ns]


def on_one(trace: Trace, device: int) -> int:
    """Return the sum of latencies, ns, when one device holds everything."""
    storage = Storage([trace.devices[device]], [trace.capacity[-1]])
    return sum(storage.serve(request, 0) for request in trace.requests)


def with_foresight(trace: Trace) -> int:
    """Return the sum of latencies, ns, of who knows all requests and moves pages at no cost when they are touched.

    Writes go to the fastest device. After each touch, the pages whose next use is soonest are on the fastest device,
    those after that on the next, and so on (Belady 1966, with bypass). A strong reference and no bound: spreading
    queues over devices may pay more.
    """
    upcoming: dict[int, list[int]] = {}
    for number, request in enumerate(trace.requests):
        for page in range(request.page, request.page + request.pages):
            upcoming.setdefault(page, []).append(number)
    storage = Storage(trace.devices, [len(upcoming)] * len(trace.devices))
    ranks: list[list[tuple[int, int]]] = [[] for _ in trace.devices[:-1]]  # (next use, page), sorted
    total, never = 0, len(trace.requests)
    position = dict.fromkeys(upcoming, 0)
    key: dict[int, tuple[int, int]] = {}
    for request in trace.requests:
        every = range(request.page, request.page + request.pages)
        fresh = [page for page in every if page not in storage.where]
        for page in fresh:
            storage.put(page, len(trace.devices) - 1)
        at = {page: storage.where[page] for page in every}
        for page in every:
            position[page] += 1
            uses = upcoming[page]
            following = uses[position[page]] if position[page] < len(uses) else never
            _settle(storage, ranks, trace.capacity, key, page, following if following < never else None)
        groups: dict[int, list[int]] = {}
        for page in every:
            groups.setdefault(0 if request.write or page in fresh else at[page], []).append(page)
        now = 1000 * request.t_us
        total += max(storage.io(d, now, found[0], len(found), request.write) for d, found in groups.items()) - now
    return total


def _settle(
    storage: Storage,
    ranks: list[list[tuple[int, int]]],
    capacity: Sequence[int],
    key: dict[int, tuple[int, int]],
    page: int,
    following: int | None,
) -> None:
    """Put a page where its next use ranks it; what it pushes out goes on to the next device."""
    before, last = storage.where[page], len(capacity) - 1
    if page in key and before < last:
        del ranks[before][bisect_left(ranks[before], key[page])]
    key.pop(page, None)
    storage.put(page, last)
    if following is None:
        return
    moving = (following, page)
    for device in range(last):
        place = bisect_left(ranks[device], moving)
        if place >= capacity[device]:
            continue
        ranks[device].insert(place, moving)
        storage.put(moving[1], device)
        key[moving[1]] = moving
        if len(ranks[device]) <= capacity[device]:
            return
        moving = ranks[device].pop()
        storage.put(moving[1], last)
        key.pop(moving[1], None)


def sound_moves(answer: Any, storage: Storage) -> list[tuple[int, int]]:
    """Read [(page, device), ...]. Raises ValueError that names what is wrong."""
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "iu" and answer.ndim == 2:
        answer = answer.tolist()
    if not isinstance(answer, list):
        raise ValueError(f"the moves are {type(answer).__name__}, expected a list of (page, device)")
    if len(answer) > MOST_MOVES:
        raise ValueError(f"{len(answer)} moves at once, at most {MOST_MOVES} may be")
    found = []
    for place, row in enumerate(answer):
        row = row.tolist() if isinstance(row, np.ndarray) and row.dtype.kind in "iu" else row
        if not isinstance(row, list) or len(row) != 2 or any(type(x) is not int for x in row):
            raise ValueError(f"move {place} is {row!s:.60}, expected two whole numbers: page, device")
        page, device = row
        if page not in storage.where:
            raise ValueError(f"move {place} is of page {page!s:.40}, which no request has touched yet")
        if not 0 <= device < len(storage.devices):
            raise ValueError(f"move {place} is to device {device!s:.40}, expected 0..{len(storage.devices) - 1}")
        found.append((page, device))
    return found
