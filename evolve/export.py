"""Writing the instances of a problem as files in its public format: all of them, or nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Instance, Split
from evolve.foreign import folder_of, reason
from evolve.registry import Problem


@dataclass(frozen=True)
class Written:
    """What lies in the folder now. bytes: size of all files together."""

    evaluator: str
    split: Split
    instances: int
    folder: Path
    files: tuple[Path, ...]
    bytes: int


def export(problem: Problem, split: Split, folder: Path) -> Written:
    """Write the instances of a split into a folder that is new or empty.

    Raises UsageError when the problem has no such split or no file format, or the folder cannot be written; the folder
    is then as it was before.
    """
    instances = problem.instances(split)
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file: give a folder that is new or empty with --out.")
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty: give a folder that is new or empty with --out.")
        files = _write(problem.evaluator, instances, folder)
        size = sum(file.stat().st_size for file in files)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}. Give another folder with --out.") from None
    return Written(problem.evaluator.name, split, len(instances), folder, files, size)


def _write(evaluator: Evaluator, instances: Sequence[Instance], folder: Path) -> tuple[Path, ...]:
    # Staged beside what will be there and inside the folder: it may be a mount point, which cannot be renamed over.
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
            staged = Path(name)
            try:
                files = evaluator.write(instances, staged)
            except UsageError as error:  # of the folder that a person gave, not of ours
                raise UsageError(str(error).replace(str(staged), str(folder))) from None
            except OSError:
                raise
            except Exception as error:  # foreign code: whatever it raises is its author's message
                raise UsageError(f"{evaluator.name}: write(...) fails: {reason(error, folder_of(evaluator))}") from None
            for entry in list(staged.iterdir()):
                entry.rename(folder / entry.name)
    except BaseException:
        for path in missing:  # the innermost first
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        raise
    return tuple(folder / file.relative_to(staged) for file in files)
