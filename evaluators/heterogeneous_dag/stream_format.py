"""Streams in files of our own, `*.stream.json`: no format of the literature has a place for arrivals and real times.

    {"graphs": [{"work": [[3, 6], [4, -1]], "arcs": [[0, 1, 2]]}],
     "jobs": [{"arrival": 0, "graph": 0, "real": [[3, 7], [4, -1]]}]}

work, real: ticks of each task on each PE, expected and true, -1: the PE cannot run it.  arcs: task, successor, ticks of
the transfer between two PEs.  Jobs come in the order of their arrivals, and all graphs have the same PEs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from evaluators.heterogeneous_dag.dag import UNSUPPORTED, Dag, make_dag, topological
from evaluators.heterogeneous_dag.stream import Job, StreamInstance
from evolve.evaluator import Instance, UsageError

SUFFIX = ".stream.json"
MOST_BYTES = 200_000_000

Ticks = Annotated[int, Meta(ge=0, le=10**9)]
TicksOrNone = Annotated[int, Meta(ge=UNSUPPORTED, le=10**9)]
Rows = Annotated[list[Annotated[list[TicksOrNone], Meta(min_length=1)]], Meta(min_length=1)]


class _Graph(Struct, forbid_unknown_fields=True):
    work: Rows
    arcs: list[tuple[Ticks, Ticks, Ticks]]


class _Job(Struct, forbid_unknown_fields=True):
    arrival: Annotated[int, Meta(ge=0, le=10**12)]
    graph: Ticks
    real: Rows


class _Stream(Struct, forbid_unknown_fields=True):
    graphs: list[_Graph]
    jobs: Annotated[list[_Job], Meta(min_length=1)]


def read_streams(files: Iterable[Path]) -> list[StreamInstance]:
    """Read a stream from each file. Raises UsageError that names the file and the place in it."""
    return [_instance(file) for file in files]


def _instance(file: Path) -> StreamInstance:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"is larger than {MOST_BYTES} bytes")
        jobs = _jobs(msgspec.json.decode(file.read_bytes(), type=_Stream))
    except OSError as error:
        raise UsageError(f"heterogeneous_dag: {file}: {error.strerror or error}.") from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise UsageError(f"heterogeneous_dag: {file}: {error}.") from None

    def same() -> tuple[Job, ...]:
        return jobs

    return StreamInstance(f"data/{file.name.removesuffix(SUFFIX)}", same, generated=False)


def _jobs(stream: _Stream) -> tuple[Job, ...]:
    """Return the jobs of a file. Raises ValueError: which graph or job is wrong, and how."""
    dags = [_dag(number, graph) for number, graph in enumerate(stream.graphs)]
    jobs, before = [], 0
    for number, job in enumerate(stream.jobs):
        if job.graph >= len(dags):
            raise ValueError(f"job {number} is of graph {job.graph}; there are {len(dags)} graphs")
        if job.arrival < before:
            raise ValueError(f"job {number} comes at {job.arrival}, before the one above it ({before})")
        before, dag = job.arrival, dags[job.graph]
        if dag.pes != dags[0].pes:
            raise ValueError(f"graph {job.graph} has {dag.pes} PEs and graph 0 has {dags[0].pes}")
        if [len(row) for row in job.real] != [dag.pes] * dag.tasks:
            raise ValueError(f"job {number}: expected real times of {dag.tasks} tasks on {dag.pes} PEs")
        able = [[ticks == UNSUPPORTED for ticks in row] for row in dag.work]
        if able != [[ticks == UNSUPPORTED for ticks in row] for row in job.real]:
            raise ValueError(f"job {number}: its real times are -1 elsewhere than the work of graph {job.graph}")
        jobs.append(Job(job.arrival, dag, job.real))
    return tuple(jobs)


def _dag(number: int, graph: _Graph) -> Dag:
    """Return a graph. Raises ValueError."""
    tasks, pes = len(graph.work), len(graph.work[0])
    for task, row in enumerate(graph.work):
        if len(row) != pes or max(row) == UNSUPPORTED:
            raise ValueError(f"graph {number}: task {task} has {len(row)} times; expected {pes}, not all of them -1")
    for one, other, _ in graph.arcs:
        if max(one, other) >= tasks:
            raise ValueError(f"graph {number}: arc {one} to {other}; there are {tasks} tasks")
    if len({(one, other) for one, other, _ in graph.arcs}) < len(graph.arcs):
        raise ValueError(f"graph {number}: an arc is there twice")
    dag = make_dag(graph.work, graph.arcs)
    topological(dag)
    return dag


def write_streams(streams: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a file for each stream; a graph that many jobs have is written once."""
    files = []
    for number, one in enumerate(streams):
        assert isinstance(one, StreamInstance)
        graphs: list[Dag] = []
        jobs = []
        for job in one.jobs:
            place = next((k for k, dag in enumerate(graphs) if dag is job.dag), len(graphs))
            graphs += [job.dag] if place == len(graphs) else []
            jobs.append(_Job(job.arrival, place, job.real))
        stream = _Stream([_Graph(dag.work, _arcs(dag)) for dag in graphs], jobs)
        files.append(folder / f"{number:04d}_{one.id.replace('/', '_')}{SUFFIX}")
        files[-1].write_bytes(msgspec.json.encode(stream) + b"\n")
    return files


def _arcs(dag: Dag) -> list[tuple[int, int, int]]:
    return [(task, other, ticks) for task, row in enumerate(dag.successors) for other, ticks in row]
