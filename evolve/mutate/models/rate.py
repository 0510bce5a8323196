"""How fast models are asked, all of them together."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from evolve.config import RateConfig

MINUTE_S = 60.0


class Admission:
    """One request that was let through. tokens: what it is taken to use, corrected when its answer is there."""

    def __init__(self, at_s: float, tokens: float) -> None:
        self.at_s, self.tokens = at_s, tokens


class RateLimit:
    """Lets requests through so that no span of a minute holds more of them, or more tokens, than allowed.

    A bucket that remembers the last minute instead of a level: it never lets twice the rate through, as a full bucket
    and its refill do. A request that alone is above the limit of tokens goes when nothing else is in the minute.
    """

    def __init__(self, rate: RateConfig, minute_s: float = MINUTE_S) -> None:
        self._requests, self._tokens = rate.requests_per_minute, rate.tokens_per_minute
        # Less than one request a minute is one in a longer span.
        self._minute_s = minute_s / min(1.0, self._requests or 1.0)
        self._past: deque[Admission] = deque()
        self._used = 0.0
        self._turns = asyncio.Lock()
        self._corrected = asyncio.Event()

    async def admit(self, tokens: float) -> Admission | None:
        """Wait for a request's turn, in the order of asking. tokens: an estimate. Returns None without a limit."""
        if self._requests is None and self._tokens is None:
            return None
        async with self._turns:
            while (pause_s := self._pause_s(tokens)) > 0:
                self._corrected.clear()
                try:
                    async with asyncio.timeout(pause_s):
                        await self._corrected.wait()
                except TimeoutError:
                    pass
            admission = Admission(time.monotonic(), tokens)
            self._past.append(admission)
            self._used += tokens
            return admission

    def correct(self, admission: Admission | None, tokens: float) -> None:
        """Replace the estimate by what a request did use."""
        if admission is not None and admission.at_s > time.monotonic() - self._minute_s:
            self._used += tokens - admission.tokens
            admission.tokens = tokens
            self._corrected.set()

    def _pause_s(self, tokens: float) -> float:
        """Return how long to wait before looking again; 0 when a request of so many tokens may go."""
        now = time.monotonic()
        while self._past and self._past[0].at_s <= now - self._minute_s:
            self._used -= self._past.popleft().tokens
        if not self._past:
            self._used = 0.0
            return 0.0
        if self._requests is not None and len(self._past) + 1 > max(1.0, self._requests):
            return self._past[0].at_s + self._minute_s - now
        if self._tokens is not None and self._used + tokens > self._tokens:
            return self._past[0].at_s + self._minute_s - now
        return 0.0
