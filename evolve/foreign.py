"""Code of a problem run in this process: it is foreign, and must not take the process, its output or folder along.

Whatever judges a program (`evaluate`, `summarise`) runs in workers. What the driver runs itself is only what makes the
problem known, before a run begins: the import of evaluator.py, the constructor, and `instances` once for each split
(`Problem.instances`); for `--fresh`, `--data` and `evolve data` also `fresh`, `load` and `write`, and a `remark`. To
have a worker do this too would cost every command a process that imports the same code, half a second with numpy, and
an attribute of the class (name, splits, limits, options and their help, language) would have to cross a wire.

So it stays, and is guarded: what it raises, also SystemExit and other BaseExceptions, is a UsageError that names the
evaluator, in one line, exit code 2; what it returns is checked; what it prints goes to stderr, also from processes that
it starts; the working folder is put back; what does not end within a minute or two is ended. Not guarded is code that
ends the process at once (`os._exit`, a crash of a library): nothing is lost, since no run has begun or is under way.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Instance, Split

ONE_LINE = 300
"""Characters: an exception's text may quote an answer."""
DEADLINE_S = 120.0
"""Of an import, a constructor and `instances`, which are to be cheap: what takes so long loops for ever."""


@contextlib.contextmanager
def foreign(name: str) -> Iterator[None]:
    """Run code of a problem in this process: what it prints goes to stderr, named; it leaves the working folder.

    Whoever writes JSON to stdout must be able to rely on that nobody else does.
    """
    folder = Path.cwd()
    try:
        with _stdout_is_stderr(), contextlib.redirect_stdout(NamedLines(name)):
            yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(folder)


@contextlib.contextmanager
def blamed(
    name: str, what: str, folder: Path | None = None, *, advice: str = "", is_cheap: bool = True
) -> Iterator[None]:
    """Run code of a problem as `foreign` does. Raises UsageError "what: why", one line, for all that it does wrong.

    what: did not work, with the problem's name.  folder: of the code, to say which line it was.  advice: the end.
    is_cheap: it is ended after DEADLINE_S.
    A UsageError that the code raises itself stays as it is, and so does Ctrl-C.
    """
    try:
        with foreign(name), _deadline() if is_cheap else contextlib.nullcontext():
            yield
    except (UsageError, KeyboardInterrupt):
        raise
    except _Late:
        raise UsageError(f"{what}: it did not end within {DEADLINE_S:g} s{advice}") from None
    except BaseException as error:  # foreign code: whatever it raises is its author's message
        raise UsageError(f"{what}: {reason(error, folder)}{advice}") from None


class _Late(BaseException):
    """Code of a problem did not end in time. No Exception, which that code may catch."""


@contextlib.contextmanager
def _deadline() -> Iterator[None]:
    """Raise _Late in what takes too long: in the main thread only, where Python runs what a signal asks for."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def raise_late(number: int, frame: object) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, raise_late)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _stdout_is_stderr() -> Iterator[None]:
    """Let the descriptor of stdout lead to stderr: a library or a child process writes to it past `sys.stdout`."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    except (OSError, ValueError):  # one of them is closed
        yield
        return
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


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
    with blamed(name, f"{name}: {call} fails", folder_of(evaluator)):
        given = evaluator.instances(split)
        if isinstance(given, str | bytes) or not isinstance(given, Sequence):
            raise UsageError(f"{name}: {call} must return a list of Instance, it returned a {type(given).__name__}.")
        found = list(given)
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


def refuse_split(evaluator: Evaluator, split: Split) -> NoReturn:
    """Raise UsageError: the problem has no such split, in its own words, which say best what to do, or in ours."""
    name = evaluator.name
    try:
        with foreign(name), _deadline():
            evaluator.instances(split)
    except (UsageError, KeyboardInterrupt):
        raise
    except BaseException:  # foreign code that knows of no such split: how it fails says nothing
        pass
    reads = type(evaluator).load is not Evaluator.load
    hint = f" --data PATH reads others: `evolve list {name}` says of which format." if reads else ""
    raise UsageError(f"{name} has no {split} split. It has: {', '.join(evaluator.splits)}.{hint}")


def remark_of(evaluator: Evaluator, split: Split) -> str:
    """Return what an evaluator remarks on a split, or nothing. Raises UsageError for whatever it does otherwise."""
    name, call = evaluator.name, f"remark(Split.{split.name})"
    with blamed(name, f"{name}: {call} fails"):
        said = evaluator.remark(split)
    if not isinstance(said, str):
        raise UsageError(f"{name}: {call} must return text, it returned a {type(said).__name__}.")
    return said


def kinds_of(evaluator: Evaluator, instances: Sequence[Instance]) -> dict[str, str]:
    """Return id -> kind of those instances that have one, empty where all are of the same.

    Raises UsageError for whatever an evaluator does otherwise.
    """
    name, found = evaluator.name, {}
    with blamed(name, f"{name}: kind_of(instance) fails", folder_of(evaluator)):
        for instance in instances:
            found[instance.id] = kind = evaluator.kind_of(instance)
            if not isinstance(kind, str):
                raise UsageError(f"{name}: kind_of(instance) must return text, it returned a {type(kind).__name__}.")
    return {id: kind for id, kind in found.items() if kind} if len(set(found.values())) > 1 else {}


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
