"""What differs between two archives of what should be the same run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from evolve.archive.reader import Reader
from evolve.archive.records import Program, Role, Selection


@dataclass(frozen=True)
class Difference:
    """Where a replay is not what the recorded run was. what: "step 17: parent_id", "program 17: score"."""

    what: str
    recorded: Any
    replayed: Any


def differences(recorded: Reader, replayed: Reader) -> Iterator[Difference]:
    """Yield what differs between two archives, step by step: choices, programs, parents, scores, the winner.

    Compared are not the times at which things happened, nor what depends on them.
    """
    yield from _compared("step", _selections(recorded), _selections(replayed))
    yield from _compared("program", _programs(recorded), _programs(replayed))
    yield from _compared("run", {0: _winner(recorded)}, {0: _winner(replayed)})


def _selections(store: Reader) -> dict[int, Selection]:
    return {selection.step: selection for selection in store.selections()}


def _programs(store: Reader) -> dict[int, Program]:
    return {program.id: replace(program, created=0.0, cpu_s=0.0) for program in store.programs()}


def _winner(store: Reader) -> Program | None:
    best = store.best()
    return None if best is None or best.role is Role.BASELINE else replace(best, created=0.0, cpu_s=0.0, metrics={})


def _compared(kind: str, recorded: dict[int, Any], replayed: dict[int, Any]) -> Iterator[Difference]:
    for id in sorted(recorded.keys() | replayed.keys()):
        a, b = recorded.get(id), replayed.get(id)
        if a == b:
            continue
        if a is None or b is None:
            yield Difference(f"{kind} {id}", *("there" if one is not None else "not there" for one in (a, b)))
            continue
        for name, value in vars(a).items():
            if value != vars(b)[name]:
                yield Difference(f"{kind} {id}: {name}", value, vars(b)[name])
