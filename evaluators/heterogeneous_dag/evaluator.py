"""The verifier of heterogeneous_dag: it builds every schedule itself, in whole ticks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.heterogeneous_dag.dag import DagInstance, Info, Kind, makespan_bound_ticks
from evaluators.heterogeneous_dag.feedback import explain_placement, explain_stream
from evaluators.heterogeneous_dag.figures import compute, figures_of, placed, stored, tells_apart
from evaluators.heterogeneous_dag.picture import drawn_placement, drawn_stream
from evaluators.heterogeneous_dag.placement import Schedule
from evaluators.heterogeneous_dag.public_format import (
    as_streams,
    public_dags,
    public_streams,
    read_graphs,
    write_graphs,
)
from evaluators.heterogeneous_dag.stream import Observation, StreamInstance, bound_ticks, job_ticks, serve
from evaluators.heterogeneous_dag.stream_format import SUFFIX, read_streams, write_streams
from evaluators.heterogeneous_dag.workload import SIZES, drawn_instance, own_instance
from evaluators.kept_figures import differ
from evolve.evaluator import Candidate, Evaluator, Instance, Limits, Outcome, Picture, Run, Split, relative_score


class DagOptions(BaseModel):
    """Options of heterogeneous_dag, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(
        "static",
        description="'static': place one graph that is known; 'contention': the same, and two PEs share one bus; "
        "'stream': graphs arrive, times are uncertain",
    )
    pes: int = Field(4, ge=1, le=1000, description="identical PEs for an STG file, which names none")


class HeterogeneousDag(Evaluator):
    """Run the tasks of graphs on processing elements of unlike speeds, so that they end early."""

    name = "heterogeneous_dag"
    summary = "Which processor runs which task of a graph, and when, so that the graph ends early"
    defines = ("Policy",)
    limits = Limits(cpu_s=10.0, memory_mb=512, answer_mb=1, counter=True)  # a stream is thousands of calls
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)
    Options = DagOptions
    options: DagOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the graphs or streams of a split."""
        if split is Split.PUBLIC:
            return public_streams() if self.options.kind == "stream" else public_dags(self.options.kind)
        return _own(self.options.kind, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw graphs or streams that nobody has seen, by the recipes of a split."""
        kind = self.options.kind

        def tells(instance: DagInstance | StreamInstance) -> bool:
            return tells_apart(instance, compute(instance))

        slots = range(SIZES[kind][split])
        return drawn_afresh(split, seed, count, slots, partial(drawn_instance, kind, split), tells)

    def load(self, path: Path) -> Sequence[Instance]:
        """Read DS3 job files with their resources, or STG files; kind stream: streams, else 200 jobs of each graph."""
        if self.options.kind == "stream":
            streams = [path] if path.name.endswith(SUFFIX) else sorted(path.glob(f"*{SUFFIX}"))
            if streams:
                return read_streams(streams)
        if self.options.kind == "stream":
            return as_streams(read_graphs(path, self.options.pes))
        return read_graphs(path, self.options.pes, self.options.kind)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a job file and a resource file of DS3 for each graph; kind stream: a file of our own for each."""
        if self.options.kind == "stream":
            return write_streams(instances, folder)
        return write_graphs(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for a placement, or for one decision after the other, and score when all is done."""
        if isinstance(instance, DagInstance):
            return _placed(candidate, instance)
        assert isinstance(instance, StreamInstance)
        return _served(candidate, instance)

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw what runs where, of one graph or of the beginning of a stream."""
        if isinstance(instance, DagInstance):
            schedule = _schedule(candidate, instance)
            return drawn_placement(instance, schedule, figures_of(instance).reference)
        assert isinstance(instance, StreamInstance)
        jobs = instance.jobs
        service = serve(jobs, _Sandboxed(candidate.new("Policy", Info("stream", jobs[0].dag.pes))))
        return drawn_stream(instance.id, jobs, service)


@functools.cache
def _own(kind: Kind, split: Split) -> tuple[DagInstance | StreamInstance, ...]:
    return tuple(own_instance(kind, split, index, again) for index, again in enumerate(stored(kind).attempts[split]))


def _schedule(candidate: Candidate, instance: DagInstance) -> Schedule:
    answer = candidate.new("Policy", Info(instance.kind, instance.dag.pes)).call("place", instance.dag)
    return placed(instance, answer)


def _placed(candidate: Candidate, instance: DagInstance) -> Outcome:
    dag, figures = instance.dag, figures_of(instance)
    schedule = _schedule(candidate, instance)
    makespan, bound = schedule.makespan_ticks, makespan_bound_ticks(dag)
    metrics = {
        "makespan_ticks": makespan,
        "bound_ticks": bound,
        "over_reference_pct": 100.0 * (makespan / figures.reference - 1.0),
        "slr": makespan / bound,
    }
    return Outcome(_score(makespan, instance), metrics, explain_placement(instance, schedule, figures))


def _served(candidate: Candidate, instance: StreamInstance) -> Outcome:
    jobs, figures = instance.jobs, figures_of(instance)
    service = serve(jobs, _Sandboxed(candidate.new("Policy", Info("stream", jobs[0].dag.pes))))
    ticks, bound = job_ticks(jobs, service), bound_ticks(jobs)
    metrics = {
        "mean_job_ticks": sum(ticks) / len(jobs),
        "p95_job_ticks": float(np.quantile(ticks, 0.95)),
        "bound_ticks": bound / len(jobs),
        "slr": sum(ticks) / bound,
        "most_ready": service.most_ready,
    }
    return Outcome(_score(sum(ticks), instance), metrics, explain_stream(jobs, service, figures, bound))


def _score(cost: int, instance: DagInstance | StreamInstance) -> float | None:
    figures = figures_of(instance)
    if not differ(figures.naive, figures.reference):
        return None
    return relative_score(figures.naive, figures.reference, cost)


class _Sandboxed:
    """A policy in the candidate's process."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def assign(self, observation: Observation) -> object:
        return self._run.call("assign", observation)
