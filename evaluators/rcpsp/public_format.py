"""Projects in the literature's Patterson format (`*.rcp`), and those of PSPLIB that are bundled.

A file: `n R`, the capacities, then a line per task: duration, R demands, number of successors, successors (from 1).
The first and the last task are dummies without duration or demand, before and after all others; they are not part of
what a program sees. Downtime, windows and pairs have no place in it.
"""

from __future__ import annotations

import csv
import functools
import tarfile
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from evaluators.rcpsp.project import Project, ProjectInstance, make_project, topological
from evolve.evaluator import Instance, UsageError

DATA = Path(__file__).with_name("data")
SETS = ("j30", "j60", "j90", "j120")
SAMPLED_SETS = ("j30", "j60", "j120")
"""Whose projects are in the sample: the sets whose gaps were measured by others, too."""
REPEATS = 10
"""How often a set of PSPLIB repeats each of its parameter settings."""
MOST_TASKS = 20_000
MOST_BYTES = 20_000_000
MOST_NUMBER = 10**9


@functools.cache
def public_projects(which: str) -> tuple[ProjectInstance, ...]:
    """Return the projects of a set of PSPLIB, of "all", or the "sample": one of every setting of three sets."""
    if which == "sample":
        every = [public_projects(name) for name in SAMPLED_SETS]
        return tuple(one for found in every for number, one in enumerate(found) if _in_sample(number))
    if which == "all":
        return tuple(one for name in SETS for one in public_projects(name))
    bounds = _bounds(which)
    found = {}
    with tarfile.open(DATA / f"{which}_rcp.tar.xz") as archive:
        for member in archive:
            opened = archive.extractfile(member)
            if opened is not None:
                setting, repeat = map(int, member.name.removesuffix(".rcp").split("_")[1:])
                found[setting, repeat] = opened.read().decode("ascii")
    return tuple(
        ProjectInstance(f"public/{which}_{s}_{r}", partial(parsed, found[s, r]), False, *bounds[f"{which}{s}_{r}"])
        for s, r in sorted(found)
    )


def _in_sample(number: int) -> bool:
    setting, repeat = divmod(number, REPEATS)
    return repeat == setting % REPEATS


def _bounds(which: str) -> dict[str, tuple[int, int | None]]:
    """Return by name the best known makespan, and the lower bound where one is listed, ticks."""
    with (DATA / f"{which}_bounds.csv").open(newline="") as file:
        return {
            row["instance"]: (int(row["upper_bound"]), int(row["lower_bound"] or 0) or None)
            for row in csv.DictReader(file)
        }


def read_projects(path: Path) -> Sequence[ProjectInstance]:
    """Read an *.rcp file, or all of a folder in the order of their names. Raises UsageError: file, line and key."""
    files = [path] if path.is_file() else sorted(path.glob("*.rcp"))
    if not files:
        what = "has no *.rcp" if path.is_dir() else "does not exist"
        raise UsageError(f"rcpsp: {path} {what}; give a project in the Patterson format, or a folder of them.")
    return [ProjectInstance(f"data/{file.stem}", partial(_given, _read(file))) for file in files]


def _given(project: Project) -> Project:
    return project


def _read(file: Path) -> Project:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"is larger than {MOST_BYTES} bytes")
        return parsed(file.read_text(encoding="ascii"))
    except UnicodeDecodeError:
        raise UsageError(f"rcpsp: {file}: is no text of numbers.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"rcpsp: {file}: {error}.") from None


def parsed(text: str) -> Project:
    """Return the project of a Patterson text. Raises ValueError that names the line and what is wrong.

    Line breaks mean nothing to the format; the line that is named is the one on which the wrong number stands.
    """
    numbers = _Numbers(text)
    tasks = numbers.next("the number of tasks", 3, MOST_TASKS)
    resources = numbers.next("the number of resources", 1, 1000)
    capacity = [numbers.next(f"the capacity of resource {k}", 1) for k in range(resources)]
    duration, demand, successors = [], [], []
    for task in range(tasks):
        duration.append(numbers.next(f"the duration of task {task + 1}", 0))
        demand.append([numbers.next(f"task {task + 1}'s demand of resource {k}", 0) for k in range(resources)])
        count = numbers.next(f"the number of successors of task {task + 1}", 0, tasks)
        successors.append([numbers.next(f"a successor of task {task + 1}", 1, tasks) - 1 for _ in range(count)])
    numbers.end()
    last = tasks - 1
    for dummy in (0, last):
        if duration[dummy] or any(demand[dummy]):
            raise ValueError(f"task {dummy + 1} is the {'last' if dummy else 'first'}: expected a dummy, all zeros")
    if successors[last] or any(0 in following for following in successors):
        raise ValueError("the first task must have no predecessor and the last no successor")
    for task in range(1, last):
        if not duration[task]:
            raise ValueError(f"task {task + 1} has no duration; only the first and the last may have none")
        for k, need in enumerate(demand[task]):
            if need > capacity[k]:
                raise ValueError(f"task {task + 1} needs {need} of resource {k}, which has {capacity[k]}")
    inner = [sorted({s - 1 for s in following if s != last}) for following in successors[1:last]]
    project = make_project(duration[1:last], demand[1:last], capacity, inner)
    topological(project)
    return project


class _Numbers:
    """The whole numbers of a text, one after the other, with the line of each."""

    def __init__(self, text: str) -> None:
        self._left = ((line, word) for line, words in enumerate(text.splitlines(), 1) for word in words.split())

    def next(self, what: str, least: int, most: int = MOST_NUMBER) -> int:
        line, word = next(self._left, (0, ""))
        if not line:
            raise ValueError(f"ends before {what}")
        if not word.isdecimal() or len(word) > 12 or not least <= int(word) <= most:
            raise ValueError(f"line {line}: {what} is {word[:20]!r}; expected a whole number from {least} to {most}")
        return int(word)

    def end(self) -> None:
        for line, word in self._left:
            raise ValueError(f"line {line}: {word[:20]!r} comes after the last task")


def write_projects(instances: Iterable[Instance], folder: Path) -> list[Path]:
    """Write each project into a file of its own. Raises UsageError for one with downtime, windows or pairs."""
    files = []
    for number, one in enumerate(instances):
        assert isinstance(one, ProjectInstance)
        if one.feasible:
            raise UsageError(
                "rcpsp: the Patterson format has no place for downtime, deadlines and pairs; kind makespan."
            )
        files.append(folder / f"{number:04d}_{one.id.replace('/', '_')}.rcp")
        files[-1].write_text(written(one.project), encoding="ascii")
    return files


def written(project: Project) -> str:
    """Return a project as a Patterson text, dummies added; `parsed` gives the same one back."""
    none = [0] * len(project.capacity)
    last = project.tasks + 2
    first = [task + 2 for task in range(project.tasks) if not project.predecessors[task]]
    rows = [[project.tasks + 2, len(project.capacity)], project.capacity, [0, *none, len(first), *first]]
    for task in range(project.tasks):
        following = [s + 2 for s in project.successors[task]] or [last]
        rows.append([project.duration[task], *project.demand[task], len(following), *following])
    rows.append([0, *none, 0])
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)
