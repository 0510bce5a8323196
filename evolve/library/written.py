"""Problems that exist only in a script or a notebook, written into their run's folder: workers are other processes."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dill  # type: ignore[import-untyped]

from evolve.errors import UsageError

PATHS = "paths.json"


def by_value(thing: Any) -> bytes:
    """Return a pickle: what a script or a notebook defines goes by value, what modules define by name.

    Raises UsageError for what cannot be pickled.
    """
    pickled = io.BytesIO()
    try:
        dill.dump(thing, pickled, recurse=True)
    except Exception as error:  # whatever the foreign objects raise
        raise UsageError(f"this cannot be sent to workers: {type(error).__name__}: {error}") from None
    return pickled.getvalue()


def read(folder: Path, file: str) -> Any:
    """Return what was pickled into a problem's folder. It is code: only of a run of one's own.

    Modules are found where they were when it was written, after those of this process.
    """
    known = json.loads((folder / PATHS).read_text(encoding="utf-8"))
    sys.path += [path for path in known if path not in sys.path]
    return dill.loads((folder / file).read_bytes())


@contextlib.contextmanager
def problem_in(place: Path, files: Mapping[str, str | bytes]) -> Iterator[Path]:
    """Write a problem's files into `place / "problem"`, and take them away again when no run came of it.

    place: the folder of a run to be. Gives the problem's folder. Raises UsageError where there is one already.
    """
    problem = place / "problem"
    if problem.exists():
        raise UsageError(f"{place} holds a run: give another folder.")
    there = place.exists()
    paths = [path for path in dict.fromkeys([str(Path.cwd()), *sys.path]) if path and Path(path).is_dir()]
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place, prefix=".writing-") as staged:
            for file, content in {**files, PATHS: json.dumps(paths)}.items():
                data = content.encode() if isinstance(content, str) else content
                (Path(staged) / file).write_bytes(data)
            shutil.copytree(staged, problem)
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror}. Give another folder.") from None
    try:
        yield problem
    finally:
        if not (place / "archive.db").exists():
            shutil.rmtree(problem if there else place, ignore_errors=True)
