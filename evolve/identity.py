"""What a run's figures depend on besides its configuration: the problem's code and texts, and versions.

A run keeps the identity of its problem; whoever continues it, replays it or checks its figures compares.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from evolve import __version__
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.foreign import remark_of
from evolve.registry import DISCOVERIES, Problem

BASELINE = "baseline "
"""Before a baseline's name in an identity."""
PICTURE = "picture.py"
"""A module of a problem's folder that draws what a program did: no figure depends on it."""
_SHOWN = ("evolve", "python", "numpy", "language", "options")
"""What is shown itself where it differs; of the others there is a hash only."""
_WORDS = {
    "evaluator": "the evaluator's code or data",
    "statement": "problem.md",
    "seed": "the seed",
    "options": "the evaluator's options",
}


def identity(problem: Problem) -> dict[str, str]:
    """Return versions (of Python and numpy major and minor), language, options, what scores are, and hashes.

    The hash of the evaluator is over every file of its folder, and over what those import of the same package.
    """
    python = platform.python_version_tuple()
    return {
        "evolve": __version__,
        "python": ".".join(python[:2]),
        "numpy": ".".join(np.__version__.split(".")[:2]),
        "language": problem.language.name,
        "evaluator": _hash_of_files(problem),
        "statement": _hash(problem.statement.encode()),
        "seed": _hash(problem.seed.encode()),
        "options": json.dumps(problem.evaluator.options.model_dump(mode="json"), sort_keys=True),
        **({"score_means": problem.evaluator.score_means} if problem.evaluator.score_means else {}),
        **({"remark": remark} if (remark := remark_of(problem.evaluator, Split.TRAIN)) else {}),
        **{f"{BASELINE}{name}": _hash(source.encode()) for name, source in problem.baselines.items()},
    }


def differences(recorded: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return what differs, each in a few words; nothing where nothing is recorded. A new baseline is no difference."""
    found = []
    for key, value in recorded.items():
        if key not in now:
            found.append(f"{key} is gone")
        elif now[key] != value:
            words = _WORDS.get(key, key)
            shown = key in _SHOWN
            found.append(f"{words} {value} -> {now[key]}" if shown else f"{words} changed")
    return found


def require_same(recorded: Mapping[str, str], problem: Problem, accept_changes: bool, command: str) -> list[str]:
    """Return what differs between a run's identity and that of the problem now, when the person accepts it.

    command: what the person typed, to be typed again.  Raises UsageError when something differs and is not accepted.
    """
    found = differences(recorded, identity(problem))
    if found and not accept_changes:
        raise UsageError(
            f"the run was made with another problem or version: {'; '.join(found)}. Its figures and new ones do not "
            f"compare. To go on all the same: {command} --accept-changes. To begin anew: evolve run {problem.ref}"
        )
    return found


def _hash(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:32]


def _hash_of_files(problem: Problem) -> str:
    named = sorted((path.relative_to(root).as_posix(), path) for path, root in _files(problem))
    return _hash(*(part for name, path in named for part in (name.encode(), path.read_bytes())))


def _files(problem: Problem) -> Iterator[tuple[Path, Path]]:
    """Yield (file, folder that its name is relative to) of all that the evaluator's figures may depend on."""
    package = type(problem.evaluator).__module__.partition(".")[0]
    waiting, seen = [problem.folder], set()
    while waiting:
        folder = waiting.pop()
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            if path in seen or not path.is_file() or not _counts(path, folder, problem):
                continue
            seen.add(path)
            # Not the folder's own name: a problem that was moved is the same one.
            yield path, path.parent if path == folder else folder if folder == problem.folder else folder.parent
            if path.suffix == ".py":
                waiting += _imported(path, package)


def _counts(path: Path, walked: Path, problem: Problem) -> bool:
    """Whether figures may depend on a file. walked: the folder that it was found in, or the file itself."""
    if any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(walked).parts):
        return False
    parts = path.relative_to(problem.folder).parts if path.is_relative_to(problem.folder) else path.parts[-1:]
    return parts[0] not in ("baselines", "prompts", DISCOVERIES) and parts not in (
        (PICTURE,),
        ("problem.md",),
        (f"seed{problem.language.suffix}",),
    )


def _imported(path: Path, package: str) -> Iterator[Path]:
    """Yield the files, or for a package the folders, of the same package that a file imports by their whole name."""
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            found = _spec_origin(name) if name.startswith(f"{package}.") else None
            if found is not None:
                yield found.parent if found.name == "__init__.py" else found


def _spec_origin(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.has_location else None
