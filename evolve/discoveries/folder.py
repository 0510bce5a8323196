"""The discoveries of a problem: folders in its `discoveries/`, each with a program, its record and its account."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from evolve.config_part import Part
from evolve.discoveries.head import Head, Published
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.registry import DISCOVERIES, Problem, is_installed, load_problem, read_text

HEAD, ACCOUNT, RECORD, PUBLISHED = "discovery.toml", "account.md", "record.jsonl.gz", "published.toml"
Form = TypeVar("Form", bound=Part)


@dataclass(frozen=True)
class Discovery:
    """A program that a run found, with what is known of it.

    folder: where its files lie.  suffix: of the program.  problem: what `load_problem` finds its problem by.
    """

    folder: Path
    head: Head
    suffix: str
    problem: str

    @property
    def ref(self) -> str:
        """What a person names it by."""
        return f"{self.head.problem}/{self.head.name}"

    @property
    def source(self) -> str:
        """The program. Raises UsageError when it is not there."""
        return read_text(self.folder / f"program{self.suffix}", f"the program of the discovery {self.ref}")

    @property
    def record(self) -> Path:
        """The file of the run that found it."""
        return self.folder / RECORD

    def on(self, split: Split) -> float | None:
        """Return its mean score on a split as the head has it; None where it has none."""
        found = self.head.splits.get(split)
        return None if found is None else found.program.mean


def discoveries_of(problem: Problem) -> list[Discovery]:
    """Return the discoveries of a problem, by name. Raises UsageError for a head that is none."""
    heads = sorted((problem.folder / DISCOVERIES).glob(f"*/{HEAD}"))
    return [Discovery(path.parent, read_head(path), problem.language.suffix, problem.ref) for path in heads]


def best_of(problem: Problem) -> Discovery:
    """Return the discovery with the best mean on validation, or on train without one: test chooses nothing.

    Raises UsageError where there is none.
    """
    known = discoveries_of(problem)
    if not known:
        raise UsageError(f"{problem.evaluator.name} has no discovery yet. Give a program file, or a run.")

    def standing(one: Discovery) -> float:
        on = one.on(Split.VALIDATION)
        return (one.on(Split.TRAIN) or 0.0) if on is None else on

    return max(known, key=standing)


def find_discovery(ref: str) -> Discovery:
    """Return the discovery that a person names: PROBLEM/NAME, or the path of its folder or of its record.

    Raises UsageError that lists the names when there is no such discovery.
    """
    path = Path(ref)
    folder = path.parent if path.name == RECORD else path
    if (folder / HEAD).is_file():
        head = read_head(folder / HEAD)
        own = head.problem if is_installed(head.problem) else str(folder.resolve().parent.parent)
        return Discovery(folder, head, load_problem(own).language.suffix, own)
    name, _, short = ref.rpartition("/")
    if not name:
        raise UsageError(f"there is no discovery '{ref}': give PROBLEM/NAME, see `evolve discoveries`.")
    known = {one.ref: one for one in discoveries_of(load_problem(name))} if name else {}
    if ref in known:
        return known[ref]
    near = difflib.get_close_matches(ref, known, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise UsageError(f"there is no discovery '{short}' of {name}. {hint}Known: {', '.join(known) or 'none'}.")


def published_of(problem: Problem) -> Published | None:
    """Return what is known of a problem's published set; None where nothing is. Raises UsageError as `read_head`."""
    path = problem.folder / DISCOVERIES / PUBLISHED
    return _read(path, Published) if path.is_file() else None


def read_head(path: Path) -> Head:
    """Return what a discovery.toml holds. Raises UsageError that names the key that is wrong."""
    return _read(path, Head)


def _read(path: Path, form: type[Form]) -> Form:
    try:
        return form.model_validate(tomllib.loads(read_text(path, "what is known of discoveries")))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(place) for place in first["loc"])
        raise UsageError(f"{path}: {key} = {first['input']!r:.80}: {first['msg']}.") from None
