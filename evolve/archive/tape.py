"""A run on tape: what it asked and was answered, and in which order things happened, so that it can be played again.

The tape of a finished run decides everything that hung on speed: which ends of steps each choice knew of, in which
order children were compared, whom was asked and what was answered. The rest follows from the run's seed.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evolve.archive.reader import Reader
from evolve.archive.records import ModelCall
from evolve.errors import UsageError

FORMAT = 1


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
    """Entry k - 1 of `mutators` and `heard` is step k's.

    heard: the steps whose ends a choice was the first to know of; one entry more for those that no choice knew of.
    taken: the steps in the order in which their children were compared with those before.
    calls: by step, of those that asked a model.  reason: what ended the run.
    """

    mutators: tuple[str, ...]
    heard: tuple[tuple[int, ...], ...]
    taken: tuple[int, ...]
    calls: Mapping[int, Recorded] = field(repr=False)
    reason: str

    @property
    def steps(self) -> int:
        """How many steps the run had."""
        return len(self.mutators)


def tape_of(store: Reader) -> Tape:
    """Return the tape of a run. Raises UsageError when a step of it has not ended."""
    selections = store.selections()
    open_ = [selection.step for selection in selections if selection.taken is None or selection.fate is None]
    if open_:
        raise UsageError(
            f"{store.folder}: step {open_[0]} has not ended, so the run cannot be played again. "
            f"First: evolve resume {store.folder}"
        )
    ended = {s.ended: s.step for s in selections if s.ended is not None}
    told = [1, *(s.told for s in selections), max(ended, default=1)]
    calls = {call.step: _recorded(call) for call in store.model_calls()}
    return Tape(
        tuple(s.mutator for s in selections),
        tuple(tuple(ended[n] for n in range(a + 1, b + 1)) for a, b in itertools.pairwise(told)),
        tuple(s.step for s in sorted(selections, key=lambda s: s.taken or 0)),
        calls,
        store.summary().reason,
    )


def _recorded(call: ModelCall) -> Recorded:
    return Recorded(
        call.digest,
        call.status.value,
        call.answer,
        call.error,
        call.prompt_tokens,
        call.cached_tokens,
        call.completion_tokens,
        call.reasoning_tokens,
        call.wasted_tokens,
        call.tokens_estimated,
        call.cost_usd,
        call.latency_s,
        call.attempts,
    )


def to_lines(tape: Tape) -> str:
    """Return the tape as JSON lines: one for the run, one per step."""
    places = {step: place for place, step in enumerate(tape.taken, 1)}
    *known, rest = tape.heard
    lines: list[dict[str, Any]] = [{"evolve_tape": FORMAT, "steps": tape.steps, "heard": rest, "reason": tape.reason}]
    for step, (mutator, heard) in enumerate(zip(tape.mutators, known, strict=True), 1):
        call = tape.calls.get(step)
        facts = {"step": step, "mutator": mutator, "heard": heard, "taken": places[step]}
        lines.append(facts if call is None else facts | asdict(call))
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def read_tape(path: Path) -> Tape:
    """Read what `to_lines` made. Raises UsageError that names the line that is wrong."""
    try:
        if path.exists() and not path.is_file():  # a pipe or a device would be read for ever
            raise UsageError(f"{path} is no file: it should be a recording, as --record writes it.")
        lines = path.read_text(encoding="utf-8", errors="surrogatepass").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no recording: it is not UTF-8.") from None
    number = 1
    try:
        if not lines:
            raise ValueError("it is empty")
        head = json.loads(lines[0])
        if head["evolve_tape"] != FORMAT:
            raise UsageError(f"{path} is a recording in format {head['evolve_tape']}; this version reads {FORMAT}.")
        rest = tuple(int(earlier) for earlier in head["heard"])
        rows, calls = [], {}
        for number, line in enumerate(lines[1:], 2):
            row = json.loads(line)
            step, mutator, heard, taken = (row.pop(key) for key in ("step", "mutator", "heard", "taken"))
            if step != number - 1:
                raise ValueError(f"step {step}, expected {number - 1}")
            rows.append((str(mutator), tuple(int(earlier) for earlier in heard), int(taken)))
            if row:
                calls[step] = Recorded(**row)
        number = len(lines) + 1
        if head["steps"] != len(rows) or sorted(row[2] for row in rows) != list(range(1, len(rows) + 1)):
            raise ValueError(f"{len(rows)} steps, expected {head['steps']}")
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is no recording of a run: line {number}: {error}.") from None
    order = sorted(range(1, len(rows) + 1), key=lambda step: rows[step - 1][2])
    return Tape(tuple(r[0] for r in rows), (*(r[1] for r in rows), rest), tuple(order), calls, str(head["reason"]))
