"""Instances from a person's files: whatever lies at the path, reading it ends, and ends in instances or in one line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Instance

MOST_FILES = 20_000
MOST_BYTES = 4_000_000_000


def load_instances(evaluator: Evaluator, path: Path) -> Sequence[Instance]:
    """Read instances in a problem's public file format.

    Raises UsageError, before anything is opened, for what is no file (a pipe or a device is read for ever) and for
    more than a machine holds; and for what the problem's own reader finds wrong.
    """
    _require_files(path)
    try:
        return evaluator.load(path)
    except RecursionError:
        raise UsageError(f"{evaluator.name}: {path} is nested too deeply to be read.") from None
    except MemoryError:
        raise UsageError(f"{evaluator.name}: {path} does not fit into memory.") from None
    except OSError as error:
        raise UsageError(f"{evaluator.name}: {error.filename or path} cannot be read: {error.strerror}.") from None


def _require_files(path: Path) -> None:
    total = 0
    for number, file in enumerate(_files(path)):
        try:
            found = file.stat()
        except FileNotFoundError:
            if file.is_symlink():
                raise UsageError(f"{file} is a link to nothing.") from None
            return  # of a path that is not there the problem says best what it should be
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{file} is no file, nor a link to one: take it away, or give another path with --data.")
        total += found.st_size
        if number >= MOST_FILES or total > MOST_BYTES:
            raise UsageError(
                f"--data {path} holds more than {MOST_FILES} files or {MOST_BYTES / 1e9:g} GB: "
                "give what belongs to the problem only."
            )


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        for name in names:
            yield Path(folder, name)
