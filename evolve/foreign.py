"""Code of a problem run in this process: it is foreign, and must not take the process, its output or folder along."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Instance, Split

ONE_LINE = 300
"""Characters: an exception's text may quote an answer."""


@contextlib.contextmanager
def foreign(name: str) -> Iterator[None]:
    """Run code of a problem in this process: what it prints goes to stderr, named; it leaves the working folder.

    Whoever writes JSON to stdout must be able to rely on that nobody else does.
    """
    folder = Path.cwd()
    try:
        with contextlib.redirect_stdout(NamedLines(name)):
            yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(folder)


class NamedLines(io.TextIOBase):
    """Writes whole lines to stderr, with a name before each."""

    def __init__(self, name: str) -> None:
        self._name, self._begun = name, ""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write the lines that are whole; the rest waits for its end."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            sys.stderr.write(f"{self._name}: {line}\n")
        return len(text)

    def flush(self) -> None:
        """Nothing waits here but a line without its end."""
        sys.stderr.flush()


def instances_of(evaluator: Evaluator, split: Split) -> Sequence[Instance]:
    """Return the instances of a split. Raises UsageError, one line, for whatever the problem returns otherwise."""
    name, call = evaluator.name, f"instances(Split.{split.name})"
    try:
        with foreign(name):
            found = evaluator.instances(split)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # foreign code: whatever it raises is its author's message
        raise UsageError(f"{name}: {call} fails: {reason(error, folder_of(evaluator))}") from None
    if isinstance(found, str | bytes) or not isinstance(found, Sequence):
        raise UsageError(f"{name}: {call} must return a list of Instance, it returned a {type(found).__name__}.")
    if not found:
        raise UsageError(f"{name}: {call} returned no instance: {split} has no instance.")
    ids = [instance.id if isinstance(instance, Instance) else None for instance in found]
    for instance, id_ in zip(found, ids, strict=True):
        if not isinstance(id_, str) or not id_:
            raise UsageError(f"{name}: {call} holds {instance!r:.60}, expected an Instance with an id of text.")
    if len(set(ids)) < len(ids):
        twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise UsageError(f"{name}: {call} has two instances of the id {twice!r}.")
    return found


def folder_of(evaluator: Evaluator) -> Path:
    """Return the folder that the code of an evaluator lies in."""
    return Path(inspect.getfile(type(evaluator))).parent


def reason(error: BaseException, folder: Path | None = None) -> str:
    """Return an exception of foreign code in one line, with the last of its folder's lines that was running."""
    if isinstance(error, SyntaxError):
        file = Path(error.filename).name if error.filename else "?"
        return f"SyntaxError: {error.msg} ({file}, line {error.lineno})"
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:ONE_LINE]}".removesuffix(": ")
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if folder and Path(f.filename).is_relative_to(folder)
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if folder and missing and (folder / f"{missing}.py").is_file():
        return f"{text}{place}. Write: from . import {missing}"
    return text + place
