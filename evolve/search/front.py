"""The programs that nobody beats in all objectives, a bounded number of them, spread out along the front."""

from __future__ import annotations

import math
import random

from evolve.objectives import Point, dominates

__all__ = ["Front"]


class Front:
    """A non-dominated archive; parents by binary tournament on crowding distance (NSGA-II, Deb et al. 2002).

    Of two parents drawn so, the one with the higher score is taken: the ends of a front are the best at one thing that
    may be worth little by itself, and a run is judged by the score in any case.
    Where there are more than `bound`, who is in the densest place goes first; the ends of the front stay.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._points: dict[int, Point] = {}
        self._room: dict[int, float] = {}
        self._scores: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._points)

    def add(self, id: int, point: Point, score: float = 0.0) -> None:
        """Take a program that nobody dominates, and drop those that it does. score: its mean, whatever is weighed."""
        if any(known == point or dominates(known, point) for known in self._points.values()):
            return
        self._points = {one: known for one, known in self._points.items() if not dominates(point, known)}
        self._points[id], self._scores[id] = point, score
        self._room = self._crowding()
        if len(self._points) > self._bound:
            del self._points[min(self._room, key=lambda one: (self._room[one], -one))]
            self._room = self._crowding()
        self._scores = {one: self._scores[one] for one in self._points}

    def draw(self, rng: random.Random) -> int:
        """Return who is better by the score of two, each of which has more room around it than another one."""
        ids = sorted(self._points)
        drawn = [max(rng.choice(ids), rng.choice(ids), key=lambda id: self._room[id]) for _ in range(2)]
        return max(drawn, key=lambda id: self._scores[id])

    def far_from(self, id: int, count: int) -> tuple[int, ...]:
        """Return others, the farthest first, each objective measured in what the front spans of it."""
        spans = [(max(column) - min(column)) or 1.0 for column in zip(*self._points.values(), strict=True)]

        def apart(other: int) -> float:
            pairs = zip(self._points[id], self._points[other], spans, strict=True)
            return sum(((a - b) / span) ** 2 for a, b, span in pairs)

        others = sorted((one for one in self._points if one != id), key=lambda one: (-apart(one), one))
        return tuple(others[:count])

    def _crowding(self) -> dict[int, float]:
        room = dict.fromkeys(self._points, 0.0)
        for axis in range(len(next(iter(self._points.values())))):
            order = sorted(self._points, key=lambda id: (self._points[id][axis], id))
            span = self._points[order[-1]][axis] - self._points[order[0]][axis]
            room[order[0]] = room[order[-1]] = math.inf
            for before, id, after in zip(order, order[1:], order[2:], strict=False):
                if span > 0:
                    room[id] += (self._points[after][axis] - self._points[before][axis]) / span
        return room
