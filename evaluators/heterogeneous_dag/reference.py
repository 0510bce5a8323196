"""Compute the figures of the built-in instances: `python -m evaluators.heterogeneous_dag.reference [KIND ...]`.

Run it when a recipe or the naive or reference program changes. The files keep how often an instance was redrawn.
ortools proves the optimum of the public graphs.
"""

from __future__ import annotations

import itertools
import sys

from evaluators.heterogeneous_dag import figures
from evaluators.heterogeneous_dag.dag import KINDS, UNSUPPORTED, Dag, DagInstance, Kind, makespan_bound_ticks
from evaluators.heterogeneous_dag.figures import Figures, digest, file_of, programs_digest, tells_apart
from evaluators.heterogeneous_dag.public_format import public_dags, public_streams
from evaluators.heterogeneous_dag.stream import StreamInstance
from evaluators.heterogeneous_dag.workload import SIZES, own_instance
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split

MOST_SOLVED_TASKS = 12
"""Graphs with more tasks are not given to the solver."""


def optimum(dag: Dag, most_ticks: int, contention: bool = False) -> int | None:
    """Return the least makespan, proved by CP-SAT with one worker; None if it took too long.

    most_ticks: makespan of a known placement. Model: an optional interval for each task on each PE that can run it,
    no two of a PE overlap, a task starts when its inputs are there. contention: transfers of two PEs do not overlap;
    nothing is below it, and what the verifier reaches is rarely above it: it sends data in the order of the tasks.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    start = [model.new_int_var(0, most_ticks, "") for _ in range(dag.tasks)]
    end = [model.new_int_var(0, most_ticks, "") for _ in range(dag.tasks)]
    on = [[model.new_bool_var("") for _ in range(dag.pes)] for _ in range(dag.tasks)]
    last = model.new_int_var(makespan_bound_ticks(dag), most_ticks, "")
    buses: dict[tuple[int, int], list[cp_model.IntervalVar]] = {}

    def _add_bus(before: int, task: int, transfer: int) -> None:
        for there, here in itertools.permutations(range(dag.pes), 2):
            both = model.new_bool_var("")
            model.add_bool_or(~on[before][there], ~on[task][here], both)
            sent = model.new_int_var(0, most_ticks, "")
            done = model.new_int_var(0, most_ticks, "")
            one = model.new_optional_interval_var(sent, transfer, done, both, "")
            model.add(sent >= end[before]).only_enforce_if(both)
            model.add(start[task] >= done).only_enforce_if(both)
            buses.setdefault((min(here, there), max(here, there)), []).append(one)

    for pe in range(dag.pes):
        runs = []
        for task in range(dag.tasks):
            ticks = dag.work[task][pe]
            if ticks == UNSUPPORTED:
                model.add(on[task][pe] == 0)
            else:
                runs.append(model.new_optional_interval_var(start[task], ticks, end[task], on[task][pe], ""))
        model.add_no_overlap(runs)
    for task in range(dag.tasks):
        model.add_exactly_one(on[task])
        model.add(last >= end[task])
        for before, transfer in dag.predecessors[task]:
            model.add(start[task] >= end[before])
            for pe in range(dag.pes):
                model.add(start[task] >= end[before] + transfer).only_enforce_if(on[task][pe], ~on[before][pe])
            if contention and transfer:
                _add_bus(before, task, transfer)
    for sent in buses.values():
        model.add_no_overlap(sent)
    model.minimize(last)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = 30.0
    return round(solver.objective_value) if solver.solve(model) == cp_model.OPTIMAL else None


def compute(instance: DagInstance | StreamInstance) -> Figures:
    """Find the figures of an instance; of a small graph, the reference is the optimum."""
    found = figures.compute(instance)
    if isinstance(instance, StreamInstance) or instance.dag.tasks > MOST_SOLVED_TASKS:
        return found
    best = optimum(instance.dag, found.reference, instance.kind == "contention")
    return found if best is None else Figures(found.naive, best, proved=True)


def accepted(split: Split, index: int, kind: Kind = "static") -> tuple[int, DagInstance | StreamInstance, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(lambda attempt: own_instance(kind, split, index, attempt), compute, tells_apart)


def main(kind: Kind = "static") -> None:
    """Write the file of a kind."""
    public = public_streams() if kind == "stream" else public_dags(kind)
    write_reference(
        file_of(kind),
        "instances",
        SIZES[kind],
        lambda split, index: accepted(split, index, kind),
        digest,
        public=[(one, compute(one)) for one in public],
        programs=programs_digest(),
    )


if __name__ == "__main__":
    for each in sys.argv[1:] or KINDS:
        main(each)  # type: ignore[arg-type]
