"""What differs between two archives of what should be the same run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evolve.archive.events import EventKind
from evolve.archive.reader import Reader


@dataclass(frozen=True)
class Difference:
    """Where a replay is not what the recorded run was. what: "step 17: parent_id", "program 17: score"."""

    what: str
    recorded: Any
    replayed: Any


def differences(recorded: Reader, replayed: Reader) -> Iterator[Difference]:
    """Yield what differs between two archives, step by step: choices, programs, parents, scores, the winner.

    Compared are not the times at which things happened, nor what depends on them. Where one of the runs did not come to
    its winner, the best on train are compared instead.
    """
    yield from _compared("step", _selections(recorded), _selections(replayed))
    one, other = _order(recorded), _order(replayed)
    for kind, step in sorted(one.keys() | other.keys(), key=lambda key: (key[1], key[0])):
        if one.get((kind, step)) != other.get((kind, step)):
            yield Difference(f"step {step}: place of '{kind}'", one.get((kind, step)), other.get((kind, step)))
    yield from _compared("program", _programs(recorded), _programs(replayed))
    have_winners = all(store.summary().winner_id is not None for store in (recorded, replayed))
    best = [store.best() if have_winners else store.best_on_train() for store in (recorded, replayed)]
    ids = [None if program is None else program.id for program in best]
    if ids[0] != ids[1]:
        yield Difference("the best program", *ids)


def _selections(store: Reader) -> dict[int, dict[str, Any]]:
    """Return the choices; the number of the event that one knew of last depends on when other events came."""
    return {selection.step: {**selection._asdict(), "known": 0} for selection in store.selections()}


def _order(store: Reader) -> dict[tuple[EventKind, int], int]:
    """Return the places of what must come in the same order: what the search learnt, how children were compared."""
    learnt, compared = store.events(EventKind.CHOSEN, EventKind.KNOWN), store.events(EventKind.BORN, EventKind.DROPPED)
    return {(event.kind, event.step): place for events in (learnt, compared) for place, event in enumerate(events)}


def _programs(store: Reader) -> dict[int, dict[str, Any]]:
    return {program.id: {**vars(program), "created": 0.0, "cpu_s": 0.0} for program in store.programs()}


def _compared(kind: str, recorded: dict[int, Any], replayed: dict[int, Any]) -> Iterator[Difference]:
    for id in sorted(recorded.keys() | replayed.keys()):
        a, b = recorded.get(id), replayed.get(id)
        if a == b:
            continue
        if a is None or b is None:
            yield Difference(f"{kind} {id}", *("there" if one is not None else "not there" for one in (a, b)))
            continue
        for name in a:
            if a[name] != b[name]:
                yield Difference(f"{kind} {id}: {name}", a[name], b[name])
