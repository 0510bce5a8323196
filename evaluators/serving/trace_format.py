"""Read request traces in four public formats, and write the first.

Mooncake: a JSON object per line with `timestamp` (ms), `input_length`, `output_length`, `hash_ids` (one per block of
512 tokens). Azure LLM inference: CSV with `TIMESTAMP` (2023-11-16 18:15:46.6805900), `ContextTokens`,
`GeneratedTokens`. BurstGPT: CSV with `Timestamp` (s), `Request tokens`, `Response tokens`; failed requests have 0
tokens of response and are left out. Qwen-Bailian: JSON lines with `chat_id`, `timestamp` (s), `input_length`,
`output_length`; its blocks are of another size than ours, so that every block counts as new.
"""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.serving.requests import Requests, blocks_of
from evaluators.serving.traces import unshared
from evolve.evaluator import UsageError

AZURE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
BURST_COLUMNS = ("Timestamp", "Request tokens", "Response tokens")
MOST = 2**31
"""Times in seconds, lengths and hash ids beyond are no real ones."""


def read_requests(file: Path, who: str, most_tokens: int) -> Requests:
    """Read a trace: `*.jsonl` in Mooncake's or Qwen-Bailian's format, `*.csv` in Azure's or BurstGPT's.

    who: the problem's name, for messages.  most_tokens: what prompt and answer may have together.
    Raises UsageError that names file, line and key.
    """
    if not file.is_file():
        raise UsageError(f"{who}: {file} does not exist; give a *.jsonl (Mooncake) or *.csv (Azure LLM) trace.")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{who}: {file} cannot be read ({error}).") from None
    if file.suffix == ".csv":
        requests = _azure(text, f"{who}: {file}", most_tokens)
    elif file.suffix == ".jsonl":
        requests = _mooncake(text, f"{who}: {file}", most_tokens)
    else:
        raise UsageError(f"{who}: {file} is neither *.jsonl (Mooncake) nor *.csv (Azure LLM).")
    if not len(requests):
        raise UsageError(f"{who}: {file} holds no requests.")
    return requests


def write_mooncake(requests: Requests, file: Path) -> None:
    """Write a trace in Mooncake's format; times are rounded down to ms, blocks numbered as they first come."""
    names: dict[int, int] = {}
    with file.open("w", encoding="utf-8") as lines:
        for us, prompt, answer, blocks in zip(
            requests.arrival_us.tolist(),
            requests.input_tokens.tolist(),
            requests.output_tokens.tolist(),
            requests.blocks,
            strict=True,
        ):
            ids = [names.setdefault(block, len(names)) for block in blocks]
            row = {"timestamp": us // 1000, "input_length": prompt, "output_length": answer, "hash_ids": ids}
            lines.write(json.dumps(row) + "\n")


def _mooncake(text: str, where: str, most_tokens: int) -> Requests:
    rows: list[tuple[int, int, int]] = []
    blocks: list[tuple[int, ...]] = []
    bailian = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        at = f"{where}: line {number}"
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise UsageError(f"{at}: not JSON; expected one object per line.") from None
        if not isinstance(row, dict):
            raise UsageError(f"{at}: not an object with 'timestamp', 'input_length', 'output_length', 'hash_ids'.")
        bailian = bailian or (not rows and "chat_id" in row)
        if bailian:
            prompt, answer = (_whole(row, key, at) for key in ("input_length", "output_length"))
            us = _seconds_as_us(row.get("timestamp"), at)
            _check(rows, us, prompt, answer, most_tokens, at)
            rows.append((us, prompt, answer))
            continue
        ms, prompt, answer = (_whole(row, key, at) for key in ("timestamp", "input_length", "output_length"))
        _check(rows, ms * 1000, prompt, answer, most_tokens, at)
        ids = row.get("hash_ids")
        if not isinstance(ids, list) or any(type(i) is not int or not 0 <= i < MOST for i in ids):
            raise UsageError(f"{at}: key 'hash_ids' is no list of whole numbers >= 0.")
        if len(ids) != blocks_of(prompt):
            raise UsageError(
                f"{at}: key 'hash_ids' has {len(ids)} ids; a prompt of {prompt} tokens has {blocks_of(prompt)} blocks "
                "of 512 tokens."
            )
        if len(set(ids)) < len(ids):
            raise UsageError(f"{at}: key 'hash_ids' names a block twice; an id stands for a block and all before it.")
        rows.append((ms * 1000, prompt, answer))
        blocks.append(tuple(ids))
    arrival_us, inputs, answers = _columns(rows)
    if bailian:
        return unshared(arrival_us, inputs, answers)
    return Requests(arrival_us, inputs, answers, tuple(blocks))


def _azure(text: str, where: str, most_tokens: int) -> Requests:
    lines = csv.reader(text.splitlines())
    header = next(lines, [])
    if all(name in header for name in BURST_COLUMNS):
        return _burst(lines, header, where, most_tokens)
    missing = [name for name in AZURE_COLUMNS if name not in header]
    if missing:
        raise UsageError(f"{where}: line 1: no column '{missing[0]}'; expected {','.join(AZURE_COLUMNS)}.")
    rows: list[tuple[int, int, int]] = []
    for number, row in _csv_rows(lines, where):
        if not row:
            continue
        at = f"{where}: line {number}"
        facts: dict[str, Any] = dict(zip(header, row, strict=False))
        for key in AZURE_COLUMNS[1:]:
            try:
                facts[key] = int(facts[key])
            except (ValueError, KeyError):
                raise UsageError(f"{at}: {key} is {facts.get(key)!r:.40}; expected a whole number of tokens.") from None
        try:
            us = _microseconds(facts["TIMESTAMP"])
        except (ValueError, OverflowError):
            raise UsageError(
                f"{at}: TIMESTAMP is {facts['TIMESTAMP']!r:.40}; expected a time like 2023-11-16 18:15:46.6805900."
            ) from None
        _check(rows, us, facts["ContextTokens"], facts["GeneratedTokens"], most_tokens, at)
        rows.append((us, facts["ContextTokens"], facts["GeneratedTokens"]))
    return unshared(*_columns(rows))


def _burst(lines: Any, header: list[str], where: str, most_tokens: int) -> Requests:
    rows: list[tuple[int, int, int]] = []
    for number, row in _csv_rows(lines, where):
        if not row:
            continue
        at = f"{where}: line {number}"
        facts = dict(zip(header, row, strict=False))
        try:
            prompt, answer = (int(float(facts[key])) for key in BURST_COLUMNS[1:])
        except (ValueError, KeyError, OverflowError):
            raise UsageError(f"{at}: no numbers of tokens in {BURST_COLUMNS[1]!r} and {BURST_COLUMNS[2]!r}.") from None
        if not answer:
            continue
        us = _seconds_as_us(facts.get(BURST_COLUMNS[0]), at)
        _check(rows, us, prompt, answer, most_tokens, at)
        rows.append((us, prompt, answer))
    return unshared(*_columns(rows))


def _seconds_as_us(value: Any, at: str) -> int:
    try:
        seconds = float(value)
        if isinstance(value, bool) or not 0 <= seconds < MOST:
            raise ValueError(value)
    except (TypeError, ValueError):
        raise UsageError(f"{at}: the time stamp is {value!r:.40}; expected seconds, 0 or more.") from None
    return round(seconds * 1_000_000)


def _csv_rows(lines: Any, where: str) -> Iterator[tuple[int, list[str]]]:
    number = 1
    try:
        for row in lines:
            number = lines.line_num
            yield number, row
    except csv.Error as error:
        raise UsageError(f"{where}: line {number + 1}: not CSV ({error}).") from None


def _microseconds(text: str) -> int:
    """Return a time stamp in µs since 1970; digits beyond µs are dropped."""
    seconds, _, fraction = text.partition(".")
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise ValueError(text)
    parsed = datetime.datetime.strptime(seconds, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.UTC)
    return int(parsed.timestamp()) * 1_000_000 + int((fraction + "000000")[:6])


def _whole(row: dict[str, Any], key: str, at: str) -> int:
    value = row.get(key)
    if type(value) is not int or not 0 <= value < MOST:
        raise UsageError(f"{at}: key '{key}' is {value!r:.40}; expected a whole number >= 0.")
    return value


def _check(rows: list[tuple[int, int, int]], us: int, prompt: int, answer: int, most_tokens: int, at: str) -> None:
    if rows and us < rows[-1][0]:
        raise UsageError(f"{at}: comes {(rows[-1][0] - us) / 1e6:g} s before the request above; sort by time.")
    if prompt < 1 or answer < 1:
        raise UsageError(f"{at}: {prompt} prompt and {answer} answer tokens; expected at least one of each.")
    if prompt + answer > most_tokens:
        raise UsageError(f"{at}: {prompt} + {answer} tokens; no machine has KV room for more than {most_tokens}.")


def _columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the columns, times from the first request on."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0] - (table[0, 0] if len(table) else 0), table[:, 1], table[:, 2]
