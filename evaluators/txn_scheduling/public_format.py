"""Workloads in the public form: a JSON object {"txn0": "w-17 r-5 * ...", "txn1": ...}.

A transaction is its tokens, one per tick: `w-KEY` writes, `r-KEY` reads, `*` computes. KEY is a whole number.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from evaluators.txn_scheduling.mechanics import Op, Transaction
from evaluators.txn_scheduling.workload import Workload
from evolve.evaluator import Instance, UsageError

PUBLIC = Path(__file__).parent / "data"

TOKEN = re.compile(r"([rw])-(\d{1,15})", re.ASCII)
NAME = re.compile(r"txn(0|[1-9]\d{0,6})", re.ASCII)
FILLER = "*"


@functools.cache
def public_workloads() -> tuple[Workload, ...]:
    """Return the three workloads of the public benchmark."""
    return tuple(read_workloads(PUBLIC, "public"))


def read_workloads(path: Path, prefix: str) -> list[Workload]:
    """Read one file, or every *.json of a folder in the order of their names; a file's id is `prefix/name`.

    Raises UsageError that names the file and the line or key that is wrong.
    """
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise UsageError(f"txn_scheduling: no *.json in folder {path}; expected files of transactions.")
    elif path.is_file():
        files = [path]
    else:
        raise UsageError(
            f"txn_scheduling: {path} does not exist; give a JSON file of transactions or a folder of them."
        )
    return [Workload(f"{prefix}/{file.stem}", read=_read(file)) for file in files]


def transaction(text: str) -> Transaction:
    """Read one transaction. Raises ValueError that names the token."""
    tokens = text.split()
    if not tokens:
        raise ValueError("has no token; expected w-KEY, r-KEY or *, one per tick")
    ops: list[Op] = []
    for position, token in enumerate(tokens, 1):
        if token == FILLER:
            continue
        found = TOKEN.fullmatch(token)
        if found is None:
            raise ValueError(f"token {position} is '{token[:40]}'; expected w-KEY, r-KEY (KEY a whole number) or *")
        ops.append((found[1], int(found[2]), position))
    return Transaction(len(tokens), tuple(ops))


def write_workloads(workloads: Iterable[Instance], folder: Path) -> list[Path]:
    """Write one file per workload, so that `read_workloads` of the folder gives the same ones in the same order."""
    files = []
    for workload in workloads:
        assert isinstance(workload, Workload)
        prefix, _, name = workload.id.partition("/")
        file = folder / f"{prefix}-{name:0>3}.json"
        file.write_text(written(workload.transactions) + "\n", encoding="utf-8")
        files.append(file)
    return files


def written(transactions: Sequence[Transaction]) -> str:
    """Return transactions as the text of a public file; reading it gives the same transactions back."""
    lines = {}
    for number, one in enumerate(transactions):
        tokens = [FILLER] * one.length
        for kind, key, position in one.ops:
            tokens[position - 1] = f"{kind}-{key}"
        lines[f"txn{number}"] = " ".join(tokens)
    return json.dumps(lines, indent=0)


def _read(file: Path) -> tuple[Transaction, ...]:
    def wrong(what: str) -> UsageError:
        return UsageError(f"txn_scheduling: {file}: {what}")

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        for name, value in found:
            if name in keys:
                raise wrong(f"key {name!r:.60} is there twice.")
            keys[name] = value
        return keys

    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise wrong(f"line {error.lineno}: not JSON ({error.msg}).") from None
    except (UnicodeDecodeError, OSError, RecursionError, ValueError) as error:
        raise wrong(f"cannot be read ({error}).") from None
    if not isinstance(content, dict) or not content:
        raise wrong('expected an object of transactions, {"txn0": "w-17 r-5 *", ...}.')
    for name in content:
        if not NAME.fullmatch(name):
            raise wrong(f"key '{name[:40]}' is no transaction; expected txn0, txn1, ...")
    read = []
    for number in range(len(content)):
        name = f"txn{number}"
        if name not in content:
            raise wrong(f"key '{name}' is missing; {len(content)} transactions are txn0 to txn{len(content) - 1}.")
        if not isinstance(content[name], str):
            raise wrong(f"key '{name}' is {content[name]!r:.40}; expected a string of tokens.")
        try:
            read.append(transaction(content[name]))
        except ValueError as error:
            raise wrong(f"key '{name}': {error}.") from None
    return tuple(read)
