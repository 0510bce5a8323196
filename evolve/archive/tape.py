"""A run on tape: its events in their order with the answers that were given, so that it can be played again.

The tape of a finished run decides everything that depended on speed: which ends each choice knew of, in which order
children were compared, whom was asked and what was answered. The rest follows from the run's configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from evolve.archive.events import ENDS, EventKind
from evolve.archive.packing import inflate
from evolve.archive.reader import Reader
from evolve.archive.records import ModelCall, RunStatus
from evolve.errors import UsageError
from evolve.trial import Selection, State

FORMAT = 3
READ = (2, FORMAT)
"""Formats that are read: one of before 3 has no choices and no identity."""
GZIPPED = b"\x1f\x8b"
CHOICE = ("parent_id", "inspirations", "place", "reason", "kind", "novelty", "bar_id")
"""What a recording keeps of a choice, besides its step and mutator."""
COMPARED = (EventKind.BORN, EventKind.DROPPED)
"""What happens to a step when its child is compared with those before it."""
_PLAYED = (EventKind.CHOSEN, EventKind.KNOWN, EventKind.FAILED, *COMPARED)


@dataclass(frozen=True)
class Recorded:
    """A question's hash and its answer. request: as `Prompt.digest`."""

    request: str
    status: str
    answer: str
    error: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    wasted_tokens: int
    tokens_estimated: bool
    cost_usd: float | None
    latency_s: float
    attempts: int


@dataclass(frozen=True)
class Tape:
    """Events of a run that ended, what was chosen and what was answered.

    Attributes:
        events: (kind, step) of choices, of ends that became known, and of children that were compared.
        mutators: of step k at place k - 1.
        calls: by step, of those that asked a model.
        reason: what ended the search.  config: of the run, as TOML.
        is_finished: the run then scored its best on validation and test; else it was stopped before or in that.
        choices: of step k at place k - 1, empty of a recording that has none.
        identity: of the problem and the versions, see `evolve.identity`; empty of a recording that has none.
        repeats: the steps that ask the question of the step before once more (`evolve.loop.asking`).
        is_binding: choices are taken from here, not made again, and questions are not compared: what is played is what
            came of the answers, also where searches and prompts have changed since.
    """

    events: tuple[tuple[EventKind, int], ...]
    mutators: tuple[str, ...]
    calls: Mapping[int, Recorded] = field(repr=False)
    reason: str
    config: str = field(default="", repr=False)
    is_finished: bool = True
    choices: tuple[Selection, ...] = field(default=(), repr=False)
    identity: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_binding: bool = False
    repeats: frozenset[int] = frozenset()

    @property
    def steps(self) -> int:
        """How many steps the run had."""
        return len(self.mutators)

    def bound(self, step: int) -> Selection | None:
        """Return the choice that a step has to take; None where it is to be made again."""
        return self.choices[step - 1] if self.is_binding else None

    def compared(self) -> list[int]:
        """Return the steps in the order in which their children were compared with those before."""
        return [step for kind, step in self.events if kind in COMPARED]

    def known(self) -> list[list[int]]:
        """Return the steps whose ends each choice was the first to know of; last, those that no choice knew of."""
        known: list[list[int]] = [[]]
        for kind, step in self.events:
            if kind is EventKind.CHOSEN:
                known.append([])
            elif kind is EventKind.KNOWN:
                known[-1].append(step)
        return known


def tape_of(store: Reader) -> Tape:
    """Return the tape of a run. Raises UsageError when a step of it has not ended."""
    selections = store.selections()
    for selection in selections:
        if selection.state not in ENDS:
            raise UsageError(
                f"{store.folder}: step {selection.step} has not ended, so the run cannot be played again. "
                f"First: evolve resume {store.folder}"
            )
    events = tuple((event.kind, event.step) for event in store.events(*_PLAYED) if event.step > 0)
    calls = {call.step: _recorded(call) for call in store.model_calls()}
    summary = store.summary()
    is_finished = summary.status is RunStatus.FINISHED
    return Tape(
        events,
        tuple(s.mutator for s in selections),
        calls,
        summary.reason,
        store.config(),
        is_finished,
        tuple(_as_chosen(selection) for selection in selections),
        store.identity(),
        repeats=frozenset(one.step for before, one in pairwise(selections) if one.repeats(before)),
    )


def _as_chosen(selection: Selection) -> Selection:
    """Return what was chosen, without what came of it."""
    return selection._replace(known=0, state=State.CHOSEN, fate=None, note="", show=())


def _recorded(call: ModelCall) -> Recorded:
    facts = asdict(call)
    for name in ("step", "model", "kind", "system", "prompt"):
        del facts[name]
    return Recorded(request=facts.pop("digest"), **{**facts, "status": call.status.value})


def to_lines(tape: Tape) -> str:
    """Return the tape of a finished run as JSON lines: one for the run, one per event."""
    head = {"evolve_tape": FORMAT, "steps": tape.steps, "reason": tape.reason, "config": tape.config}
    lines: list[dict[str, Any]] = [{**head, "identity": dict(tape.identity)}]
    for kind, step in tape.events:
        lines.append({"event": kind, "step": step})
        if kind is EventKind.CHOSEN:
            call = tape.calls.get(step)
            lines[-1] |= {"mutator": tape.mutators[step - 1]} | ({} if call is None else asdict(call))
            if step in tape.repeats:
                lines[-1]["repeats"] = True
            if tape.choices:
                chosen = tape.choices[step - 1]
                lines[-1]["choice"] = {name: getattr(chosen, name) for name in CHOICE}
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def read_tape(path: Path) -> Tape:
    """Read what `to_lines` made, also compressed by gzip. Raises UsageError that names the line that is wrong."""
    try:
        if path.exists() and not path.is_file():  # a pipe or a device would be read for ever
            raise UsageError(f"{path} is no file: it should be a recording, as --record writes it.")
        content = path.read_bytes()
        text = inflate(content) if content[:2] == GZIPPED else content
        lines = text.decode("utf-8", errors="surrogatepass").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no recording: it is not UTF-8.") from None
    except ValueError as error:
        raise UsageError(f"{path} is no recording: {error}.") from None
    number = 1
    events: list[tuple[EventKind, int]] = []
    mutators: list[str] = []
    calls: dict[int, Recorded] = {}
    choices: list[Selection] = []
    repeats: set[int] = set()
    try:
        if not lines:
            raise ValueError("it is empty")
        head = json.loads(lines[0])
        if head["evolve_tape"] not in READ:
            raise UsageError(f"{path} is a recording in format {head['evolve_tape']}; this version reads {FORMAT}.")
        for line in lines[1:]:
            number += 1
            row = json.loads(line)
            kind, step = EventKind(row.pop("event")), int(row.pop("step"))
            events.append((kind, step))
            if kind is EventKind.CHOSEN:
                mutators.append(str(row.pop("mutator")))
                if row.pop("repeats", False):
                    repeats.add(step)
                if "choice" in row:
                    choices.append(_choice(step, mutators[-1], row.pop("choice")))
                if row:
                    calls[step] = Recorded(**row)
            _require_sense(kind, step, len(mutators))
        number += 1
        identity = {str(key): str(value) for key, value in head.get("identity", {}).items()}
        reason, config = str(head["reason"]), str(head["config"])
        played = (tuple(events), tuple(mutators), calls, reason, config, True, tuple(choices), identity)
        tape = Tape(*played, repeats=frozenset(repeats))
        if len(choices) not in (0, tape.steps):
            raise ValueError(f"{len(choices)} choices of {tape.steps} steps")
        over = sum(kind not in (EventKind.CHOSEN, EventKind.KNOWN) for kind, _ in events)
        if not head["steps"] == tape.steps == over:
            raise ValueError(f"{tape.steps} steps, expected {head['steps']}")
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is no recording of a run: line {number}: {error}.") from None
    return tape


def _choice(step: int, mutator: str, facts: Mapping[str, Any]) -> Selection:
    given = {**facts, "inspirations": tuple(facts["inspirations"])}
    if type(given["parent_id"]) is not int or not 0 <= given["parent_id"] < step:
        raise ValueError(f"step {step} changes program {given['parent_id']!r}, which is not before it")
    if set(given) != set(CHOICE):
        raise ValueError(f"step {step} has a choice of {', '.join(sorted(given))}")
    return Selection(step=step, mutator=mutator, **given)


def _require_sense(kind: EventKind, step: int, chosen: int) -> None:
    if kind not in _PLAYED or not 0 < step <= chosen or (kind is EventKind.CHOSEN and step != chosen):
        raise ValueError(f"step {step} is {kind}, after {chosen} choices")
