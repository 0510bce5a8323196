"""Finding a problem: by the name of an installed one, or by the path of its folder."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import tomli_w
from pydantic import ValidationError

from evolve import entry_points
from evolve.errors import UsageError, only_one, pick
from evolve.evaluator import Evaluator, Instance, Split
from evolve.foreign import blamed, instances_of, refuse_split
from evolve.mutate.language import LANGUAGES, Language
from evolve.peers import Task, configuration, evaluator_class, find_task

DISCOVERIES = "discoveries"
"""The folder of a problem with programs that runs have found (`evolve.discoveries`): no figure depends on it."""
DISCOVERED = "discovery "
"""What the name of a discovery begins with where it stands among the baselines."""
GROUP = "evolve.evaluators"
"""The entry points through which every installed problem, bundled or foreign, is found."""


@dataclass(frozen=True)
class Problem:
    """A problem, ready to be run.

    Attributes:
        ref: what `load_problem` finds it by in any process: an installed name, or its folder's absolute path.
        folder: where its files lie.
        statement: the text of problem.md, which the model reads.
        seed: source of the program that a run starts from; empty: a model writes the first one.
        baselines: name -> source, ordered by name.
    """

    ref: str
    evaluator: Evaluator
    folder: Path
    statement: str
    seed: str
    baselines: dict[str, str]
    _instances: dict[Split, Sequence[Instance]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def language(self) -> Language:
        """What its programs are written in."""
        return language_of(self.evaluator)

    @property
    def discoveries(self) -> dict[str, str]:
        """Programs that runs have found, name -> source, ordered by name. Raises UsageError for one that is none."""
        files = sorted((self.folder / DISCOVERIES).glob(f"*/program{self.language.suffix}"))
        return {file.parent.name: _program(file, self.evaluator, "a discovery") for file in files}

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the instances of a split, asked for once. Raises UsageError when the problem has no such split."""
        if split in self._instances:
            return self._instances[split]
        if split not in self.evaluator.splits:
            refuse_split(self.evaluator, split)
        self._instances[split] = instances_of(self.evaluator, split)
        return self._instances[split]


@dataclass(frozen=True)
class Listing:
    """One line of `evolve list`. error: why the problem cannot be used, empty when it can."""

    name: str
    summary: str
    error: str = ""


def as_baselines(discoveries: Mapping[str, str]) -> dict[str, str]:
    """Return discoveries, name -> source, under the names that they have among the baselines."""
    return {f"{DISCOVERED}{name}": source for name, source in discoveries.items()}


def load_problem(ref: str, options: Mapping[str, Any] = MappingProxyType({})) -> Problem:
    """Load the problem of an installed name, or else of a folder, with its evaluator under the given options.

    Raises UsageError, one line, for whatever is wrong with the name, the folder, a file in it or an option.
    """
    installed = _installed()
    if ref in installed:
        only_one("evaluator", ref, [point.value for point in entry_points.installed(GROUP) if point.name == ref])
        found, cls = ref, _installed_class(installed[ref])
        folder = Path(inspect.getfile(cls)).parent
    elif _looks_like_a_path(ref) or (ref and Path(ref).is_dir()):
        folder = Path(ref).expanduser().resolve()
        require_utf8(folder)
        task = None if (folder / "problem.md").is_file() else find_task(folder, str(options.get("format") or ""))
        if task is not None:
            return _of_another_tool(task, options)
        found, cls = str(folder), _class_in(folder)
    else:
        known = {name: name for name in installed}
        try:
            pick("evaluator", ref, known)
        except UsageError as error:
            raise UsageError(f"{error} A problem of your own is given by its folder, e.g. ./my_problem") from None
        raise AssertionError("an installed name is found above")
    evaluator = _with_options(cls, options)
    language = language_of(evaluator)
    return Problem(
        ref=found,
        evaluator=evaluator,
        folder=folder,
        statement=read_text(folder / "problem.md", "the statement that the model reads"),
        seed=_program(_seed_file(folder, evaluator), evaluator, "the program that a run starts from"),
        baselines={
            path.stem: _program(path, evaluator, "a baseline")
            for path in sorted(_baselines_folder(folder, evaluator).glob(f"*{language.suffix}"))
            if not path.name.startswith("_")
        },
    )


def _of_another_tool(task: Task, options: Mapping[str, Any]) -> Problem:
    """Return a task of another tool as a problem; nothing of it is imported here."""
    evaluator = _with_options(evaluator_class(task), options)
    seed = _program(task.program, evaluator, "the program that a run starts from") if task.program.is_file() else ""
    return Problem(str(task.folder), evaluator, task.folder, task.statement, seed, {})


def task_settings(ref: str | None) -> str:
    """Return as TOML what the config.yaml of another tool's task sets of ours; empty for anything else."""
    if not ref or not Path(ref).is_dir() or (Path(ref) / "problem.md").is_file():
        return ""
    task = find_task(Path(ref).resolve())
    return "" if task is None else tomli_w.dumps(configuration(task))


def load_recorded(ref: str, options: Mapping[str, Any], moved_to: str | None) -> Problem:
    """Return the problem of a recorded run, from where it is now. ref: where it was when the run began.

    Raises UsageError as `load_problem` does, and for a folder that has moved.
    """
    if moved_to is None and Path(ref).is_absolute() and not Path(ref).exists():
        raise UsageError(f"{ref}, the problem of the run, does not exist. If it has moved: --problem PATH")
    return load_problem(moved_to or ref, options)


def list_problems() -> list[Listing]:
    """Return every installed problem, ordered by name; one that does not load says why instead of a summary."""
    return [
        Listing(name, "", str(found)) if isinstance(found, UsageError) else Listing(name, found.evaluator.summary)
        for name, found in installed_problems()
    ]


def installed_problems() -> Iterator[tuple[str, Problem | UsageError]]:
    """Yield every installed problem by name, loaded once; in the place of one that does not load, why."""
    for name in sorted(_installed()):
        try:
            yield name, load_problem(name)
        except UsageError as error:
            yield name, error


def is_installed(ref: str) -> bool:
    """Return whether a problem is one that is installed, and not code in a folder that somebody names."""
    return ref in _installed()


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points.installed(GROUP)}


def require_utf8(path: Path) -> None:
    """Raises UsageError for a path that no text file or database can hold."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(f"{path}: the path is not UTF-8. Rename the folder, or use a link to it.") from None


def _looks_like_a_path(ref: str) -> bool:
    return ref.startswith((".", "~")) or os.sep in ref or bool(os.altsep and os.altsep in ref)


def _installed_class(point: EntryPoint) -> type[Evaluator]:
    advice = f". Try: {Path(sys.executable).name} -c 'import {point.module}'"
    with blamed(point.name, f"evaluator {point.name}: {point.value} does not load", advice=advice):
        cls = point.load()
    if not (isinstance(cls, type) and issubclass(cls, Evaluator)):
        raise UsageError(f"evaluator {point.name}: {point.value} is no subclass of evolve.evaluator.Evaluator.")
    return cls


def _class_in(folder: Path) -> type[Evaluator]:
    """Import a folder's evaluator.py and return its evaluator."""
    file = folder / "evaluator.py"
    if not folder.is_dir():
        what = "is a file: give the folder that it lies in" if folder.is_file() else "does not exist"
        raise UsageError(f"{folder} {what}. `evolve list` shows the installed evaluators.")
    if not file.is_file():
        raise UsageError(f"{folder} is no problem: it has no evaluator.py with one subclass of Evaluator.")
    module = _import_evaluator(folder, file)
    package = module.__name__.rpartition(".")[0]
    classes = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Evaluator) and value.__module__.startswith(f"{package}.")
    }
    whole = sorted((cls for cls in classes if not inspect.isabstract(cls)), key=lambda cls: cls.__name__)
    if len(whole) == 1:
        return whole[0]
    if whole:
        names = ", ".join(cls.__name__ for cls in whole)
        raise UsageError(f"{file} has {len(whole)} subclasses of Evaluator ({names}), expected exactly one.")
    for cls in classes:
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise UsageError(f"{file}: class {cls.__name__} does not define {missing}.")
    raise UsageError(f"{file} has no subclass of evolve.evaluator.Evaluator, expected exactly one.")


def _import_evaluator(folder: Path, file: Path) -> ModuleType:
    """Import evaluator.py as a module of a package of its own, so that its neighbours are `from . import other`.

    The package's name comes from the path: two folders never collide, and every process finds the same name.
    """
    package = f"evolve_problem_{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    name = f"{package}.evaluator"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.machinery.ModuleSpec(package, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[package] = importlib.util.module_from_spec(spec)
    importlib.invalidate_caches()  # the folder may have been written a moment ago
    try:
        with blamed(folder.name, f"{file} does not load", folder):
            return importlib.import_module(name)
    except BaseException:
        for loaded in [m for m in sys.modules if m == package or m.startswith(f"{package}.")]:
            del sys.modules[loaded]
        raise


def _with_options(cls: type[Evaluator], options: Mapping[str, Any]) -> Evaluator:
    try:
        checked = cls.Options.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(place) for place in first["loc"]) or "options"
        known = list(cls.Options.model_fields)
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise UsageError(
                f"{cls.name}: option 'evaluator.{key}' is unknown. {hint}Known: {', '.join(known) or 'none'}."
            ) from None
        raise UsageError(f"{cls.name}: option evaluator.{key} = {first['input']!r:.80}: {first['msg']}.") from None
    with blamed(cls.name, f"{cls.name}: {cls.__name__}() cannot be made"):
        return cls(checked)


def language_of(evaluator: Evaluator) -> Language:
    """Return what the programs of a problem are written in. Raises UsageError for a language that is not known."""
    return pick("language", evaluator.language, LANGUAGES)


def _seed_file(folder: Path, evaluator: Evaluator) -> Path:
    ending = f"_{evaluator.seed_variant}" if evaluator.seed_variant else ""
    own = folder / f"seed{ending}{language_of(evaluator).suffix}"
    bundled = Path(__file__).resolve().parent.parent / "seeds" / f"{folder.name}{ending}.py"
    is_bundled = folder.parent == bundled.parent.parent / "evaluators"
    return bundled if is_bundled and not own.exists() else own


def _baselines_folder(folder: Path, evaluator: Evaluator) -> Path:
    """Return where the baselines are: where an option asks for another seed, perhaps in a folder of their own."""
    own = folder / "baselines" / evaluator.seed_variant
    return own if evaluator.seed_variant and own.is_dir() else folder / "baselines"


def _program(path: Path, evaluator: Evaluator, what: str) -> str:
    text = read_text(path, what)
    wrong = language_of(evaluator).check(text, evaluator.defines)
    if wrong:
        raise UsageError(f"{path} is no program for {evaluator.name}: {wrong}.")
    return text


def read_text(path: Path, what: str) -> str:
    """Return a file's text. what: "a baseline", for the message. Raises UsageError when it cannot be read."""
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe or a device would be read for ever
        raise UsageError(f"{path} is no file: it should be {what}.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: it is {what}.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start}).") from None
