"""Windows of request traces: those of Azure's bundled ones, and of a user's files; and whole cases, in our own format.

A trace (Azure LLM, BurstGPT: CSV; Mooncake, Qwen-Bailian: JSON lines) has arrivals and lengths. It is cut into windows
of 600 requests for the 8B model on an A100, whose clocks run so fast that requests come at `load` times the rate at
which the engine saturates; classes and the predictor's errors are drawn, once and for all. Our own format has a line
for the engine and one per call, with all that a case is made of.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from evaluators.llm_batching.calls import CLASS_NAMES, MACHINES, SLO_S, Calls, Case, Given, Machine
from evaluators.llm_batching.server import GUESSES
from evaluators.llm_batching.workload import saturated_per_s, single_calls
from evaluators.serving.requests import Requests
from evaluators.serving.trace_format import read_requests
from evaluators.serving.traces import azure_trace
from evolve.evaluator import UsageError

WINDOW = 600
MACHINE = MACHINES["8b-a100"]
LONGEST_TOKENS = MACHINE.kv_capacity_tokens // 2
PUBLIC = (("conv", 0), ("conv", 12), ("code", 0), ("code", 6))
"""Windows of the bundled traces that make up the public split."""


@dataclass(frozen=True)
class TraceWindow:
    """A window of a bundled trace."""

    trace: Literal["conv", "code"]
    number: int

    def calls(self) -> Calls:
        """Return the calls of the window."""
        return window_calls(azure_trace(self.trace), self.number, 1.0, f"azure_{self.trace}/{self.number}")


def public_cases() -> list[Case]:
    """Return four windows of Azure's traces, at the rate at which the engine saturates."""
    return [
        Case(f"public/{index}", MACHINE, TraceWindow(trace, number), _longest(azure_trace(trace)), generated=False)  # type: ignore[arg-type]
        for index, (trace, number) in enumerate(PUBLIC)
    ]


def window_calls(requests: Requests, number: int, load: float, name: str) -> Calls:
    """Return the calls of a window, its clock scaled so that the engine is loaded so much. name: for what is drawn."""
    part = slice(number * WINDOW, (number + 1) * WINDOW)
    prompts = np.minimum(requests.input_tokens[part], LONGEST_TOKENS - 1)
    answers = np.minimum(requests.output_tokens[part], LONGEST_TOKENS - prompts)
    arrival_us = requests.arrival_us[part] - requests.arrival_us[part][0]
    per_s = load * saturated_per_s(
        MACHINE.model_of_cost, MACHINE.kv_capacity_tokens, float(prompts.mean()), float(answers.mean())
    )
    wanted_us = len(prompts) / per_s * 1e6
    if arrival_us[-1]:
        arrival_us = np.round(arrival_us * (wanted_us / float(arrival_us[-1]))).astype(np.int64)
    return single_calls(arrival_us, prompts, answers, f"llm_batching/{name}")


def read_cases(path: Path, load: float) -> list[Case]:
    """Read one file, or every *.jsonl and *.csv of a folder. Raises UsageError that names file, line and key."""
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".jsonl", ".csv"))
        if not files:
            raise UsageError(
                f"llm_batching: folder {path} holds no *.jsonl (ours, Mooncake, Qwen-Bailian) or *.csv (Azure LLM, "
                "BurstGPT) trace."
            )
    cases = []
    for file in files:
        own = _read_own(file)
        if own is not None:
            cases.append(own)
            continue
        requests = read_requests(file, "llm_batching", MACHINE.kv_capacity_tokens)
        for number in range(max(1, round(len(requests) / WINDOW))):
            calls = window_calls(requests, number, load, f"{file.name}/{number}")
            cases.append(Case(f"data/{file.name}/{number}", MACHINE, Given(calls), _longest(requests), generated=False))
    return cases


def write_cases(cases: Sequence[Case], folder: Path) -> list[Path]:
    """Write each case in our own format. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, case in enumerate(cases):
        file = folder / f"{number:03d}-{case.id.replace('/', '-')}.jsonl"
        machine = case.machine
        head = {
            "engine": machine.cost,
            "model": machine.model,
            "kv_capacity_tokens": machine.kv_capacity_tokens,
            "max_answer_tokens": case.max_answer_tokens,
            "strict": case.strict,
        }
        with file.open("w", encoding="utf-8") as lines:
            lines.write(json.dumps(head) + "\n")
            for row in _rows(case.calls):
                lines.write(json.dumps(row) + "\n")
        files.append(file)
    return files


def _longest(requests: Requests) -> int:
    return min(int(requests.output_tokens.max()), LONGEST_TOKENS)


def _rows(calls: Calls) -> list[dict[str, Any]]:
    return [
        {
            "arrival_us": int(calls.arrival_us[call]),
            "input_tokens": int(calls.input_tokens[call]),
            "output_tokens": int(calls.output_tokens[call]),
            "class": CLASS_NAMES[int(calls.cls[call])],
            "program": int(calls.program[call]),
            "turn": int(calls.turn[call]),
            "after": list(calls.after[call]),
            "tool_us": int(calls.tool_us[call]),
            "extends": int(calls.extends[call]),
            "due_s": None if math.isinf(calls.due_s[call]) else float(calls.due_s[call]),
            "guesses": None if math.isnan(calls.guess[call, 0]) else [int(guess) for guess in calls.guess[call]],
        }
        for call in range(len(calls))
    ]


def _read_own(file: Path) -> Case | None:
    """Read a case in our own format; None where the file is in another."""
    if file.suffix != ".jsonl" or not file.is_file():
        return None
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
        head = json.loads(lines[0]) if lines else None
    except (ValueError, OSError, RecursionError):
        return None  # whoever reads the other formats says what is wrong
    if not (isinstance(head, dict) and "engine" in head):
        return None
    at = f"llm_batching: {file}: line 1"
    machine = next((m for m in MACHINES.values() if (m.cost, m.model) == (head["engine"], head.get("model"))), None)
    if machine is None:
        known = ", ".join(f"{m.cost} with {m.model}" for m in MACHINES.values())
        raise UsageError(f"{at}: no engine {head['engine']!r:.40} with {head.get('model')!r:.40}; there are {known}.")
    room = _whole(head, "kv_capacity_tokens", 2, at)
    machine = Machine(machine.cost, machine.model, room)
    longest = _whole(head, "max_answer_tokens", 1, at)
    if type(head.get("strict")) is not bool:
        raise UsageError(f"{at}: key 'strict' is {head.get('strict')!r:.40}; expected true or false.")
    rows = [
        _row(line, f"llm_batching: {file}: line {number}", number - 2, room) for number, line in enumerate(lines[1:], 2)
    ]
    if not rows:
        raise UsageError(f"llm_batching: {file} holds no calls.")
    calls = _calls(rows, file)
    return Case(f"data/{file.name}", machine, Given(calls), longest, head["strict"], generated=False)


def _row(line: str, at: str, number: int, room: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{at}: not JSON; expected one object per line.") from None
    if not isinstance(row, dict):
        raise UsageError(f"{at}: not an object.")
    for key, least in (
        *(("arrival_us", 0), ("input_tokens", 1), ("output_tokens", 1), ("turn", 0), ("tool_us", 0)),
        *(("program", -1), ("extends", -1)),
    ):
        _whole(row, key, least, at)
    if row["input_tokens"] + row["output_tokens"] > room:
        raise UsageError(f"{at}: {row['input_tokens']} + {row['output_tokens']} tokens; the KV room is {room}.")
    if row.get("class") not in CLASS_NAMES:
        raise UsageError(f"{at}: key 'class' is {row.get('class')!r:.40}; expected any of {', '.join(CLASS_NAMES)}.")
    after = row.get("after")
    if not isinstance(after, list) or any(type(call) is not int or not 0 <= call < number for call in after):
        raise UsageError(f"{at}: key 'after' is {after!r:.40}; expected calls before this one, 0 to {number - 1}.")
    if row["extends"] >= 0 and row["extends"] not in after:
        raise UsageError(f"{at}: key 'extends' is {row['extends']}; expected one of 'after', or -1.")
    if bool(after) and row["program"] < 0:
        raise UsageError(f"{at}: it comes after other calls and has no program; give its number, 0, 1, ...")
    due, guesses = row.get("due_s"), row.get("guesses")
    streams = CLASS_NAMES.index(row["class"]) in SLO_S
    if streams != (due is None) or not (due is None or (type(due) in (int, float) and 0 <= due < 1e9)):
        raise UsageError(f"{at}: key 'due_s' is {due!r:.40}; expected seconds, or null of a class that streams.")
    if guesses is not None and (
        not isinstance(guesses, list)
        or len(guesses) != GUESSES
        or any(type(guess) is not int or not 0 <= guess < 1e9 for guess in guesses)
    ):
        raise UsageError(f"{at}: key 'guesses' is {guesses!r:.40}; expected {GUESSES} whole numbers, or null.")
    return row


def _calls(rows: list[dict[str, Any]], file: Path) -> Calls:
    def column(key: str) -> np.ndarray:
        return np.array([row[key] for row in rows], dtype=np.int64)

    program = column("program")
    before: dict[int, int] = {}
    for number, row in enumerate(rows):
        at = f"llm_batching: {file}: line {number + 2}"
        name = row["program"]
        if name >= 0 and name not in before:
            if name != len(before) or row["after"]:
                raise UsageError(
                    f"{at}: program {name} begins here; programs are numbered in the order in which they begin, with a "
                    "call that comes after none."
                )
        elif name >= 0 and not row["after"]:
            raise UsageError(f"{at}: a second call of program {name} that comes after none; expected one.")
        if any(program[call] != name for call in row["after"]):
            raise UsageError(f"{at}: it comes after a call of another program than {name}.")
        if row["extends"] >= 0:
            known = rows[row["extends"]]
            least = known["input_tokens"] + known["output_tokens"]
            if row["input_tokens"] < least:
                raise UsageError(f"{at}: {row['input_tokens']} prompt tokens extend a call that has {least}.")
        if name >= 0:
            before[name] = number
    none = [None] * GUESSES
    return Calls(
        column("arrival_us"),
        column("input_tokens"),
        column("output_tokens"),
        np.array([CLASS_NAMES.index(row["class"]) for row in rows], dtype=np.int64),
        program,
        column("turn"),
        tuple(tuple(row["after"]) for row in rows),
        column("tool_us"),
        column("extends"),
        np.array([math.inf if row["due_s"] is None else row["due_s"] for row in rows]),
        np.array([row["guesses"] or none for row in rows], dtype=float),
    )


def _whole(row: dict[str, Any], key: str, least: int, at: str) -> int:
    value = row.get(key)
    if type(value) is not int or not least <= value < 2**40:
        raise UsageError(f"{at}: key {key!r} is {value!r:.40}; expected a whole number, {least} or more.")
    return value
