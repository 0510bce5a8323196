"""Buffers in MiniMalloc's format, and the eleven sets that come with it.

A file `NAME.CAPACITY.csv`: the heading `id,lower,upper,size`, then a buffer a line; it is there in [lower, upper), and
CAPACITY, which may be left out, is the memory that all are to fit into. Ids are names and mean nothing.
"""

from __future__ import annotations

import functools
import re
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from evaluators.memory_mapping.buffers import Buffers, BuffersInstance
from evolve.evaluator import Instance, UsageError

DATA = Path(__file__).parent / "data" / "challenging.tar.xz"
HEADING = "id,lower,upper,size"
MOST_BUFFERS = 50_000
MOST_NUMBER = 10**12
MOST_BYTES = 20_000_000


@functools.cache
def public_buffers() -> tuple[BuffersInstance, ...]:
    """Return the sets A to K."""
    found = []
    with tarfile.open(DATA) as archive:
        for member in archive:
            opened = archive.extractfile(member)
            assert opened is not None
            name, capacity = named(member.name)
            found.append(_instance(f"public/{name}", parsed(opened.read().decode("ascii")), capacity))
    return tuple(found)


def _instance(name: str, buffers: Buffers, capacity: int) -> BuffersInstance:
    return BuffersInstance(name, lambda: buffers, capacity, generated=False)


def named(name: str) -> tuple[str, int]:
    """Return what a file name says: the name of the set, and its capacity, bytes, 0 where it has none."""
    match = re.fullmatch(r"(.+?)(?:\.(\d{1,15}))?\.csv", name, re.ASCII)
    return (match[1], int(match[2] or 0)) if match else (name, 0)


def read_buffers(path: Path) -> Sequence[BuffersInstance]:
    """Read a *.csv file, or all of a folder in the order of their names. Raises UsageError: file and line."""
    files = [path] if path.is_file() else sorted(path.glob("*.csv"))
    if not files:
        what = "has no *.csv" if path.is_dir() else "does not exist"
        raise UsageError(f"memory_mapping: {path} {what}; give buffers as '{HEADING}', or a folder of such files.")
    found = []
    for file in files:
        name, capacity = named(file.name)
        try:
            if file.stat().st_size > MOST_BYTES:
                raise ValueError(f"is larger than {MOST_BYTES} bytes")
            found.append(_instance(f"data/{name}", parsed(file.read_text(encoding="utf-8")), capacity))
        except UnicodeDecodeError:
            raise UsageError(f"memory_mapping: {file}: is no text.") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"memory_mapping: {file}: {error}.") from None
    return found


def parsed(text: str) -> Buffers:
    """Return the buffers of a text. Raises ValueError that names the line and the column."""
    lines = text.splitlines()
    columns = lines[0].strip().split(",") if lines else []
    wanted = HEADING.split(",")
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise ValueError(f"line 1: no column {missing[0]!r}; expected the heading '{HEADING}'")
    if len(lines) - 1 > MOST_BUFFERS:
        raise ValueError(f"has {len(lines) - 1} buffers; {MOST_BUFFERS} may be given")
    places = [columns.index(name) for name in wanted[1:]]
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        words = line.strip().split(",")
        if len(words) != len(columns):
            raise ValueError(f"line {number}: has {len(words)} values, the heading has {len(columns)}")
        for name, place in zip(wanted[1:], places, strict=True):
            if not re.fullmatch(r"\d{1,13}", words[place], re.ASCII) or int(words[place]) > MOST_NUMBER:
                raise ValueError(
                    f"line {number}: {name} is {words[place]!r:.40}; expected a whole number from 0 to {MOST_NUMBER}"
                )
        lower, upper, size = (int(words[place]) for place in places)
        if not lower < upper:
            raise ValueError(f"line {number}: lower is {lower} and upper {upper}; expected lower < upper")
        if not size:
            raise ValueError(f"line {number}: size is 0; expected 1 or more")
        rows.append((lower, upper, size))
    if not rows:
        raise ValueError("has no buffers")
    return Buffers(*(list(column) for column in zip(*rows, strict=True)))


def write_buffers(instances: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a file for each instance. Raises UsageError for a program, which the format has no place for."""
    files = []
    for number, one in enumerate(instances):
        if not isinstance(one, BuffersInstance):
            raise UsageError("memory_mapping: MiniMalloc's format holds buffers alone; leave kind placement out.")
        capacity = f".{one.capacity}" if one.capacity else ""
        files.append(folder / f"{number:04d}_{one.id.replace('/', '_')}{capacity}.csv")
        files[-1].write_text(written(one.buffers), encoding="ascii")
    return files


def written(buffers: Buffers) -> str:
    """Return buffers as a text; `parsed` gives the same ones back."""
    rows = zip(buffers.lower, buffers.upper, buffers.size, strict=True)
    return HEADING + "\n" + "".join(f"{k},{lower},{upper},{size}\n" for k, (lower, upper, size) in enumerate(rows))
