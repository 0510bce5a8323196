"""What choosing costs in a long run: ask and tell of every strategy at 100,000 programs, and the memory of its state.

python -m tests.benchmarks.search_cost [--programs N] [--instances K] [NAME ...]

CPU time, so that other work on the host counts little. `ask` is timed over the last tenth of the run, at its greatest
state; `tell` over all of it, with the slowest one besides: MAP-Elites lays its regions out anew now and then. Memory is
what the strategy keeps at the end, as tracemalloc counts it, in a run of its own. "whole" is the chooser of the loop:
the strategy islands with everything else that hears of each step.
"""

from __future__ import annotations

import argparse
import random
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from evolve.config import resolve
from evolve.loop.choosing import Chooser
from evolve.scoring import Status
from evolve.search import Choice, make_strategy
from evolve.search.strategies import OWN
from evolve.trial import Selection, Trial

WHOLE = "whole"


class Led(Protocol):
    """A strategy, or the whole chooser made to look like one."""

    def ask(self, rng: random.Random) -> Choice: ...

    def begun(self, selection: Selection) -> None: ...

    def tell(self, trial: Trial) -> None: ...


class _Whole:
    def __init__(self) -> None:
        self._chooser = Chooser(resolve(None, [], {"model.names": ("m",)}))
        self._step = 0

    def ask(self, rng: random.Random) -> Choice:
        selection = self._chooser.choose(self._step + 1)
        return Choice(selection.parent_id, selection.inspirations, selection.place, selection.kind)

    def begun(self, selection: Selection) -> None:
        self._step = selection.step
        self._chooser.begun(selection)

    def tell(self, trial: Trial) -> None:
        self._chooser.tell(trial)


@dataclass
class Cost:
    """Microseconds of CPU: the mean, and the slowest."""

    count: int = 0
    total_us: float = 0.0
    slowest_us: float = 0.0

    def timed(self, work: Callable[[], Choice | None]) -> Choice | None:
        """Do some work, and count it."""
        began = time.thread_time_ns()
        done = work()
        took_us = (time.thread_time_ns() - began) / 1e3
        self.count, self.total_us, self.slowest_us = (
            self.count + 1, self.total_us + took_us, max(self.slowest_us, took_us)
        )  # fmt: skip
        return done


def lead(strategy: Led, programs: int, instances: int) -> tuple[Cost, Cost]:
    """Lead a strategy through a run whose programs get better slowly; return what ask and tell cost."""
    rng, asks, tells = random.Random(0), Cost(), Cost()
    strategy.tell(Trial(0, None, status=Status.OK, score=0.0, scores=(0.0,) * instances, chars=100, tokens=30))
    last = programs - programs // 10
    for step in range(1, programs + 1):
        chance = random.Random(step)
        choice = asks.timed(lambda: strategy.ask(chance)) if step > last else strategy.ask(chance)  # noqa: B023
        assert choice is not None
        strategy.begun(Selection(step, choice.parent, choice.inspirations, choice.place, "", "m", "edit"))
        level = 100 * step / programs
        scores = tuple(rng.gauss(level, 5.0) for _ in range(instances))
        trial = Trial(
            step, choice.parent, choice.place, "edit", "edit", "m", choice.inspirations, status=Status.OK,
            score=sum(scores) / instances, scores=scores, chars=rng.randrange(100, 4_000), tokens=100, called=True,
            answered=True, idea="an idea of twenty words",
        )  # fmt: skip
        tells.timed(lambda: strategy.tell(trial))  # noqa: B023
    return asks, tells


def main() -> None:
    """Print a line for each strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--instances", type=int, default=20)
    given = parser.parse_args()
    print(f"| strategy, {given.programs} programs | ask, us | slowest | tell, us | slowest | state, MB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in given.names or [*OWN, WHOLE]:

        def made(name: str = name) -> Led:
            return _Whole() if name == WHOLE else make_strategy(name, {})

        asks, tells = lead(made(), given.programs, given.instances)
        tracemalloc.start()
        kept = made()
        before = tracemalloc.get_traced_memory()[0]
        lead(kept, given.programs, given.instances)
        state_mb = (tracemalloc.get_traced_memory()[0] - before) / 1e6
        tracemalloc.stop()
        cells = [asks.total_us / asks.count, asks.slowest_us, tells.total_us / tells.count, tells.slowest_us]
        print(f"| {name} | {' | '.join(f'{cell:.0f}' for cell in cells)} | {state_mb:.1f} |", flush=True)


if __name__ == "__main__":
    main()
