"""Job traces: SWIM's, and our own in the same form.

A line is a job: name, second in which it was submitted, seconds since the last one, then the work of its operations,
all separated by tabs. SWIM has three operations, bytes of map input, shuffle and reduce output; those of 0 are left
out, and so are jobs of nothing else. Bytes become ticks: the mean operation is 1000 ticks, and a tick is as long as
makes the work of the whole trace `load` times the time from its first job to its last.

A file that begins with `# ticks` has whole ticks instead of seconds and bytes, and is taken as it is; `# machine`
begins the jobs of the next machine.
"""

from __future__ import annotations

import functools
import lzma
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from evaluators.flow_time.machine import MEAN_OP_TICKS, Case, Job, Machines
from evolve.evaluator import Instance, UsageError

FACEBOOK = Path(__file__).parent / "data" / "FB-2009_samples_24_times_1hr_0.tsv.xz"
LOADS = (0.7, 0.9)

MOST = 10**15
"""Bytes, ticks."""
MOST_WORK_TICKS = 10**15
HEAD = re.compile(r"# ticks, load (\d\.\d{1,6}), error (\d{1,3}\.\d{1,3})(?:, (\w{1,20}))?")


@dataclass(frozen=True)
class Read:
    """Jobs that a file had."""

    jobs: Machines

    def machines(self) -> Machines:
        """Return them."""
        return self.jobs


@functools.cache
def public_cases() -> tuple[Case, ...]:
    """Return Facebook's day at each of LOADS."""
    text = lzma.decompress(FACEBOOK.read_bytes()).decode()
    return tuple(swim_case(f"public/facebook-{load}", "facebook", text.splitlines(), load) for load in LOADS)


def read_cases(path: Path, load: float) -> list[Case]:
    """Read a trace, or every *.tsv of a folder in the order of their names. load: of SWIM's traces.

    Raises UsageError that names the file and the line.
    """
    if path.is_dir():
        files = sorted(path.glob("*.tsv"))
        if not files:
            raise UsageError(f"flow_time: no *.tsv in folder {path}; expected traces of jobs.")
    elif path.is_file():
        files = [path]
    else:
        raise UsageError(f"flow_time: {path} does not exist; give a trace of jobs (*.tsv) or a folder of them.")
    return [_read(file, load) for file in files]


def write_cases(cases: Sequence[Instance], folder: Path) -> list[Path]:
    """Write a file of ticks for each case, so that `read_cases` of the folder gives the same ones in the same order."""
    files = []
    for number, case in enumerate(cases):
        assert isinstance(case, Case)
        file = folder / f"{number:03}-{case.id.replace('/', '-')}.tsv"
        file.write_text(written(case), encoding="utf-8")
        files.append(file)
    return files


def written(case: Case) -> str:
    """Return a case as the text of a file of ticks."""
    lines = [f"# ticks, load {case.load:.6f}, error {case.error:.3f}, {case.family}"]
    for number, jobs in enumerate(case.machines):
        lines += ["# machine"] if number else []
        before = 0
        for name, job in enumerate(jobs):
            lines.append("\t".join(map(str, (f"job{name}", job.arrival, job.arrival - before, *job.ops))))
            before = job.arrival
    return "\n".join(lines) + "\n"


def _read(file: Path, load: float) -> Case:
    name = f"data/{file.stem}"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"flow_time: {file}: cannot be read ({error}).") from None
    try:
        if lines and lines[0].startswith("#"):
            return _ticks_case(name, lines)
        return swim_case(name, "trace", lines, load)
    except ValueError as error:
        raise UsageError(f"flow_time: {file}: {error}") from None


def swim_case(name: str, family: str, lines: Sequence[str], load: float) -> Case:
    """Read a trace of SWIM. Raises ValueError that names the line."""
    rows = []
    for number, line in enumerate(lines, 1):
        submit_s, works = _row(number, line, rows[-1][0] if rows else 0)
        works = [work for work in works if work]
        if works:
            rows.append((submit_s, works))
    if len(rows) < 2:
        raise ValueError(f"has {len(rows)} jobs with work; expected 2 or more lines: name, second, gap, bytes, ...")
    total = sum(sum(works) for _, works in rows)
    operations = sum(len(works) for _, works in rows)
    span_s = rows[-1][0] - rows[0][0]
    if span_s <= 0:
        raise ValueError("all jobs come in the same second; expected a trace of some length.")
    tick_s = load * span_s / (MEAN_OP_TICKS * operations)
    ticks = MEAN_OP_TICKS * operations / total
    jobs = tuple(
        Job(round(submit_s / tick_s), tuple(max(1, round(work * ticks)) for work in works)) for submit_s, works in rows
    )
    return Case(name, family, load, Read((jobs,)), tick_s=tick_s, generated=False)


def _ticks_case(name: str, lines: Sequence[str]) -> Case:
    head = HEAD.fullmatch(lines[0])
    if head is None:
        raise ValueError(f"line 1: '{lines[0]:.60}'; expected '# ticks, load 0.900000, error 3.000'.")
    load, error = float(head[1]), float(head[2])
    if not 0 < load <= 2 or error < 1:
        raise ValueError(f"line 1: load {load} and error {error}; expected a load above 0 to 2, an error from 1.")
    machines: list[list[Job]] = [[]]
    for number, line in enumerate(lines[1:], 2):
        if line == "# machine":
            machines.append([])
            continue
        before = machines[-1][-1].arrival if machines[-1] else 0
        arrival, works = _row(number, line, before)
        if not works or 0 in works:
            raise ValueError(f"line {number}: an operation of 0 ticks; expected 1 or more.")
        machines[-1].append(Job(arrival, tuple(works)))
    if not all(machines):
        raise ValueError("a machine has no job; expected one or more lines: name, tick, gap, ticks, ...")
    return Case(name, head[3] or "given", load, Read(tuple(map(tuple, machines))), error, generated=False)


def _row(number: int, line: str, before: int) -> tuple[int, list[int]]:
    """Read a line. Raises ValueError that names it."""

    def wrong(what: str) -> NoReturn:
        raise ValueError(f"line {number}: {what}")

    words = line.split("\t")
    if len(words) < 4:
        wrong(f"has {len(words)} columns; expected name, submitted, gap and one or more amounts of work, by tabs.")
    for word in words[1:]:
        if not re.fullmatch(r"\d{1,16}", word, re.ASCII) or int(word) > MOST:
            wrong(f"'{word:.40}' is no whole number from 0 to {MOST}.")
    submitted = int(words[1])
    if submitted < before:
        wrong(f"submitted at {submitted}, before the job above it ({before}); expected jobs in the order of arrival.")
    return submitted, [int(word) for word in words[3:]]
