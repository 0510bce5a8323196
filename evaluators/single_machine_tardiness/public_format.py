"""Jobs in the OR-Library's form: a file wtN.txt of whole numbers, instance after instance of N jobs.

An instance is N processing times, N weights, N due dates. The number of jobs is in the file's name and nowhere else.
"""

from __future__ import annotations

import functools
import lzma
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from evaluators.single_machine_tardiness.jobs import Jobs, Kind
from evolve.evaluator import Instance, UsageError

DATA = Path(__file__).parent / "data"
SETS = ("wt40", "wt50", "wt100")
BEST_KNOWN: dict[Kind, tuple[str, ...]] = {
    "weighted": ("wtopt40", "wtopt50", "wtbest100b"),
    "unweighted": ("smtt_opt40", "smtt_opt50", "smtt_opt100"),
}
"""Files of the least costs of the three sets; all but those of wt100 with weights are optima."""

NAME = re.compile(r".*wt(\d{1,4})\.txt", re.ASCII)
MOST_JOBS = 1000
MOST = {"processing time": (1, 1000), "weight": (1, 10_000), "due date": (0, 10**9)}
"""Least and most of each number: sums of costs stay far below 64 bits, the searches' tables small."""
PER_LINE = 20


@functools.cache
def public_jobs(kind: Kind) -> tuple[Jobs, ...]:
    """Return the 375 instances of the OR-Library, as weighted or unweighted ones."""
    found: list[Jobs] = []
    for name, best in zip(SETS, BEST_KNOWN[kind], strict=True):
        text = lzma.decompress((DATA / f"{name}.txt.xz").read_bytes()).decode()
        costs = [int(cost) for cost in (DATA / f"{best}.txt").read_text(encoding="utf-8").split()]
        jobs = _instances(f"public/{name}", text, int(name[2:]), kind)
        found += [
            replace(one, best_known=cost, best_is_optimum=best != "wtbest100b")
            for one, cost in zip(jobs, costs, strict=True)
        ]
    return tuple(found)


def read_jobs(path: Path, kind: Kind) -> list[Jobs]:
    """Read a file, or every file of that name in a folder, in the order of their names; ids are `data/name/i`.

    Raises UsageError that names the file and what is wrong.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if NAME.fullmatch(file.name))
        if not files:
            raise _wrong(path, "has no file whose name ends in wtN.txt, N the number of jobs, as in wt40.txt.")
    elif path.is_file():
        files = [path]
    else:
        raise _wrong(path, "does not exist; give a file wtN.txt or a folder of them.")
    return [jobs for file in files for jobs in _read(file, kind)]


def write_jobs(instances: Sequence[Instance], folder: Path) -> list[Path]:
    """Write a file for each run of instances with the same number of jobs; `read_jobs` gives the same ones back."""
    files = []
    jobs = [one for one in instances if isinstance(one, Jobs)]
    for number, (size, group) in enumerate(groupby(jobs, key=lambda one: len(one.processing))):
        file = folder / f"{number:03}_wt{size}.txt"
        file.write_text("".join(map(written, group)), encoding="utf-8")
        files.append(file)
    return files


def written(jobs: Jobs) -> str:
    """Return one instance as lines of a file."""
    lines = []
    for column in (jobs.processing, jobs.weight, jobs.due):
        for first in range(0, len(column), PER_LINE):
            lines.append(" ".join(f"{x:5}" for x in column[first : first + PER_LINE]) + "\n")
    return "".join(lines)


def _read(file: Path, kind: Kind) -> Iterable[Jobs]:
    name = NAME.fullmatch(file.name)
    if name is None or not 1 <= int(name[1]) <= MOST_JOBS:
        raise _wrong(
            file,
            f"the name must end in wtN.txt, N the number of jobs of each instance, 1 to {MOST_JOBS}, as in wt40.txt.",
        )
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(file, f"cannot be read ({error}).") from None
    try:
        return list(_instances(f"data/{file.stem}", text, int(name[1]), kind))
    except ValueError as error:
        raise _wrong(file, str(error)) from None


def _instances(prefix: str, text: str, size: int, kind: Kind) -> Iterator[Jobs]:
    """Yield the instances of a text. Raises ValueError that names the line."""
    numbers: list[int] = []
    lines: list[int] = []
    for line, content in enumerate(text.splitlines(), 1):
        for word in content.split():
            if not re.fullmatch(r"-?\d{1,18}", word, re.ASCII):
                raise ValueError(f"line {line}: '{word:.40}' is no whole number.")
            numbers.append(int(word))
            lines.append(line)
    if not numbers or len(numbers) % (3 * size):
        raise ValueError(f"holds {len(numbers)} numbers; expected a multiple of 3 * {size}, and at least one instance.")
    for number, first in enumerate(range(0, len(numbers), 3 * size)):
        columns = []
        for place, (what, (least, most)) in enumerate(MOST.items()):
            begin = first + place * size
            for i in range(begin, begin + size):
                if not least <= numbers[i] <= most:
                    raise ValueError(f"line {lines[i]}: {what} {numbers[i]} is not within {least} to {most}.")
            columns.append(tuple(numbers[begin : begin + size]))
        processing, weight, due = columns
        weights = (1,) * size if kind == "unweighted" else weight
        yield Jobs(f"{prefix}/{number}", processing, due, weights, generated=False)


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"single_machine_tardiness: {path}: {what}")
