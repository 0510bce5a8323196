"""reference.json of a domain: the figures of its built-in instances, read by every run and written by nobody else.

`python -m evaluators.DOMAIN.reference` draws the own instances, again for as long as one says nothing, and writes how
often that was, and of every instance a hash of what its figures are computed from, and the figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from evolve.evaluator import Instance, Split, UsageError

T = TypeVar("T", bound=Instance)
F = TypeVar("F")
"""What a domain keeps of an instance: its figures, a dataclass, or such figures by name."""
MOST_DRAWS = 1000
"""Draws of one instance; a recipe of which so many tell nothing is wrong, or its options are."""


@dataclass(frozen=True)
class Stored(Generic[F]):
    """What reference.json holds.

    programs: hash of the programs that the figures are computed by; None where it is part of each digest.
    attempts: of every own split, how often each of its instances was redrawn.
    digests, figures: by instance id, the hash of what the figures belong to, and the figures.
    """

    programs: str | None
    attempts: dict[Split, tuple[int, ...]]
    digests: dict[str, str]
    figures: dict[str, F]

    def with_digest(self, digest: str) -> F | None:
        """Return the figures of the built-in instance with a digest, as a user has whom `evolve data` wrote it."""
        return next((self.figures[id_] for id_, own in self.digests.items() if own == digest), None)


def read_reference(file: Path, noun: str, kind: type[F]) -> Stored[F]:
    """Read a file that `write_reference` wrote. kind: what it holds of every instance."""
    content = json.loads(file.read_text(encoding="utf-8"))
    rows = {id_: dict(row) for id_, row in content[noun].items()}
    return Stored(
        content.get("programs"),
        {Split(split): tuple(attempts) for split, attempts in content["attempts"].items()},
        {id_: row.pop("digest") for id_, row in rows.items()},
        {id_: msgspec.convert(row, type=kind) for id_, row in rows.items()},
    )


def first_that_tells(
    draw: Callable[[int], T], compute: Callable[[T], F], tells: Callable[[T, F], bool]
) -> tuple[int, T, F]:
    """Return how many draws were refused, the first draw of an instance that tells programs apart, and its figures.

    draw: makes the instance of an attempt, 0, 1, ...  Raises UsageError when none of `MOST_DRAWS` does.
    """
    for attempt in range(MOST_DRAWS):
        instance = draw(attempt)
        figures = compute(instance)
        if tells(instance, figures):
            return attempt, instance, figures
    raise UsageError(
        f"None of {MOST_DRAWS} draws of {draw(0).id} tells programs apart. Options of the problem that make its "
        "instances easier or harder (evaluator.*) may leave nothing to gain: set them less far from their defaults."
    )


def write_reference(
    file: Path,
    noun: str,
    sizes: Mapping[Split, int],
    accepted: Callable[[Split, int], tuple[int, T, F]],
    digest: Callable[[T], str],
    *,
    public: Iterable[tuple[T, F]] = (),
    programs: str | None = None,
) -> None:
    """Draw the own instances and write their figures and those of the public ones, a line each; print how it goes.

    noun: what the domain calls its instances, "windows".  sizes: how many instances each own split has.
    accepted: makes one of them, see `first_that_tells`.
    """
    attempts: dict[str, list[int]] = {}
    rows: list[str] = []

    def add(instance: T, figures: F) -> None:
        rows.append(f"  {json.dumps(instance.id)}: {json.dumps({'digest': digest(instance), **_facts(figures)})}")

    for split, size in sizes.items():
        attempts[split.value] = []
        for index in range(size):
            attempt, instance, figures = accepted(split, index)
            attempts[split.value].append(attempt)
            add(instance, figures)
        print(f"{split.value}: {size} {noun}, redrawn {attempts[split.value]}", flush=True)
    for instance, figures in public:
        add(instance, figures)
    head = "" if programs is None else f'"programs": {json.dumps(programs)},\n'
    head += f'"attempts": {json.dumps(attempts)},\n"{noun}": '
    file.write_text("{" + head + "{\n" + ",\n".join(rows) + "\n}}\n", encoding="utf-8")
    print(f"wrote {file.name}: {len(rows)} {noun}")


def _facts(figures: Any) -> dict[str, Any]:
    if isinstance(figures, Mapping):
        return {name: asdict(each) for name, each in figures.items()}
    return asdict(figures)
