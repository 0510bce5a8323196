"""Waiting for asynchronous work from code that is not: in a script, and in a notebook, whose own loop is running."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from evolve.loop.stopping import Stop

T = TypeVar("T")


def wait_for(make: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
    """Return the result of the work that `make` begins, given what asks it to stop.

    Ctrl-C asks for a clean stop, whose result is returned; the second one stops at once.
    """
    stop = Stop()
    return _in_a_thread(make, stop) if _in_a_loop() else asyncio.run(make(stop))


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _in_a_thread(make: Callable[[Stop], Coroutine[Any, Any, T]], stop: Stop) -> T:
    """Do the work in a loop of its own: no loop runs within another. Signals reach this thread alone."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(make(stop))
    done = threading.Event()  # a thread's own join takes an interrupted wait for its end
    threading.Thread(target=_finish, args=(loop, task, done), name="evolve", daemon=True).start()
    while not done.is_set():
        try:
            done.wait()
        except KeyboardInterrupt:
            second = stop.asked
            loop.call_soon_threadsafe(task.cancel if second else lambda: stop.ask("Ctrl-C"))
    return task.result()


def _finish(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], done: threading.Event) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(asyncio.wait([task]))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
        done.set()
