"""What the charts of a page are drawn from: every program of a run in a few columns, and its texts in packed chunks.

A page gets strings as they will be read: whatever is unseen in them is spelt out here, and the script of the page puts
them into text nodes only.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evolve.archive import EventKind, Program, Role, Store, Trial
from evolve.evaluator import Split
from evolve.report.chain import ancestors
from evolve.report.documents import plain
from evolve.report.run_report import last_line
from evolve.safe_text import one_line, visible
from evolve.scoring import InstanceResult, Status

CHUNK = 40
"""Programs whose texts are packed together: what they share is stored once."""
ELITES = 24
"""Best programs that keep prompt, answer and figures of every instance."""
LINE = 200
"""Characters of an idea or a failure beside a program."""


@dataclass(frozen=True)
class Clock:
    """When something happened in minutes of work: the times between sessions are taken out."""

    gaps: tuple[tuple[float, float], ...]
    started: float

    def minutes(self, when: float) -> float:
        """Return minutes of work up to a time, in seconds since the epoch."""
        idle_s = sum(min(end, when) - begin for begin, end in self.gaps if begin < when)
        return max((when - self.started - idle_s) / 60, 0.0)


def clock_of(store: Store) -> Clock:
    """Return the clock of a run."""
    gaps, stopped = [], None
    for event in store.events(EventKind.STOPPED, EventKind.CHOSEN):
        if event.kind is EventKind.STOPPED:
            stopped = event.time
        elif stopped is not None:
            gaps.append((stopped, event.time))
            stopped = None
    return Clock(tuple(gaps), float(store.summary().started))


def program_facts(store: Store, after: int = -(10**9)) -> dict[str, Any]:
    """Return the columns of the seed, the baselines and the children whose number is above `after`.

    at: how many children had been scored by then.  minutes, usd: of work, and spent, by then.  scores: on the instances
    of train. Kinds, models and states are numbers into the lists beside them.
    """
    trials = {trial.id: trial for trial in store.trials()}
    order = {id: place for place, id in enumerate(trials)}
    spent: dict[int, float] = {}
    total = 0.0
    for end in trials.values():
        total += end.cost_usd or 0.0
        spent[end.id] = total
    clock = clock_of(store)
    programs = [program for program in store.programs() if program.status is not None]
    programs.sort(key=lambda program: (program.id > 0, order.get(program.id, program.id)))
    kinds, models, states = _Words(), _Words(), _Words()
    columns: dict[str, list[Any]] = {name: [] for name in ("id", "parent", "at", "minutes", "usd", "score")}
    columns |= {"kind": [], "model": [], "state": [], "scores": [], "idea": [], "name": []}
    at = 0
    for program in programs:
        at += program.id > 0
        if program.id <= after:
            continue
        trial = trials.get(program.id)
        why = last_line(program.failure) if program.status is not Status.OK else program.idea
        values = (
            program.id,
            program.parent_id,
            at if program.id > 0 else 0,
            round(clock.minutes(program.created), 3) if program.id > 0 else 0,
            round(spent.get(program.id, 0.0), 6),
            _rounded(program.score),
            kinds.place(program.kind),
            models.place("" if trial is None else trial.model),
            states.place(program.status.value if program.status is not None else ""),
            [_rounded(score, 2) for score in program.scores],
            one_line(why)[:LINE],
            one_line(program.name),
        )
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    instances = [one_line(result.instance_id) for result in store.evaluations(0, Split.TRAIN)]
    best = store.best()
    return {
        "columns": columns,
        "kinds": kinds.words,
        "models": models.words,
        "states": states.words,
        "instances": instances,
        "best": None if best is None else best.id,
        "path": [] if best is None else [program.id for program in ancestors(store, best)],
    }


class _Words:
    """A list of words without repetition, and where each of them is."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._place: dict[str, int] = {}

    def place(self, word: str) -> int:
        if word not in self._place:
            self._place[word] = len(self.words)
            self.words.append(one_line(word))
        return self._place[word]


def _rounded(score: float | None, digits: int = 4) -> float | None:
    return None if score is None else round(score, digits)


def told(store: Store, path: Sequence[int], failures: Iterable[int] = ()) -> set[int]:
    """Return the programs that keep prompt, answer and figures: ancestors of the best, the elites, failure examples."""
    return {*path, *(program.id for program in store.top(ELITES)), *failures, 0}


def program_texts(store: Store, program: Program, trial: Trial | None, whole: bool) -> dict[str, Any]:
    """Return what is read of one program. whole: with prompt, answer and the figures of every instance."""
    facts: dict[str, Any] = {
        "id": program.id,
        "source": visible(program.source),
        "failure": visible(program.failure)[:2000],
        "metrics": {one_line(name): value for name, value in program.metrics.items()},
    }
    if trial is not None and trial.inspirations:
        facts["inspirations"] = list(trial.inspirations)
    if not whole:
        return facts
    selection, call = store.selection(program.id), store.model_call(program.id)
    if selection is not None:
        facts["reason"] = one_line(selection.reason)
    if call is not None:
        facts |= {"system": visible(call.system), "prompt": visible(call.prompt), "answer": visible(call.answer)}
        facts["cost_usd"], facts["tokens"] = call.cost_usd, call.prompt_tokens + call.completion_tokens
    facts["instances"] = [_instance(result) for result in store.evaluations(program.id, Split.TRAIN)]
    for figure in store.split_figures(program.id):
        facts.setdefault("splits", {})[figure.split.value] = [figure.status.value, _rounded(figure.score)]
    return facts


def _instance(result: InstanceResult) -> list[Any]:
    said = visible(result.feedback)[:600]
    return [one_line(result.instance_id), result.status.value, _rounded(result.score), round(result.cpu_s, 5), said]


def text_chunks(store: Store, whole: set[int]) -> tuple[list[str], dict[int, int]]:
    """Return the texts of all programs in packed chunks, and the chunk of each: base64 of deflated JSON.

    Programs lie beside their parents, so that a chunk holds much of the same.
    """
    trials = {trial.id: trial for trial in store.trials()}
    programs = {program.id: program for program in store.programs()}
    chunks: list[str] = []
    where: dict[int, int] = {}
    order = by_branches(programs)
    for first in range(0, len(order), CHUNK):
        ids = order[first : first + CHUNK]
        texts = [program_texts(store, programs[id], trials.get(id), id in whole) for id in ids]
        where |= dict.fromkeys(ids, len(chunks))
        chunks.append(packed(texts))
    return chunks, where


def by_branches(programs: dict[int, Program]) -> list[int]:
    """Return the ids of programs, each followed by what was made from it; baselines first."""
    children: dict[int | None, list[int]] = {}
    for program in programs.values():
        children.setdefault(program.parent_id if program.parent_id in programs else None, []).append(program.id)
    found, waiting = (
        [],
        sorted(children.get(None, []), key=lambda id: (programs[id].role is not Role.BASELINE, id))[::-1],
    )
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += sorted(children.get(id, []), reverse=True)
    return found


def packed(facts: Any) -> str:
    """Return facts as base64 of raw deflated JSON, as a page's script unpacks it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    text = json.dumps(plain(facts), separators=(",", ":"), allow_nan=False).encode("ascii")
    return base64.b64encode(deflate.compress(text) + deflate.flush()).decode("ascii")


def as_script_data(facts: Any) -> str:
    """Return facts as JSON that stands in a `<script type="application/json">` and does not end it."""
    text = json.dumps(plain(facts), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
