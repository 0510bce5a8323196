"""Block traces in the format of the MSR Cambridge traces (SNIA), a request a line.

`Timestamp,Hostname,Disk,Type,Offset,Size,ResponseTime`: units of 100 ns, names, a number, Read or Write, bytes, bytes,
and what is not used here; no heading. Where Hostname is a configuration (performance, cost, three, four), Disk is the
percentage of pages that the fastest device holds, as `evolve data` writes it; else it is `performance` with 10 %.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from evaluators.hybrid_storage.devices import PAGE_BYTES, Request
from evaluators.hybrid_storage.traces import Trace
from evaluators.hybrid_storage.workload import CONFIGS, DEVICES, shares_of
from evolve.evaluator import Instance, UsageError

COLUMNS = ("Timestamp", "Hostname", "Disk", "Type", "Offset", "Size", "ResponseTime")
MOST_REQUESTS = 200_000
MOST_PAGES = 4096
"""Of one request."""
LEAST_REQUESTS = 2


def read_traces(path: Path) -> Sequence[Trace]:
    """Read a *.csv file, or all of a folder in the order of their names. Raises UsageError: file, line and column."""
    files = [path] if path.is_file() else sorted(path.glob("*.csv"))
    if not files:
        what = "has no *.csv" if path.is_dir() else "does not exist"
        raise UsageError(f"hybrid_storage: {path} {what}; give a trace as {','.join(COLUMNS)}, or a folder of them.")
    found = []
    for file in files:
        try:
            with file.open(newline="", encoding="utf-8") as text:
                found.append(_trace(f"data/{file.stem}", csv.reader(text)))
        except UnicodeDecodeError:
            raise UsageError(f"hybrid_storage: {file}: is no text.") from None
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(f"hybrid_storage: {file}: {error}.") from None
    return found


def _trace(name: str, rows: Iterable[list[str]]) -> Trace:
    requests: list[Request] = []
    config, fast_pct, first = "performance", 10, 0
    for number, row in enumerate(rows, 1):
        if not row:
            continue
        if len(row) != len(COLUMNS):
            raise ValueError(f"line {number}: has {len(row)} values, expected {len(COLUMNS)}: {','.join(COLUMNS)}")
        if len(requests) == MOST_REQUESTS:
            raise ValueError(f"has more than {MOST_REQUESTS} requests")
        stamp = _whole(row, 0, number, 0, 10**18)
        offset, size = _whole(row, 4, number, 0, 10**15), _whole(row, 5, number, 1, MOST_PAGES * PAGE_BYTES)
        if row[3] not in ("Read", "Write"):
            raise ValueError(f"line {number}: Type is {row[3]!r:.40}; expected Read or Write")
        if not requests:
            first = stamp
            if row[1] in CONFIGS:
                config, fast_pct = row[1], _whole(row, 2, number, 1, 90)
        time = (stamp - first) // 10
        if requests and time < requests[-1].t_us:
            raise ValueError(f"line {number}: Timestamp is before that of the line above; expected the order of time")
        page = offset // PAGE_BYTES
        pages = (offset + size - 1) // PAGE_BYTES - page + 1
        requests.append(Request(time, page, pages, row[3] == "Write"))
    if len(requests) < LEAST_REQUESTS:
        raise ValueError(f"has {len(requests)} requests; expected {LEAST_REQUESTS} or more")
    kept = tuple(requests)
    devices = DEVICES[config]  # type: ignore[index]
    return Trace(name, lambda: kept, devices, shares_of(config, fast_pct), generated=False)  # type: ignore[arg-type]


def _whole(row: list[str], column: int, line: int, least: int, most: int) -> int:
    word = row[column]
    if not re.fullmatch(r"\d{1,19}", word, re.ASCII) or not least <= int(word) <= most:
        raise ValueError(
            f"line {line}: {COLUMNS[column]} is {word!r:.40}; expected a whole number from {least} to {most}"
        )
    return int(word)


def write_traces(instances: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a file for each trace."""
    files = []
    for number, one in enumerate(instances):
        assert isinstance(one, Trace)
        config = next(name for name in CONFIGS if DEVICES[name] == one.devices)
        start = one.requests[0].t_us
        files.append(folder / f"{number:04d}_{one.id.replace('/', '_')}.csv")
        with files[-1].open("w", newline="", encoding="ascii") as text:
            writer = csv.writer(text, lineterminator="\n")
            for t_us, page, pages, write in one.requests:
                kind = "Write" if write else "Read"
                facts = (10 * (t_us - start), config, round(100 * one.shares[0]), kind)
                writer.writerow([*facts, page * PAGE_BYTES, pages * PAGE_BYTES, 0])
    return files
