"""Graphs in the format of the simulator DS3 (a job file and a resource file), the public ones, and STG files.

A job file lists tasks (`name number predecessors...`) and arcs (`comm_vol from to volume`); a resource file lists what
each named task takes on each PE. A volume is the ticks that a transfer takes, as in HEFT's example; `comm_band`, power,
operating points, deadlines and the special resource MEM do not matter here.
STG (Tobita & Kasahara 2002): `number duration predecessors-count predecessors...`, identical PEs, no transfers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from evaluators.heterogeneous_dag.dag import UNSUPPORTED, Dag, DagInstance, Kind, fastest, make_dag, topological
from evaluators.heterogeneous_dag.stream import Job, StreamInstance
from evaluators.heterogeneous_dag.workload import gaps_of, stream_of
from evolve.evaluator import Instance, UsageError

DATA = Path(__file__).with_name("data")
MOST_TASKS = 20_000
MOST_TICKS = 10**9
MOST_BYTES = 20_000_000

TICKS_PER_UNIT = 100
"""In a stream, so that real times that differ by some per cent are different numbers."""
STREAM_JOBS = 200
STREAM_LOAD, STREAM_SIGMA = 0.7, 0.1
"""Of the streams that a user's graphs become."""
GAPS = (60, 38)
SIGMAS = (0.0, 0.3)
STREAM_SEEDS = 2
"""Of the public streams: mean units (us) between jobs, noise, repetitions."""


@functools.cache
def public_dags(kind: Kind = "static") -> tuple[DagInstance, ...]:
    """Return the ten graphs of SoCRATES."""
    names = ["job_Top", *(f"job_Top{number}" for number in range(2, 11))]
    soc = DATA / "DASH.SoC.Top.txt"
    prefix = "public/" if kind == "static" else f"public/{kind}-"
    return tuple(DagInstance(prefix + name, partial(read_ds3, DATA / f"{name}.txt", soc), kind) for name in names)


@functools.cache
def public_streams() -> tuple[StreamInstance, ...]:
    """Return streams of HEFT's example, 200 jobs each: two gaps, without noise and with, two seeds."""
    return tuple(
        StreamInstance(f"public/gap-{gap}-sigma-{sigma}-seed-{seed}", partial(example_stream, gap, sigma, seed))
        for gap in GAPS
        for sigma in SIGMAS
        for seed in range(STREAM_SEEDS)
    )


def example_stream(gap: float, sigma: float, seed: int) -> tuple[Job, ...]:
    """Return 200 jobs of HEFT's example. gap: mean units between arrivals, exponential."""
    dag = in_stream(public_dags()[0].dag)
    gaps = gaps_of(np.random.default_rng([seed, 0]), STREAM_JOBS, gap * TICKS_PER_UNIT)
    return stream_of([dag] * STREAM_JOBS, gaps, sigma, np.random.default_rng([seed, 1]))


def in_stream(dag: Dag) -> Dag:
    """Return a graph with its times in the ticks of a stream."""
    work = [[t if t == UNSUPPORTED else t * TICKS_PER_UNIT for t in row] for row in dag.work]
    return make_dag(work, [(a, b, t * TICKS_PER_UNIT) for a, row in enumerate(dag.successors) for b, t in row])


def read_graphs(path: Path, pes: int, kind: Kind = "static") -> Sequence[DagInstance]:
    """Read a DS3 job file or an STG file, or all of a folder in the order of their names. Raises UsageError.

    pes: identical PEs for an STG file. A job file `job_X.txt` goes with `SoC_X.txt`, else with the one file of its
    folder that has SoC in its name.
    """
    files = [path] if path.is_file() else sorted([*path.glob("job_*.txt"), *path.glob("*.stg")])
    if not files:
        what = "has no job_*.txt or *.stg" if path.is_dir() else "does not exist"
        raise UsageError(f"heterogeneous_dag: {path} {what}; give a DS3 job file, an STG file, or a folder of them.")
    return [DagInstance(f"data/{file.stem}", partial(_given, _read(file, pes)), kind) for file in files]


def as_streams(graphs: Iterable[DagInstance]) -> list[StreamInstance]:
    """Return a stream of 200 jobs for each graph."""
    return [StreamInstance(one.id, partial(_stream_of_one, one.dag)) for one in graphs]


def _stream_of_one(graph: Dag) -> tuple[Job, ...]:
    dag = in_stream(graph)
    gap_ticks = max(1.0, sum(fastest(dag)) / (dag.pes * STREAM_LOAD))
    gaps = gaps_of(np.random.default_rng(0), STREAM_JOBS, gap_ticks)
    return stream_of([dag] * STREAM_JOBS, gaps, STREAM_SIGMA, np.random.default_rng(1))


def _given(dag: Dag) -> Dag:
    return dag


def _read(file: Path, pes: int) -> Dag:
    if file.suffix == ".stg":
        try:
            return parsed_stg(_text(file), pes)
        except ValueError as error:
            raise UsageError(f"heterogeneous_dag: {file}: {error}.") from None
    own = file.with_name(file.name.replace("job_", "SoC_", 1))
    others = [own] if own.exists() and own != file else sorted(file.parent.glob("*SoC*.txt"))
    if len(others) != 1:
        raise UsageError(
            f"heterogeneous_dag: {file}: expected its resources in {own.name}, or one *SoC*.txt beside it; "
            f"there are {len(others)}."
        )
    return read_ds3(file, others[0])


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"is larger than {MOST_BYTES} bytes")
        return file.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise ValueError("is no ASCII text") from None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None


def read_ds3(job: Path, soc: Path) -> Dag:
    """Return the graph of a job file on the PEs of a resource file. Raises UsageError: file, line and what is wrong."""
    file = job
    try:
        names, arcs = _parsed_job(_text(job))
        file = soc
        columns = _parsed_soc(_text(soc))
        file = job
        work = [[column.get(name, UNSUPPORTED) for column in columns] for name in names]
        for number, row in enumerate(work):
            if max(row) == UNSUPPORTED:
                raise ValueError(f"no PE of {soc.name} can run task {names[number]!r}")
        dag = make_dag(work, [(a, b, ticks) for (a, b), ticks in arcs.items()])
        topological(dag)
    except ValueError as error:
        raise UsageError(f"heterogeneous_dag: {file}: {error}.") from None
    return dag


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if words:
            yield number, words


def _whole(line: int, what: str, word: str, most: int = MOST_TICKS) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 12 and int(word) <= most):
        raise ValueError(f"line {line}: {what} is {word[:20]!r}; expected a whole number from 0 to {most}")
    return int(word)


def _parsed_job(text: str) -> tuple[list[str], dict[tuple[int, int], int]]:
    """Return the tasks' names, and the arcs with their ticks."""
    count, rows = 0, {}
    volumes: dict[tuple[int, int], int] = {}
    for line, words in _lines(text):
        if words[0] == "job_name":
            continue
        if words[0] == "add_new_tasks" and len(words) == 2:
            count += _whole(line, "the number of tasks", words[1], MOST_TASKS)
        elif words[0] == "comm_vol" and len(words) == 4:
            one, other = (_whole(line, "a task", word, max(0, count - 1)) for word in words[1:3])
            volumes[one, other] = _whole(line, "a volume", words[3])
        elif len(words) > 1 and words[1] not in ("HEAD", "TAIL", "earliest_start"):
            number = _whole(line, "a task's number", words[1], max(0, count - 1))
            if number in rows:
                raise ValueError(f"line {line}: task {number} is there twice")
            rows[number] = (words[0], [_whole(line, "a predecessor", word, count - 1) for word in words[2:]])
        elif len(words) < 2:
            raise ValueError(f"line {line}: {words[0][:20]!r} says nothing")
    if not count or len(rows) != count:
        raise ValueError(f"has {len(rows)} tasks where add_new_tasks says {count}")
    arcs = {(before, task): volumes.get((before, task), 0) for task, (_, all_) in rows.items() for before in all_}
    for arc in volumes:
        if arc not in arcs:
            raise ValueError(f"comm_vol {arc[0]} {arc[1]}: task {arc[0]} is no predecessor of task {arc[1]}")
    return [rows[number][0] for number in range(count)], arcs


def _parsed_soc(text: str) -> list[dict[str, int]]:
    """Return for each PE the ticks of each task that it can run, by name."""
    columns: list[dict[str, int]] = []
    memory = False
    for line, words in _lines(text):
        if words[0] == "add_new_resource":
            memory = len(words) > 1 and words[1] == "MEM"
            if not memory:
                columns.append({})
        elif words[0] not in ("opp", "comm_band") and not memory:
            if not columns or len(words) < 2:
                raise ValueError(f"line {line}: {words[0][:20]!r} is outside of a resource, or has no time")
            columns[-1][words[0]] = _whole(line, f"the time of {words[0]}", words[1])
    if not columns:
        raise ValueError("has no add_new_resource but MEM")
    return columns


def parsed_stg(text: str, pes: int) -> Dag:
    """Return the graph of an STG text, dummies included, on identical PEs. Raises ValueError: line, what is wrong."""
    lines = list(_lines(text))
    if not lines:
        raise ValueError("is empty")
    (first, head), *rows = lines
    tasks = _whole(first, "the number of tasks", head[0], MOST_TASKS) + 2
    if len(rows) != tasks:
        raise ValueError(f"has {len(rows)} tasks where line {first} says {tasks - 2} and two dummies")
    work, arcs = [], []
    for task, (line, words) in enumerate(rows):
        if _whole(line, "a task's number", words[0]) != task or len(words) < 3:
            raise ValueError(f"line {line}: expected task {task}: its number, duration and predecessors")
        work.append([_whole(line, "a duration", words[1])] * pes)
        if _whole(line, "the number of predecessors", words[2]) != len(words) - 3:
            raise ValueError(f"line {line}: task {task} has {len(words) - 3} predecessors, said to be {words[2]}")
        arcs += [(_whole(line, "a predecessor", word, tasks - 1), task, 0) for word in words[3:]]
    dag = make_dag(work, sorted(set(arcs)))
    topological(dag)
    if not any(map(max, work)):
        raise ValueError("has no task that takes any time")
    return dag


def write_graphs(instances: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a job file and a resource file for each graph."""
    files = []
    for number, one in enumerate(instances):
        assert isinstance(one, DagInstance)
        name = f"{number:04d}_{one.id.replace('/', '_')}.txt"
        job, soc = folder / f"job_{name}", folder / f"SoC_{name}"
        job.write_text(_written_job(one.dag), encoding="ascii")
        soc.write_text(_written_soc(one.dag), encoding="ascii")
        files += [job, soc]
    return files


def _written_job(dag: Dag) -> str:
    lines = ["job_name Top", f"add_new_tasks {dag.tasks}"]
    for task, before in enumerate(dag.predecessors):
        lines.append(" ".join([f"task_{task + 1}", str(task), *(str(one) for one, _ in before)]))
    lines += [f"comm_vol {a} {b} {ticks}" for a, row in enumerate(dag.successors) for b, ticks in row]
    return "\n".join(lines) + "\n"


def _written_soc(dag: Dag) -> str:
    lines = []
    for pe in range(dag.pes):
        able = [(task, row[pe]) for task, row in enumerate(dag.work) if row[pe] != UNSUPPORTED]
        lines.append(f"add_new_resource CPU P{pe + 1} {pe} 1 {len(able)} performance")
        lines += [f"task_{task + 1} {ticks} {ticks}" for task, ticks in able]
    return "\n".join(lines) + "\n"
