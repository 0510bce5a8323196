"""Tasks of other tools, found by the files in their folder: OpenEvolve's, SkyDiscover's and ShinkaEvolve's."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from evolve.errors import UsageError, pick
from evolve.mutate.language import LANGUAGES, TEXT, Language

DEFAULT_TIMEOUT_S = 300.0
DEFAULT_THRESHOLDS = {"openevolve": (0.5, 0.75, 0.9), "skydiscover": (0.3, 0.6)}
"""What the stages of a tool must reach where its config.yaml does not say."""
USED = frozenset(
    """max_iterations random_seed language file_suffix
    llm.api_base llm.primary_model llm.models llm.temperature llm.max_tokens llm.timeout
    prompt.system_message evaluator.timeout evaluator.cascade_evaluation evaluator.cascade_thresholds
    evaluator.parallel_evaluations""".split()
)
"""Keys of a config.yaml that have an effect here."""


class Format(StrEnum):
    """Whose task it is."""

    OPENEVOLVE = "openevolve"
    SKYDISCOVER = "skydiscover"
    SHINKA = "shinka"


@dataclass(frozen=True)
class Task:
    """A task of another tool.

    Attributes:
        kind: how `runner.py` evaluates: "function", "results" or "shell".
        program: the file that is evolved; its text is the seed. Where there is none, a model writes the first program.
        thresholds: what each stage must reach; empty: no stages.
        settings: config.yaml, as it lies there.
    """

    format: Format
    folder: Path
    kind: str
    evaluator: Path
    program: Path
    thresholds: tuple[float, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The folder's name, as a problem's name may be."""
        name = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in self.folder.name)
        return name if name[:1].isalpha() else f"task_{name}"

    @property
    def language(self) -> Language:
        """What the program is written in, by the end of its file's name; text where nothing more is known."""
        return next((one for one in LANGUAGES.values() if one.suffix == self.program.suffix), TEXT)

    @property
    def timeout_s(self) -> float:
        """Wall seconds of one evaluation."""
        return float(_at(self.settings, "evaluator.timeout") or DEFAULT_TIMEOUT_S)

    @property
    def unused(self) -> list[str]:
        """Keys of config.yaml that have no effect here."""
        return [key for key in _leaves(self.settings) if key not in USED]

    @property
    def statement(self) -> str:
        """What a model reads."""
        told = str(_at(self.settings, "prompt.system_message") or "").strip()
        if not self.program.is_file():
            return (
                f"# {self.name}\n\n{told}\n\nThe task's own evaluator runs the program as a whole file, "
                f"`{self.program.name}`, and says what it is worth. The higher, the better.\n"
            )
        return (
            f"# {self.name}\n\n{told}\n\nWhat is changed is the file `{self.program.name}`; the task's own evaluator "
            "runs it as a whole file and says what it is worth. The higher, the better.\n"
        )


def find_task(folder: Path, wanted: str = "") -> Task | None:
    """Return the task in a folder; None for what is none of another tool's.

    wanted: its format, where a person says it. Raises UsageError when the folder is no such task.
    """
    for format_ in [pick("format", wanted, {one.value: one for one in Format})] if wanted else list(Format):
        evaluator = _evaluator(folder, format_)
        stem = "initial" if format_ is Format.SHINKA else "initial_program"
        programs = sorted(file for file in folder.glob(f"{stem}.*") if file.is_file())
        if evaluator is not None and programs:
            if len(programs) > 1:
                raise UsageError(f"{folder} has {len(programs)} files {stem}.*: a task has one program to evolve.")
            return _task(format_, folder, evaluator, programs[0])
        if evaluator is not None and format_ is Format.SKYDISCOVER:
            return _without_program(folder, evaluator)
        if evaluator is not None and wanted:
            raise UsageError(f"{folder} has no {stem}.*: write the program that the search starts from.")
    if wanted:
        raise UsageError(f"{folder} is no task of {wanted}: it has no evaluator of that format.")
    return None


def _without_program(folder: Path, evaluator: Path) -> Task:
    """Return a task whose first program a model writes, from what config.yaml says. Raises UsageError without that."""
    task = _task(Format.SKYDISCOVER, folder, evaluator, folder / "initial_program")
    if not str(_at(task.settings, "prompt.system_message") or "").strip():
        raise UsageError(
            f"{folder} has an evaluator, but no initial_program.* to start from, and no prompt.system_message in "
            "config.yaml that says what a model is to write: give one of them."
        )
    suffix = str(task.settings.get("file_suffix") or "")
    if suffix and not re.fullmatch(r"\.\w{1,20}", suffix):
        raise UsageError(f"{folder}/config.yaml: file_suffix {suffix!r:.40} is none, such as '.py'.")
    language = LANGUAGES.get(str(task.settings.get("language") or "python").lower(), TEXT)
    return replace(task, program=folder / f"initial_program{suffix or language.suffix}")


def _evaluator(folder: Path, format_: Format) -> Path | None:
    if format_ is Format.SHINKA:
        file = folder / "evaluate.py"
        return file if file.is_file() else None
    own = folder / "evaluator.py"
    nested = [folder / place for place in ("evaluator/evaluator.py", "evaluator/evaluate.sh", "evaluate.sh")]
    for file in [own] if format_ is Format.OPENEVOLVE else [*nested, own]:
        if file.is_file() and (file != own or _defines_evaluate(file)):
            return file
    return None


def _defines_evaluate(file: Path) -> bool:
    """Whether a file is an evaluator of theirs and not of ours; it is read, not run."""
    try:
        body = ast.parse(file.read_text(encoding="utf-8-sig")).body
    except (OSError, SyntaxError, ValueError):
        return False
    if any(isinstance(node, ast.ImportFrom) and node.module == "evolve.evaluator" for node in body):
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name.startswith("evaluate") for node in body)


def _task(format_: Format, folder: Path, evaluator: Path, program: Path) -> Task:
    kind = "results" if format_ is Format.SHINKA else "shell" if evaluator.suffix == ".sh" else "function"
    settings = _settings(folder)
    stages = kind == "function" and _at(settings, "evaluator.cascade_evaluation") is not False
    given = _at(settings, "evaluator.cascade_thresholds")
    thresholds = tuple(float(x) for x in given) if isinstance(given, list) else DEFAULT_THRESHOLDS.get(format_, ())
    return Task(format_, folder, kind, evaluator, program, thresholds if stages else (), settings)


def _settings(folder: Path) -> Mapping[str, Any]:
    import yaml

    file = folder / "config.yaml"
    if not file.is_file():
        return {}
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{file} cannot be read: {' '.join(str(error).split())[:200]}.") from None
    if found is not None and not isinstance(found, dict):
        raise UsageError(f"{file} is no mapping of keys to values.")
    return found or {}


def _at(settings: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key; None where it is not there."""
    found: Any = settings
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _leaves(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, value in settings.items():
        keys += _leaves(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [f"{prefix}{name}"]
    return keys


def configuration(task: Task) -> dict[str, Any]:
    """Return what a task's config.yaml sets of ours, as nested keys: a base that the user's own settings change."""
    settings = task.settings
    models = [
        str(one["name"]) for one in _at(settings, "llm.models") or [] if isinstance(one, Mapping) and "name" in one
    ]
    primary = _at(settings, "llm.primary_model")
    model = {
        "names": models or ([str(primary)] if primary else None),
        "base_url": _at(settings, "llm.api_base"),
        "temperature": _at(settings, "llm.temperature"),
        "max_tokens": _at(settings, "llm.max_tokens"),
        "timeout_s": _at(settings, "llm.timeout"),
    }
    found = {
        "budget": {"evaluations": settings.get("max_iterations")},
        "model": model if model["names"] else {},
        "seed": settings.get("random_seed"),
        "workers": _at(settings, "evaluator.parallel_evaluations"),
    }
    return {
        key: {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
        for key, value in found.items()
        if value not in (None, {})
    }
