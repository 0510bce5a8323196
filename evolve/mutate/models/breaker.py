"""A circuit breaker: a server that fails again and again is left alone, but for one request now and then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FAILURES = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Breaker:
    """Stands between every call and one server, shared by all models on it.

    It opens after `failures` failed requests in a row. Calls then wait (their own deadlines end the waiting) until the
    pause is over, and one of them is the probe: when it succeeds all go on, when it fails the pause doubles.
    """

    def __init__(self, failures: int = FAILURES, pause_s: float = FIRST_PAUSE_S) -> None:
        self._limit = failures
        self._first_pause_s = self._pause_s = pause_s
        self._in_a_row = 0
        self._open_until = 0.0
        self._probing = False
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether calls have to wait."""
        return self._in_a_row >= self._limit

    def let_go(self) -> None:
        """Let all calls that wait go on at once: whoever asks has found out that waiting is of no use."""
        self._in_a_row, self._pause_s = 0, self._first_pause_s
        self._changed.set()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def request(self) -> AsyncIterator[Outcome]:
        """Wait until a request may be sent, and take note of what the block says came of it."""
        probe = await self._turn()
        outcome = Outcome()
        try:
            yield outcome
        finally:
            self._settle(probe, outcome.works)

    async def _turn(self) -> bool:
        """Return when a request may be sent, True when it is the probe."""
        while self.is_open:
            pause_s = self._open_until - time.monotonic()
            if not self._probing and pause_s <= 0:
                self._probing = True
                return True
            try:
                async with asyncio.timeout(None if self._probing else pause_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return False

    def _settle(self, probe: bool, works: bool | None) -> None:
        if probe:
            self._probing = False
        if works:
            self._in_a_row, self._pause_s = 0, self._first_pause_s
        elif works is False and (probe or not self.is_open):
            self._in_a_row += 1
            if self.is_open:
                self._open_until = time.monotonic() + self._pause_s
                self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)
        if probe or works:
            self._changed.set()
            self._changed = asyncio.Event()


class Outcome:
    """What came of a request. works: whether the server is able to answer; None when that was not found out."""

    def __init__(self) -> None:
        self.works: bool | None = None
