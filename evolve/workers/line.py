"""Who gets a worker next."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Somebody who waits. place: of the worker that he gets.  alone: while no other has any."""

    place: asyncio.Future[int]
    alone: bool


class Line:
    """Hands workers out, by their place: questions go before evaluations, each in the order in which they came.

    Else the end of a program, which its figures are asked for, would wait for all programs behind it.
    """

    def __init__(self) -> None:
        self._free: deque[int] = deque()
        self._questions: deque[_Waiting] = deque()
        self._evaluations: deque[_Waiting] = deque()
        self._busy, self._is_alone = 0, False

    def add(self, place: int) -> None:
        """Let somebody have a worker that can take a job."""
        self._free.append(place)
        self._serve()

    async def take(self, is_question: bool, alone: bool) -> int:
        """Wait for a worker, to be given back. alone: while no other has any."""
        one = _Waiting(asyncio.get_running_loop().create_future(), alone)
        line = self._questions if is_question else self._evaluations
        line.append(one)
        self._serve()
        try:
            return await one.place
        except asyncio.CancelledError:
            if one.place.cancelled():
                if one in line:
                    line.remove(one)
                self._serve()
            else:  # he had it already
                self.add(one.place.result())
                self.give_back()
            raise

    def give_back(self) -> None:
        """Take note that one of the workers is not used any more; `add` it when it can take the next job."""
        self._busy -= 1
        self._is_alone = False
        self._serve()

    def _serve(self) -> None:
        while self._free and not self._is_alone:
            line = self._questions or self._evaluations
            if line and line[0].place.cancelled():  # he leaves as soon as the loop comes to him
                line.popleft()
                continue
            if not line or (line[0].alone and self._busy):
                return
            one = line.popleft()
            self._busy, self._is_alone = self._busy + 1, one.alone
            one.place.set_result(self._free.popleft())
