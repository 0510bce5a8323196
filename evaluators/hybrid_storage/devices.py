"""Devices, pages and queues: how long requests take when their pages lie where a policy put them.

Times are whole nanoseconds. A device serves one I/O after the other, in the order in which they come: start =
max(now, when it is free), end = start + base + bytes / bandwidth, rounded up. A disk's base is a seek; an I/O at the
page after the last one does without. A request is one I/O on each device that holds pages of it, and takes until the
last one has ended; a write goes to one device. A page that is moved is read there and written here. When a device
would hold more than it may, its least recently used pages go to the next slower one first, which costs the same, and
the request that needs the room waits for it. The slowest holds everything.

No simpy: each device is one number, the time at which it is free.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

PAGE_BYTES = 4096


class Device(NamedTuple):
    """A kind of device. base_us: of a read and a write.  mb_s: of both.  seeks: whether the base is a seek."""

    name: str
    read_us: int
    write_us: int
    read_mb_s: int
    write_mb_s: int
    seeks: bool = False


OPTANE = Device("optane", 10, 10, 2400, 2000)
SSD = Device("ssd", 110, 50, 550, 510)
CHEAP_SSD = Device("cheap_ssd", 160, 250, 520, 450)
DISK = Device("disk", 6000, 6000, 210, 210, True)


class Request(NamedTuple):
    """A request. t_us: when it comes.  page, pages: the first one, and how many.  write: whether it writes them."""

    t_us: int
    page: int
    pages: int
    write: bool


@dataclass
class Storage:
    """The state of all devices, the fastest first.

    capacity: pages of each but the last, which has room for all.
    where: by page, its device.  held: per device its pages, the least recently used first.
    free_ns, last_page: per device.  moved: pages that a policy moved.  evicted: pages that the storage moved itself.
    """

    devices: Sequence[Device]
    capacity: Sequence[int]
    where: dict[int, int] = field(default_factory=dict)
    held: list[OrderedDict[int, None]] = field(default_factory=list)
    free_ns: list[int] = field(default_factory=list)
    last_page: list[int] = field(default_factory=list)
    moved: int = 0
    evicted: int = 0

    def __post_init__(self) -> None:
        self.held = [OrderedDict() for _ in self.devices]
        self.free_ns = [0] * len(self.devices)
        self.last_page = [-1] * len(self.devices)

    def io(self, device: int, now_ns: int, page: int, pages: int, write: bool) -> int:
        """Queue one I/O and return when it ends."""
        kind = self.devices[device]
        rate = kind.write_mb_s if write else kind.read_mb_s
        base = 0 if kind.seeks and page == self.last_page[device] else kind.write_us if write else kind.read_us
        self.last_page[device] = page + pages
        took = 1000 * base + -(-pages * PAGE_BYTES * 1000 // rate)
        self.free_ns[device] = max(now_ns, self.free_ns[device]) + took
        return self.free_ns[device]

    def serve(self, request: Request, device: int) -> int:
        """Serve a request and return its latency, ns. device: for what it writes and for pages that are new."""
        now = 1000 * request.t_us
        pages = range(request.page, request.page + request.pages)
        for page in pages:
            if request.write or page not in self.where:
                self.put(page, device)
            self.held[self.where[page]].move_to_end(page)
        begin = max(now, self.make_room(now))
        if request.write:
            return self.io(device, begin, request.page, request.pages, True) - now
        groups: dict[int, list[int]] = {}
        for page in pages:
            groups.setdefault(self.where[page], []).append(page)
        return max(self.io(one, begin, found[0], len(found), False) for one, found in groups.items()) - now

    def put(self, page: int, device: int) -> None:
        """Put a page on a device, off the one that has it; it is the most recently used there."""
        before = self.where.get(page)
        if before is not None:
            del self.held[before][page]
        self.where[page] = device
        self.held[device][page] = None

    def move(self, page: int, device: int, now_ns: int) -> None:
        """Move a page that is there; nothing happens if it is on that device already."""
        before = self.where[page]
        if before != device:
            self.io(device, self.io(before, now_ns, page, 1, False), page, 1, True)
            self.put(page, device)
            self.moved += 1

    def make_room(self, now_ns: int) -> int:
        """Evict until every device holds no more than it may; return when the last eviction has ended, or 0."""
        end = 0
        for device, most in enumerate(self.capacity[:-1]):
            while len(self.held[device]) > most:
                page = next(iter(self.held[device]))
                read = self.io(device, now_ns, page, 1, False)
                end = max(end, self.io(device + 1, read, page, 1, True))
                self.put(page, device + 1)
                self.evicted += 1
        return end
