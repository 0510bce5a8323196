"""Stand-ins for workers and models that work in this process, and what the tests of the loop compare."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import random
import re
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from evolve.archive import EventKind, Store
from evolve.config import RunConfig, resolve
from evolve.evaluator import Evaluator, Split
from evolve.mutate.models.answer import Answer, AnswerStatus
from evolve.mutate.prompts.prompt import Prompt
from evolve.racing import Race
from evolve.registry import Problem, load_problem
from evolve.scoring import InstanceResult, Status, Summary
from evolve.workers import Fresh
from evolve.workers.evaluation import summary

TRIVIAL = Path(__file__).parent / "plugins" / "trivial"


def trivial_problem() -> Problem:
    return load_problem(str(TRIVIAL))


@functools.cache
def _evaluator() -> Evaluator:
    return trivial_problem().evaluator  # to load it for each program takes longer than all that a test is about


def configured(evaluations: int, **flags: Any) -> RunConfig:
    """The run of the tests: a model named m, two workers; flags with `__` for the dot of a key."""
    given = {"budget.evaluations": evaluations, "model.names": ("m",), "workers": 2}
    return resolve(None, [], given | {key.replace("__", "."): value for key, value in flags.items()})


class QuickPool:
    """Scores the trivial problem by reading the line `X = ...`; takes a random number of turns of the loop for it."""

    notices: tuple[str, ...] = ()

    def __init__(self, speed_seed: int = 0, slowest_turns: int = 6) -> None:
        self.rng = random.Random(speed_seed)
        self.slowest_turns = slowest_turns
        self.evaluated: list[str] = []
        self.running = self.most_running = 0

    async def __aenter__(self) -> QuickPool:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def evaluate(
        self,
        source: str,
        split: Split,
        indices: Sequence[int],
        *,
        stop_at_failure: bool = False,
        race: Race | None = None,
        fresh: Fresh | None = None,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[InstanceResult, None]:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        for _ in range(self.rng.randint(0, self.slowest_turns)):
            await asyncio.sleep(0)
        self.running -= 1
        if split is Split.TRAIN:
            self.evaluated.append(source)
        for index in indices:
            yield self.scored(source, split, index)

    def scored(self, source: str, split: Split, index: int) -> InstanceResult:
        return _score(source, f"{split}/{index}")

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        return summary(_evaluator(), split, results)


def _score(source: str, instance_id: str) -> InstanceResult:
    found = re.search(r"^X = (.*)$", source, re.MULTILINE)
    x = float(found[1]) if found else 0.0
    if x > 80:
        return InstanceResult(instance_id, Status.INFEASIBLE, feedback=f"{x} is too far", failure="infeasible")
    return InstanceResult(instance_id, Status.OK, 100 * (1 - abs(x - 42) / 41), {"distance": abs(x - 42)}, "not 42")


class HashModel:
    """Answers a prompt with a hash of it, so that the same prompt gets the same answer whenever it is asked.

    One answer in ten is unreadable; numbers are coarse enough for duplicates.
    """

    def __init__(self, speed_seed: int = 0, values: int = 400, cost_usd: float | None = 0.01) -> None:
        self.rng = random.Random(speed_seed)
        self.values = values
        self.cost_usd = cost_usd
        self.asked: list[str] = []

    def warm_up(self) -> None: ...

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        return 120, self.cost_usd

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        self.asked.append(prompt.digest("m"))
        for _ in range(self.rng.randint(0, 12)):
            await asyncio.sleep(0)
        number = int(hashlib.sha256(prompt.user.encode()).hexdigest()[:8], 16)
        text = f"```python\nX = {number % self.values * 84 / self.values:.4f}\n\n\ndef answer():\n    return X\n```\n"
        text = "I would rather not." if number % 10 == 0 else text
        return Answer(text, AnswerStatus.OK, "", 100, 20, self.cost_usd, 0.01, 1)

    async def close(self) -> None: ...


class StepModel(HashModel):
    """Answers a step with a hash of its number, whatever the prompt says: no change of a prompt changes a run."""

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        return await super().complete(Prompt("", f"step {call_id}", prompt.kind), call_id)


def in_a_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in a thread of its own: a browser's driver has an event loop in the tests' thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def archive_digest(folder: Path) -> list[tuple[Any, ...]]:
    """Programs, parents, scores and choices of a run by step, and what the search heard in which order."""
    with Store.open(folder) as store:
        programs = [(p.id, p.parent_id, p.place, p.kind, p.source, p.status, p.score) for p in store.programs()]
        choices = [tuple(selection._replace(known=0)) for selection in store.selections()]
        return [*programs, *choices, *[(e.kind, e.step) for e in store.events(EventKind.CHOSEN, EventKind.KNOWN)]]


SOUND = Store._transaction
"""What `kill_after` puts another in the place of."""


class Killed(BaseException):
    """The process is gone."""


def kill_after(commits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every store commit so many times more, and be killed then."""
    left = commits

    @contextmanager
    def transaction(store: Store) -> Iterator[Connection]:
        nonlocal left
        if left == 0:
            raise Killed
        with SOUND(store) as begun:
            yield begun
        left -= 1

    monkeypatch.setattr(Store, "_transaction", transaction)


def let_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every store commit as ever again."""
    monkeypatch.setattr(Store, "_transaction", SOUND)
