"""What the charts of a page are drawn from: every program of a run in a few columns, and its texts in packed chunks.

A page gets strings as they will be read: whatever is unseen in them is spelt out here, and the script of the page puts
them into text nodes only.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from evolve.archive import Program, Role, Store
from evolve.evaluator import Split
from evolve.report.chain import ancestors
from evolve.report.documents import plain
from evolve.report.run_report import last_line
from evolve.report.work_time import minutes_of_work
from evolve.safe_text import one_line, visible
from evolve.scoring import InstanceResult, Status

CHUNK = 40
"""Programs whose texts are packed together: what they share is stored once."""
DRAWN, LATEST = 4_000, 200
"""A page that draws more children than so many is slow to come and shows no more; the latest are among them."""
ELITES = 24
"""Best programs that keep prompt, answer and figures of every instance."""
LINE = 200
"""Characters of an idea or a failure beside a program."""


class _End(NamedTuple):
    """A scored child: how many there were by then, who made it, US dollars spent by then."""

    at: int
    model: str
    usd: float


def program_facts(store: Store, kept: Iterable[int] = ()) -> dict[str, Any]:
    """Return the columns of the seed, the baselines and the children; of very many, of a part of them.

    at: how many children had been scored by then.  minutes, usd: of work, and spent, by then.  scores: on the instances
    of train. Kinds, models and states are numbers into the lists beside them.
    kept: children that are in any part.  of: how many children there are in all.
    """
    ends: dict[int, _End] = {}
    total = 0.0
    for step, model, is_scored, cost_usd in store.ends():
        total += cost_usd
        if is_scored:
            ends[step] = _End(len(ends) + 1, model, total)
    minutes, best = minutes_of_work(store), store.best()
    path = [] if best is None else [program.id for program in ancestors(store, best)]
    part = _part(list(ends), {*path, *kept, *(program.id for program in store.top(ELITES))})
    programs = [*store.programs(Role.BASELINE), *store.programs(Role.SEED), *store.programs_among(part)]
    programs = [program for program in programs if program.status is not None]
    programs.sort(key=lambda program: (program.id > 0, ends[program.id].at if program.id > 0 else program.id))
    kinds, models, states = _Words(), _Words(), _Words()
    columns: dict[str, list[Any]] = {name: [] for name in ("id", "parent", "at", "minutes", "usd", "score")}
    columns |= {"kind": [], "model": [], "state": [], "scores": [], "idea": [], "name": []}
    for program in programs:
        end = ends.get(program.id, _End(0, "", 0.0))
        why = last_line(program.failure) if program.status is not Status.OK else program.idea
        values = (
            program.id,
            program.parent_id,
            end.at,
            round(minutes.get(program.id, 0.0), 3) if program.id > 0 else 0,
            round(end.usd, 6),
            _rounded(program.score),
            kinds.place(program.kind),
            models.place(end.model),
            states.place(program.status.value if program.status is not None else ""),
            [_rounded(score, 2) for score in program.scores],
            one_line(why)[:LINE],
            one_line(program.name),
        )
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    instances = [one_line(result.instance_id) for result in store.evaluations(0, Split.TRAIN)]
    return {
        "columns": columns,
        "of": len(ends),
        "kinds": kinds.words,
        "models": models.words,
        "states": states.words,
        "instances": instances,
        "best": None if best is None else best.id,
        "path": path,
    }


def _part(ids: Sequence[int], kept: set[int]) -> list[int]:
    """Return all of the ids, in the order of which they ended; of more than DRAWN the kept, the last, and every k-th.

    k is a power of two, so that a page that grows keeps what it has drawn for long.
    """
    stride = 1
    while len(ids) > DRAWN * stride:
        stride *= 2
    chosen = {*kept, *ids[-LATEST:], *ids[::stride]}
    return [id for id in ids if stride == 1 or id in chosen]


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


def program_texts(store: Store, program: Program, whole: bool) -> dict[str, Any]:
    """Return what is read of one program. whole: with prompt, answer and the figures of every instance."""
    facts: dict[str, Any] = {
        "id": program.id,
        "source": visible(program.source),
        "failure": visible(program.failure)[:2000],
        "metrics": {one_line(name): value for name, value in program.metrics.items()},
    }
    selection = store.selection(program.id) if program.id > 0 else None
    if selection is not None and selection.inspirations:
        facts["inspirations"] = list(selection.inspirations)
    if not whole:
        return facts
    call = store.model_call(program.id)
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


def text_chunks(store: Store, ids: Sequence[int], whole: set[int]) -> tuple[list[str], dict[int, int]]:
    """Return the texts of programs in packed chunks, and the chunk of each: base64 of deflated JSON.

    Programs lie beside their parents, so that a chunk holds much of the same.
    """
    programs = {program.id: program for program in store.programs_among(ids)}
    chunks: list[str] = []
    where: dict[int, int] = {}
    order = by_branches(programs)
    for first in range(0, len(order), CHUNK):
        ids = order[first : first + CHUNK]
        texts = [program_texts(store, programs[id], id in whole) for id in ids]
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
