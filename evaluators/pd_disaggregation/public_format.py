"""Windows of request traces: those of Azure's bundled two, and of a user's files; and whole cases, in our own format.

Public: Azure's conversation and code traces of the same hour (they begin 68 s apart), served together by 4 A100
machines at the times that they have, in four windows of 600 s. A user's trace (Azure LLM, BurstGPT: CSV; Mooncake,
Qwen-Bailian: JSON lines) is cut into windows of 4,000 requests whose clocks run so fast that their work takes `load` of
the fleet's time. Phases, which the reference alone knows, are tenths of a window. Our own format has a line for the
fleet and one per request.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.pd_disaggregation.fleet import (
    A100,
    CHAT,
    CODE,
    KV_CAPACITY_TOKENS,
    SCENARIOS,
    Arrivals,
    Case,
    Failure,
    Fleet,
    Given,
)
from evaluators.pd_disaggregation.work import needs
from evaluators.serving import MEASURED
from evaluators.serving.requests import Requests
from evaluators.serving.trace_format import read_requests
from evaluators.serving.traces import azure_trace
from evolve.evaluator import UsageError

PUBLIC_S = 600
PUBLIC_WINDOWS = (0, 1, 3, 5)
PUBLIC_FLEET = Fleet((A100,) * 4)
WINDOW = 4000
PHASES = 10


@dataclass(frozen=True)
class TraceWindow:
    """A window of the two bundled traces."""

    number: int

    def arrivals(self) -> Arrivals:
        """Return its requests."""
        both = _both_traces()
        start_us = self.number * PUBLIC_S * 1_000_000
        part = (both.arrival_us >= start_us) & (both.arrival_us < start_us + PUBLIC_S * 1_000_000)
        columns = (both.input_tokens, both.output_tokens, both.scenario)
        return Arrivals(both.arrival_us[part] - start_us, *(column[part] for column in columns))


@functools.cache
def _both_traces() -> Arrivals:
    traces = [azure_trace("conv"), azure_trace("code")]
    columns = np.concatenate(
        [
            np.stack([t.arrival_us, t.input_tokens, t.output_tokens, np.full(len(t), scenario)])
            for t, scenario in zip(traces, (CHAT, CODE), strict=True)
        ],
        axis=1,
    )
    return Arrivals(*columns[:, np.argsort(columns[0], kind="stable")].astype(np.int64))


def public_cases() -> list[Case]:
    """Return four windows of Azure's traces."""
    starts = tuple(range(0, PUBLIC_S, PUBLIC_S // PHASES))
    return [
        Case(f"public/{index}", PUBLIC_FLEET, TraceWindow(number), starts, generated=False)
        for index, number in enumerate(PUBLIC_WINDOWS)
    ]


def read_cases(path: Path, instances: int, load: float, switch_s: float) -> list[Case]:
    """Read one file, or every *.jsonl and *.csv of a folder. Raises UsageError that names file, line and key."""
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".jsonl", ".csv"))
        if not files:
            raise UsageError(
                f"pd_disaggregation: folder {path} holds no *.jsonl (ours, Mooncake, Qwen-Bailian) or *.csv (Azure "
                "LLM, BurstGPT) trace."
            )
    fleet = Fleet((A100,) * instances, switch_s=switch_s)
    cases: list[Case] = []
    for file in files:
        own = _read_own(file)
        if own is not None:
            cases.append(own)
            continue
        requests = read_requests(file, "pd_disaggregation", KV_CAPACITY_TOKENS - 1)
        cases += [
            _window(requests, number, fleet, load, f"data/{file.name}/{number}")
            for number in range(max(1, round(len(requests) / WINDOW)))
        ]
    return cases


def _window(requests: Requests, number: int, fleet: Fleet, load: float, name: str) -> Case:
    part = slice(number * WINDOW, (number + 1) * WINDOW)
    inputs, outputs = requests.input_tokens[part], requests.output_tokens[part]
    arrival_us = requests.arrival_us[part] - requests.arrival_us[part][0]
    arrivals = Arrivals(arrival_us, inputs, outputs, np.zeros(len(inputs), dtype=np.int64))
    wanted_us = len(inputs) * sum(needs(MEASURED[A100], arrivals)) / (load * fleet.instances) * 1e6
    if arrival_us[-1]:
        arrival_us = np.round(arrival_us * (wanted_us / float(arrival_us[-1]))).astype(np.int64)
    span_s = int(arrival_us[-1]) / 1e6
    starts = sorted({round(span_s * place / PHASES) for place in range(PHASES)})
    given = Given(Arrivals(arrival_us, inputs, outputs, arrivals.scenario))
    return Case(name, fleet, given, tuple(starts), generated=False)


def write_cases(cases: Sequence[Case], folder: Path) -> list[Path]:
    """Write each case in our own format. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, case in enumerate(cases):
        file = folder / f"{number:03d}-{case.id.replace('/', '-')}.jsonl"
        fleet, arrivals = case.fleet, case.arrivals
        head = {
            "machines": list(fleet.machines),
            "link_bytes_per_s": fleet.link_bytes_per_s,
            "overlap": fleet.overlap,
            "switch_s": fleet.switch_s,
            "kv_capacity_tokens": fleet.kv_capacity_tokens,
            "failures": [[one.instance, one.at_s, one.repair_s] for one in fleet.failures],
            "phases_s": list(case.phases_s),
        }
        columns = (arrivals.arrival_us, arrivals.input_tokens, arrivals.output_tokens, arrivals.scenario)
        with file.open("w", encoding="utf-8") as lines:
            lines.write(json.dumps(head) + "\n")
            for us, prompt, answer, scenario in zip(*(column.tolist() for column in columns), strict=True):
                row = {"arrival_us": us, "input_tokens": prompt, "output_tokens": answer}
                lines.write(json.dumps(row | {"scenario": SCENARIOS[scenario]}) + "\n")
        files.append(file)
    return files


def _read_own(file: Path) -> Case | None:
    """Read a case in our own format; None where the file is in another."""
    if file.suffix != ".jsonl" or not file.is_file():
        return None
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
        head = json.loads(lines[0]) if lines else None
    except (ValueError, OSError, RecursionError):
        return None  # whoever reads the other formats says what is wrong
    if not (isinstance(head, dict) and "machines" in head):
        return None
    where = f"pd_disaggregation: {file}"
    fleet, phases = _fleet(head, f"{where}: line 1")
    rows = [_row(line, f"{where}: line {number}", fleet) for number, line in enumerate(lines[1:], 2)]
    if not rows:
        raise UsageError(f"{where} holds no requests.")
    for number, (before, after) in enumerate(itertools.pairwise(rows), 3):
        if after[0] < before[0]:
            raise UsageError(f"{where}: line {number}: comes before the request above; sort by arrival_us.")
    return Case(f"data/{file.name}", fleet, Given(Arrivals(*np.array(rows, dtype=np.int64).T)), phases, generated=False)


def _fleet(head: dict[str, Any], at: str) -> tuple[Fleet, tuple[int, ...]]:
    machines = head["machines"]
    if not isinstance(machines, list) or len(machines) < 2 or any(type(name) is not str for name in machines):
        raise UsageError(f"{at}: key 'machines' is no list of two or more names.")
    for name in machines:
        if name not in MEASURED:
            raise UsageError(f"{at}: no machine {name!r:.40}; there are {', '.join(sorted(MEASURED))}.")
    if type(head.get("overlap")) is not bool:
        raise UsageError(f"{at}: key 'overlap' is {head.get('overlap')!r:.40}; expected true or false.")
    switch_s = head.get("switch_s")
    if type(switch_s) not in (int, float) or not 0 <= switch_s <= 3600:
        raise UsageError(f"{at}: key 'switch_s' is {switch_s!r:.40}; expected seconds, 0 to 3600.")
    failures = head.get("failures")
    if not isinstance(failures, list) or any(
        not isinstance(row, list)
        or len(row) != 3
        or any(type(x) is not int for x in row)
        or not (0 <= row[0] < len(machines) and row[1] >= 1 and row[2] >= 1 and row[1] + row[2] < 10**6)
        for row in failures
    ):
        raise UsageError(f"{at}: key 'failures' is {failures!r:.60}; expected rows of [instance, at_s, repair_s].")
    if len({row[0] for row in failures}) < len(failures):
        raise UsageError(f"{at}: key 'failures' names an instance twice; each fails once at most.")
    phases = head.get("phases_s")
    if (
        not isinstance(phases, list)
        or any(type(x) is not int or not 0 <= x < 10**6 for x in phases)
        or phases[:1] != [0]
        or sorted(set(phases)) != phases
    ):
        raise UsageError(f"{at}: key 'phases_s' is {phases!r:.60}; expected rising whole seconds from 0.")
    fleet = Fleet(
        tuple(machines),
        _whole(head, "link_bytes_per_s", 1_000_000, at),
        head["overlap"],
        float(switch_s),
        _whole(head, "kv_capacity_tokens", 2, at),
        tuple(Failure(*row) for row in failures),
    )
    return fleet, tuple(phases)


def _row(line: str, at: str, fleet: Fleet) -> tuple[int, int, int, int]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{at}: not JSON; expected one object per line.") from None
    if not isinstance(row, dict):
        raise UsageError(f"{at}: not an object.")
    us, prompt, answer = (
        _whole(row, key, least, at) for key, least in (("arrival_us", 0), ("input_tokens", 1), ("output_tokens", 1))
    )
    if prompt + answer >= fleet.kv_capacity_tokens:
        raise UsageError(f"{at}: {prompt} + {answer} tokens; the KV room is {fleet.kv_capacity_tokens}.")
    if row.get("scenario") not in SCENARIOS:
        raise UsageError(
            f"{at}: key 'scenario' is {row.get('scenario')!r:.40}; expected any of {', '.join(SCENARIOS)}."
        )
    return us, prompt, answer, SCENARIOS.index(row["scenario"])


def _whole(row: dict[str, Any], key: str, least: int, at: str) -> int:
    value = row.get(key)
    if type(value) is not int or not least <= value < 2**40:
        raise UsageError(f"{at}: key {key!r} is {value!r:.40}; expected a whole number, {least} or more.")
    return value
