"""Ctrl-C and SIGTERM: the first asks for a clean stop, the second stops at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")
SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stopped(Exception):
    """The person asked to stop before this was done."""


class Stop:
    """Whether a stop was asked for."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._then: list[Callable[[], None]] = []
        self.by = ""
        """What asked: "Ctrl-C" or "SIGTERM"."""

    @property
    def asked(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked.is_set()

    def ask(self, by: str) -> None:
        """Ask for a clean stop."""
        self.by = by
        self._asked.set()
        for call in self._then:
            call()

    def then(self, call: Callable[[], None]) -> None:
        """Have something called when a stop is asked for."""
        self._then.append(call)

    async def unless_asked(self, work: Awaitable[T]) -> T:
        """Return the work's result. Raises Stopped, the work cancelled, when a stop is asked for first."""
        doing = asyncio.ensure_future(work)
        asking = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait({doing, asking}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise Stopped
        finally:
            for task in (doing, asking):
                task.cancel()
            await asyncio.gather(doing, asking, return_exceptions=True)


@contextmanager
def signals(stop: Stop, announce: Callable[[str], None]) -> Iterator[None]:
    """Turn the first signal into a clean stop and the second into a cancellation of the current task."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def heard(by: str) -> None:
        if stop.asked and task is not None:
            task.cancel()
            return
        stop.ask(by)
        announce(f"{by}: finishing what is in flight; once more stops at once")

    with ExitStack() as installed:
        for number, by in SIGNALS.items():
            # Not in the main thread: whoever runs the loop there decides how it ends.
            with suppress(ValueError, RuntimeError, NotImplementedError):
                loop.add_signal_handler(number, heard, by)
                installed.callback(loop.remove_signal_handler, number)
        yield
