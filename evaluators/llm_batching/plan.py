"""Reads a plan, which may be anything, and says what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.llm_batching.calls import MAX_BATCH
from evaluators.serving import PlannedEngine
from evolve.evaluator import Infeasible

PARTS = ("prefill", "preempt", "resume", "pause", "pin")
LONGEST_PIN_S = 3600.0


@dataclass(frozen=True)
class Plan:
    """What to do until the next decision.

    prefill: (request, tokens).  recompute, swap: requests that lose their KV, or whose KV goes to the host's memory.
    resume: requests whose KV comes back.  pause: requests that do not decode.  pin: (program, s).
    """

    prefill: list[tuple[int, int]]
    recompute: list[int]
    swap: list[int]
    resume: list[int]
    pause: list[int]
    pin: list[tuple[int, float]]


def read_plan(answer: Any, engine: PlannedEngine, programs: Container[int]) -> Plan:
    """Return the plan in an answer. programs: those that may be pinned. Raises Infeasible that names the item."""
    if type(answer) is not dict:
        raise Infeasible(f"the plan is {_said(answer)}, expected a dict with any of {', '.join(PARTS)}")
    for key in answer:
        if key not in PARTS:
            raise Infeasible(f"the plan has a part {_said(key)}, expected any of {', '.join(PARTS)}")
    recompute, swap = _preempted(_rows(answer, "preempt"), engine)
    gone = {*recompute, *swap}
    resume = _ids(_rows(answer, "resume"), "resume")
    free = engine.kv_capacity_tokens - engine.kv_used + sum(int(engine.kv[request]) for request in recompute)
    for request in resume:
        if request not in engine.swapped:
            raise Infeasible(f"resume: request {request} is {_where(request, engine)}, expected one of `swapped`")
        free -= int(engine.kv[request])
        if free < 0:
            raise Infeasible(
                f"resume: request {request} needs room for {engine.kv[request]} tokens, {-free} more than are free"
            )
    pause = _ids(_rows(answer, "pause"), "pause")
    for request in pause:
        if request not in engine.running or request in gone:
            raise Infeasible(f"pause: request {request} is {_where(request, engine, gone)}, expected a running one")
    prefill = _prefill(_rows(answer, "prefill"), engine, gone)
    return Plan(prefill, recompute, swap, resume, pause, _pins(_rows(answer, "pin"), programs))


def _prefill(rows: list[Any], engine: PlannedEngine, gone: set[int]) -> list[tuple[int, int]]:
    chunks: dict[int, int] = {}
    batch = len(engine.running) - len(gone) + len(engine.coming)
    for row in rows:
        request, tokens = _pair(row, "prefill", "[request id, tokens]")
        _whole(request, "prefill", "a request id")
        _whole(tokens, "prefill", f"tokens of request {request}")
        waits = request in engine.waiting
        if not waits and (request not in engine.running or request in gone):
            raise Infeasible(
                f"prefill: request {request} is {_where(request, engine, gone)}, expected a waiting or running one"
            )
        left = int(engine.left[request])
        if not 1 <= tokens <= left:
            raise Infeasible(
                f"prefill: {tokens} tokens of request {request}, which has {left} left; expected 1..{left}"
            )
        if request in chunks:
            raise Infeasible(f"prefill: request {request} is there twice, with {chunks[request]} and {tokens} tokens")
        chunks[request] = tokens
        batch += waits
        if waits and batch > MAX_BATCH:
            raise Infeasible(f"prefill: request {request} would be number {batch} that runs; max_batch is {MAX_BATCH}")
    return list(chunks.items())


def _preempted(rows: list[Any], engine: PlannedEngine) -> tuple[list[int], list[int]]:
    found: dict[str, list[int]] = {"recompute": [], "swap": []}
    seen: set[int] = set()
    for row in rows:
        request, how = _pair(row, "preempt", '[request id, "recompute" or "swap"]')
        _whole(request, "preempt", "a request id")
        if type(how) is not str or how not in found:
            raise Infeasible(f'preempt: request {request} by {_said(how)}, expected "recompute" or "swap"')
        if request not in engine.running or request in seen:
            raise Infeasible(f"preempt: request {request} is {_where(request, engine, seen)}, expected a running one")
        seen.add(request)
        found[how].append(request)
    return found["recompute"], found["swap"]


def _pins(rows: list[Any], programs: Container[int]) -> list[tuple[int, float]]:
    pins = []
    for row in rows:
        program, ttl_s = _pair(row, "pin", "[program id, seconds]")
        _whole(program, "pin", "a program id")
        if program not in programs:
            raise Infeasible(f"pin: program {program} is none that has begun and is not complete")
        if type(ttl_s) not in (int, float) or not (math.isfinite(ttl_s) and 0 <= ttl_s <= LONGEST_PIN_S):
            raise Infeasible(f"pin: program {program} for {_said(ttl_s)} s, expected 0 to {LONGEST_PIN_S:g}")
        pins.append((program, float(ttl_s)))
    return pins


def _rows(answer: dict[str, Any], part: str) -> list[Any]:
    rows = answer.get(part, [])
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "iu":
        rows = rows.tolist()
    if not isinstance(rows, list):
        raise Infeasible(f"{part} is {_said(rows)}, expected a list")
    return rows


def _pair(row: Any, part: str, form: str) -> tuple[Any, Any]:
    if not isinstance(row, list) or len(row) != 2:
        raise Infeasible(f"{part} holds {_said(row)}, expected {form}")
    return row[0], row[1]


def _ids(rows: list[Any], part: str) -> list[int]:
    for request in rows:
        _whole(request, part, "a request id")
    if len(set(rows)) < len(rows):
        twice = next(request for request in rows if rows.count(request) > 1)
        raise Infeasible(f"{part}: request {twice} is there twice")
    return rows


def _whole(value: Any, part: str, what: str) -> None:
    if type(value) is not int:
        raise Infeasible(f"{part}: {_said(value)} for {what}, expected a whole number (int)")


def _where(request: int, engine: PlannedEngine, gone: Container[int] = ()) -> str:
    if request in gone:
        return "preempted by this plan"
    for name in ("waiting", "running", "swapped", "leaving", "coming"):
        if request in getattr(engine, name):
            return name
    return "complete" if 0 <= request < engine.came else "unknown"


def _said(value: Any) -> str:
    if isinstance(value, int | float | str | bool) or value is None:
        return f"{value!r:.40}"
    return f"a {type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else type(value).__name__
