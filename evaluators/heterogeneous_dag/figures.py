"""What scores 0 and 100: a makespan (`static`, `contention`), or the times of all jobs together (`stream`), ticks.

Naive: `baselines/fifo_round_robin.py`. Reference: `baselines/refined.py`; of the public graphs, which have ten tasks,
the optimum, proved by CP-SAT. Those of our own and of the public ones are kept in reference.json and its likes, a file
per kind; those of fresh instances and of a user's files are found when they are first needed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.heterogeneous_dag.baselines import fifo_round_robin, refined
from evaluators.heterogeneous_dag.dag import DagInstance, Info, Kind
from evaluators.heterogeneous_dag.placement import Schedule, read_placement, scheduled
from evaluators.heterogeneous_dag.stream import Observation, StreamInstance, job_ticks, serve
from evaluators.kept_figures import digest_of, digest_of_files
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
LEAST_GAP = 0.05
"""An own instance is redrawn when naive and reference differ by less than this share of naive."""


@dataclass(frozen=True)
class Figures:
    """Ticks. proved: whether nothing is better than the reference."""

    naive: int
    reference: int
    proved: bool = False


def file_of(kind: Kind) -> Path:
    """Return where the figures of a kind's built-in instances are kept."""
    return STORED if kind == "static" else STORED.with_name(f"reference_{kind}.json")


@functools.cache
def stored(kind: Kind = "static") -> Stored[Figures]:
    """Return the figures of the built-in instances of a kind."""
    return read_reference(file_of(kind), "instances", Figures)


def digest(instance: DagInstance | StreamInstance) -> str:
    """Return a hash of all that the figures of an instance are computed from, programs apart."""
    if isinstance(instance, DagInstance):
        of_kind = () if instance.kind == "static" else (instance.kind,)
        return digest_of((*of_kind, instance.dag.work, instance.dag.successors))
    return digest_of([(job.arrival, job.dag.work, job.dag.successors, job.real) for job in instance.jobs])


def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return digest_of_files((Path(fifo_round_robin.__file__), Path(refined.__file__)))


def figures_of(instance: DagInstance | StreamInstance) -> Figures:
    """Return the figures of an instance: kept ones where there are, else found now."""
    kept = stored(instance.kind).figures.get(instance.id)
    return kept if kept is not None else _found(instance)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process by digest: an id says which graph or stream was meant, not which draw or file of it."""


def _found(instance: DagInstance | StreamInstance) -> Figures:
    key = digest(instance)
    if key not in _FOUND:
        kept = stored(instance.kind).with_digest(key)
        _FOUND[key] = kept or compute(instance)
    return _FOUND[key]


def compute(instance: DagInstance | StreamInstance) -> Figures:
    """Find the figures of an instance by the naive and the reference program, without a solver."""
    return Figures(cost_of(fifo_round_robin, instance), cost_of(refined, instance))


def tells_apart(instance: DagInstance | StreamInstance, found: Figures) -> bool:
    """Return whether a drawn instance tells programs apart: it is drawn again where it does not."""
    return found.naive - found.reference >= LEAST_GAP * found.naive


def cost_of(program: Any, instance: DagInstance | StreamInstance) -> int:
    """Return the cost, ticks, of a program of ours, run in this process. program: a module with a `Policy`."""
    if isinstance(instance, DagInstance):
        dag = instance.dag
        answer = program.Policy(Info(instance.kind, dag.pes)).place(dag)
        return placed(instance, list(answer)).makespan_ticks
    jobs = instance.jobs
    policy = _OwnProgram(program.Policy(Info("stream", jobs[0].dag.pes)))
    return sum(job_ticks(jobs, serve(jobs, policy)))


def placed(instance: DagInstance, answer: Any) -> Schedule:
    """Return the schedule that an answer of `place` stands for. Raises Infeasible."""
    return scheduled(instance.dag, *read_placement(answer, instance.dag), instance.kind == "contention")


class _OwnProgram:
    """A policy of ours in this process; its answers look as they do when they come from a sandbox."""

    def __init__(self, policy: Any) -> None:
        self._policy = policy

    def assign(self, observation: Observation) -> Any:
        answer = self._policy.assign(observation)
        return None if answer is None else list(answer)
