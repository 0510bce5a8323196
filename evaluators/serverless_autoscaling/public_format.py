"""Days in the format of the AzureFunctionsDataset2019, invocations per minute.

A *.csv with the columns HashOwner, HashApp, HashFunction, Trigger and 1, 2, 3, ..., the minutes of the day: calls. Ours
also have AverageDurationMs, MemoryMb and ColdStartMs, which the published files have not: where they are missing, the
duration is 700 ms (the published median), and memory and cold start are drawn, the same for the same HashFunction.
Functions are taken in the order of their lines, 200 an instance; triggers are not shown to programs.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.serverless_autoscaling.functions import Calls, Day
from evaluators.serverless_autoscaling.workload import PART, shown
from evolve.evaluator import Instance, UsageError

NAMES = ("HashOwner", "HashApp", "HashFunction", "Trigger")
FACTS = {"AverageDurationMs": (1, 10**7), "MemoryMb": (1, 10**6), "ColdStartMs": (1, 10**6)}
"""Columns of ours, and what they may be."""
MEDIAN_DURATION_MS = 700
MOST_CALLS = 10**7
MOST_MINUTES = 20_000
MOST_BYTES = 1 << 30


def read_days(path: Path) -> Sequence[Day]:
    """Read a file, or all *.csv of a folder in the order of their names. Raises UsageError: file, line and column."""
    files = [path] if path.is_file() else sorted(path.glob("*.csv"))
    if not files:
        what = "has no *.csv" if path.is_dir() else "does not exist"
        raise UsageError(
            f"serverless_autoscaling: {path} {what}; give invocations per minute as {','.join(NAMES)},1,2,3,..., "
            "or a folder of such files."
        )
    found = []
    for file in files:
        try:
            if file.stat().st_size > MOST_BYTES:
                raise ValueError(f"is larger than {MOST_BYTES} bytes")
            with file.open(newline="", encoding="utf-8") as text:
                parts = _parts(csv.reader(text))
        except UnicodeDecodeError:
            raise UsageError(f"serverless_autoscaling: {file}: is no text.") from None
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(f"serverless_autoscaling: {file}: {error}.") from None
        for k, day in enumerate(parts):
            name = f"data/{file.stem}" + (f"-{k}" if len(parts) > 1 else "")
            found.append(Day(name, partial(_given, day), generated=False))
    return found


def _given(day: Calls) -> Calls:
    return day


def _parts(rows: Iterable[list[str]]) -> list[Calls]:
    rows = iter(rows)
    heading = next(rows, [])
    places = {name: k for k, name in enumerate(heading)}
    for name in ("HashFunction", "1"):
        if name not in places:
            raise ValueError(f"line 1: no column {name!r}; expected {','.join(NAMES)},1,2,3,...")
    minutes = 0
    while str(minutes + 1) in places:
        minutes += 1
    if minutes > MOST_MINUTES:
        raise ValueError(f"line 1: {minutes} minutes; {MOST_MINUTES} may be given")
    columns = [places[str(minute + 1)] for minute in range(minutes)]
    calls, facts = [], []
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(heading):
            raise ValueError(f"line {number}: has {len(row)} values, the heading has {len(heading)}")
        calls.append([_whole(row[k], number, heading[k], 0, MOST_CALLS) for k in columns])
        memory, cold = shown(stream(f"serverless_autoscaling/data/{row[places['HashFunction']]}"), 1)
        known = {"AverageDurationMs": MEDIAN_DURATION_MS, "MemoryMb": int(memory[0]), "ColdStartMs": int(cold[0])}
        for name, (least, most) in FACTS.items():
            if name in places:
                known[name] = _whole(row[places[name]], number, name, least, most)
        facts.append(list(known.values()))
    if not calls:
        raise ValueError("has no functions")
    return [
        Calls(np.array(calls[k : k + PART]).T.copy(), *np.array(facts[k : k + PART]).T.copy())
        for k in range(0, len(calls), PART)
    ]


def _whole(word: str, line: int, column: str, least: int, most: int) -> int:
    if not re.fullmatch(r"\d{1,12}", word, re.ASCII) or not least <= int(word) <= most:
        raise ValueError(
            f"line {line}: column {column} is {word!r:.40}; expected a whole number from {least} to {most}"
        )
    return int(word)


def write_days(instances: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a file for each day."""
    files = []
    for number, one in enumerate(instances):
        assert isinstance(one, Day)
        day = one.functions
        files.append(folder / f"{number:04d}_{one.id.replace('/', '_')}.csv")
        with files[-1].open("w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow([*NAMES, *FACTS, *range(1, len(day.calls) + 1)])
            for k in range(day.calls.shape[1]):
                facts = [int(column[k]) for column in (day.duration_ms, day.mem_mb, day.cold_start_ms)]
                writer.writerow(["owner", "app", f"function{k}", "others", *facts, *day.calls[:, k].tolist()])
    return files
