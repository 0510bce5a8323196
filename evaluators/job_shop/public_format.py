"""Files of the literature: job shops in the standard format, flexible ones in Brandimarte's.

Standard: `jobs machines`, then a line per job, `machine ticks` for each operation. Flexible: `jobs machines` and
perhaps the mean number of machines of an operation, then a line per job: how many operations, and for each how many
machines, and `machine ticks` for each of those. Machines are numbered from 0, or from 1 if the largest number is that
of the machines. Lines that begin with `#` are skipped, but for ours, which say what the formats have no place for:

    # job 3 arrival 120 due 400 weight 2
    # machine 1 down 30 55
    # warm-up 20
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from evaluators.job_shop.shop import NO_DUE, Breakdown, Job, Kind, Operation, Shop, ShopInstance
from evolve.evaluator import Instance, UsageError

FORMATS = {"jsp": "*.txt", "blocking": "*.txt", "fjsp": "*.fjs", "dynamic": "*.fjs"}
"""File names that are read from a folder; a file that is named itself may be called anything."""
MOST_JOBS = MOST_MACHINES = 10_000
MOST_OPS = 100_000
MOST_TICKS = 10**9
JOB = re.compile(r"# job (\d{1,5}) arrival (\d{1,12}) due (-1|\d{1,12}) weight (\d{1,6})")
DOWN = re.compile(r"# machine (\d{1,5}) down (\d{1,12}) (\d{1,12})")
WARM_UP = re.compile(r"# warm-up (\d{1,5})")
OURS = ("# job ", "# machine ", "# warm-up ")


def read_shops(path: Path, kind: Kind) -> list[ShopInstance]:
    """Read a file, or all of a folder in the order of their names. Raises UsageError: the file and the line."""
    pattern = FORMATS[kind]
    if path.is_dir():
        files = sorted(path.glob(pattern)) or sorted(path.glob("*.txt"))
        if not files:
            raise UsageError(
                f"job_shop: folder {path} has no {pattern}; give one with shops in the format of the kind."
            )
    elif path.is_file():
        files = [path]
    else:
        raise UsageError(f"job_shop: {path} does not exist; give a file with a shop, or a folder of {pattern}.")
    return [_read(file, kind) for file in files]


def _read(file: Path, kind: Kind) -> ShopInstance:
    try:
        shop, warm_up = parsed(file.read_text(encoding="ascii"), flexible=kind in ("fjsp", "dynamic"))
        _fits(shop, warm_up, kind)
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"job_shop: {file} cannot be read as a text of numbers.") from None
    except ValueError as error:
        raise UsageError(f"job_shop: {file}: {error}.") from None
    return ShopInstance(f"data/{file.stem}", kind, partial(_same, shop), warm_up, generated=False)


def _same(shop: Shop) -> Shop:
    return shop


def _fits(shop: Shop, warm_up: int, kind: Kind) -> None:
    """Raise ValueError for a shop that is none of the kind."""
    if kind == "dynamic":
        if warm_up >= len(shop.jobs):
            raise ValueError(f"warm-up {warm_up} leaves none of {len(shop.jobs)} jobs to count")
        late = [j for j, job in enumerate(shop.jobs) if job.due == NO_DUE]
        if late:
            raise ValueError(f"job {late[0]} has no due date; kind dynamic wants '# job {late[0]} arrival 0 due ...'")
    elif any(job.arrival or job.due != NO_DUE for job in shop.jobs):
        raise ValueError("has arrivals or due dates; --set evaluator.kind=dynamic")
    if kind != "fjsp" and any(len(op) > 1 for job in shop.jobs for op in job.ops):
        raise ValueError("has operations with a choice of machines; --set evaluator.kind=fjsp")
    if kind in ("jsp", "fjsp") and shop.breakdowns:
        raise ValueError("has breakdowns; --set evaluator.kind=blocking or dynamic")


def parsed(text: str, flexible: bool) -> tuple[Shop, int]:
    """Return the shop of a text and how many jobs are not counted. Raises ValueError: the line, what is wrong."""
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    rows = [(number, words) for number, words in lines if not words[0].startswith("#")]
    if not rows:
        raise ValueError("is empty")
    (first, head), *rows = rows
    if len(head) not in (2, 3):
        raise ValueError(f"line {first}: expected 'jobs machines'")
    jobs = whole(first, "the number of jobs", head[0], 1, MOST_JOBS)
    machines = whole(first, "the number of machines", head[1], 1, MOST_MACHINES)
    if len(rows) != jobs:
        raise ValueError(f"has {len(rows)} lines of jobs where line {first} says {jobs}")
    routes = [list(_route(number, words, machines, flexible)) for number, words in rows]
    named = [machine for route in routes for op in route for machine, _ in op]
    shift = int(max(named) == machines)
    if shift and min(named) == 0:
        raise ValueError(f"names machines 0 and {machines}; expected 0..{machines - 1} or 1..{machines}")
    ops = [tuple(tuple(sorted((machine - shift, ticks) for machine, ticks in op)) for op in route) for route in routes]
    return _with_extras(text, machines, ops)


def _route(line: int, words: Sequence[str], machines: int, flexible: bool) -> Iterator[Operation]:
    """Yield the operations of a job, machines as they are named."""
    left = iter(words)

    def following(what: str, least: int, most: int) -> int:
        word = next(left, None)
        if word is None:
            raise ValueError(f"line {line} ends where {what} is expected")
        return whole(line, what, word, least, most)

    count = following("the number of operations", 1, MOST_OPS) if flexible else len(words) // 2
    if not flexible and (len(words) % 2 or not words):
        raise ValueError(f"line {line}: {len(words)} numbers; expected pairs of machine and ticks")
    for op in range(count):
        able = following(f"the number of machines of operation {op}", 1, machines) if flexible else 1
        pairs = [
            (
                following(f"a machine of operation {op}", 0, machines),
                following(f"the duration of operation {op}", 0, MOST_TICKS),
            )
            for _ in range(able)
        ]
        if len({machine for machine, _ in pairs}) < able:
            raise ValueError(f"line {line}: operation {op} names a machine twice")
        yield tuple(pairs)
    if next(left, None) is not None:
        raise ValueError(f"line {line} goes on after the last operation")


def _with_extras(text: str, machines: int, ops: list[tuple[Operation, ...]]) -> tuple[Shop, int]:
    """Read the lines that the formats of the literature have no place for."""
    jobs = [Job(route) for route in ops]
    breakdowns, warm_up = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith(OURS):
            continue
        if found := JOB.fullmatch(line):
            job, arrival, due, weight = map(int, found.groups())
            if job >= len(jobs) or weight < 1:
                raise ValueError(f"line {number}: expected a job in 0..{len(jobs) - 1} and a weight of 1 or more")
            jobs[job] = jobs[job]._replace(arrival=arrival, due=due, weight=weight)
        elif found := DOWN.fullmatch(line):
            one = Breakdown(*map(int, found.groups()))
            if one.machine >= machines or one.start >= one.end:
                raise ValueError(
                    f"line {number}: expected a machine in 0..{machines - 1} that is down from a to b, a < b"
                )
            breakdowns.append(one)
        elif found := WARM_UP.fullmatch(line):
            warm_up = int(found[1])
        else:
            raise ValueError(f"line {number}: '{line:.60}'; expected e.g. '# job 3 arrival 120 due 400 weight 2'")
    if any(before.arrival > after.arrival for before, after in itertools.pairwise(jobs)):
        raise ValueError("jobs are not in the order of their arrivals")
    breakdowns.sort(key=lambda one: (one.start, one.machine))
    last = dict.fromkeys(range(machines), -1)
    for one in breakdowns:
        if one.start <= last[one.machine]:
            raise ValueError(f"machine {one.machine} breaks down at {one.start}, before it is repaired")
        last[one.machine] = one.end
    return Shop(machines, tuple(jobs), tuple(breakdowns)), warm_up


def whole(line: int, what: str, word: str, least: int, most: int) -> int:
    """Read a number. Raises ValueError."""
    if not re.fullmatch(r"\d{1,12}", word, re.ASCII) or not least <= int(word) <= most:
        raise ValueError(f"line {line}: {what} is {word[:20]!r}; expected a whole number from {least} to {most}")
    return int(word)


def write_shops(instances: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a file for each shop, in the format of its kind."""
    files = []
    for number, one in enumerate(instances):
        assert isinstance(one, ShopInstance)
        suffix = FORMATS[one.kind].removeprefix("*")
        files.append(folder / f"{number:04d}_{one.id.replace('/', '_')}{suffix}")
        text = written(one.shop, one.warm_up, flexible=one.kind in ("fjsp", "dynamic"))
        files[-1].write_text(text, encoding="ascii")
    return files


def written(shop: Shop, warm_up: int, flexible: bool) -> str:
    """Return a shop as a text; `parsed` gives the same one back."""
    lines = [f"{len(shop.jobs)} {shop.machines}"]
    for job in shop.jobs:
        words = [len(job.ops)] if flexible else []
        for op in job.ops:
            words += [len(op)] if flexible else []
            words += [number for pair in op for number in pair]
        lines.append(" ".join(map(str, words)))
    for number, job in enumerate(shop.jobs):
        if (job.arrival, job.due, job.weight) != (0, NO_DUE, 1):
            lines.append(f"# job {number} arrival {job.arrival} due {job.due} weight {job.weight}")
    lines += [f"# machine {one.machine} down {one.start} {one.end}" for one in shop.breakdowns]
    lines += [f"# warm-up {warm_up}"] if warm_up else []
    return "\n".join(lines) + "\n"
