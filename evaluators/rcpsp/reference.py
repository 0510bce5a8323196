"""Compute the figures of our own projects: `python -m evaluators.rcpsp.reference` (ten minutes, with ortools).

Run it when a recipe or the reference program changes. The files keep how often a project was redrawn.
"""

from __future__ import annotations

from evaluators.rcpsp.baselines import sampled_lft_justified
from evaluators.rcpsp.figures import (
    STORED,
    STORED_FEASIBLE,
    Figures,
    compute,
    digest,
    naive_ticks,
    programs_digest,
    tells_apart,
)
from evaluators.rcpsp.project import Project, ProjectInstance, makespan_ticks
from evaluators.rcpsp.workload import RECIPES, Kind, own_instance
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split

SOLVER_WORK = 3.0
"""What CP-SAT may do, in its own units, about a second each: the same on every machine of one version."""


def solved(project: Project, known: list[int], work: float = SOLVER_WORK) -> tuple[int, bool]:
    """Return the least makespan that CP-SAT finds with one worker, and whether it is optimal.

    known: (n,) starts of a schedule, from which it sets out; the answer is no worse.
    Exact where it is proved: interval variables, precedences and one cumulative constraint per resource.
    """
    from ortools.sat.python import cp_model

    model, most_ticks = cp_model.CpModel(), makespan_ticks(project, known)
    starts = [model.new_int_var(0, most_ticks - d, "") for d in project.duration]
    tasks = [model.new_fixed_size_interval_var(s, d, "") for s, d in zip(starts, project.duration, strict=True)]
    end = model.new_int_var(0, most_ticks, "")
    for task, following in enumerate(project.successors):
        model.add(end >= starts[task] + project.duration[task])
        for successor in following:
            model.add(starts[successor] >= starts[task] + project.duration[task])
    for k, capacity in enumerate(project.capacity):
        users = [task for task in range(project.tasks) if project.demand[task][k]]
        model.add_cumulative([tasks[t] for t in users], [project.demand[t][k] for t in users], capacity)
    model.minimize(end)
    for start, tick in zip(starts, known, strict=True):
        model.add_hint(start, tick)
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = work
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return most_ticks, False
    return round(solver.objective_value), status == cp_model.OPTIMAL


def figures_solved(instance: ProjectInstance) -> Figures:
    """Return the figures with the solver's makespan where it is the better one. Redrawn projects are not solved."""
    _, known = sampled_lft_justified.schedule(instance.project)
    found = Figures(naive_ticks(instance.project), makespan_ticks(instance.project, known))
    if not tells_apart(instance, found):
        return found
    return Figures(found.naive, *solved(instance.project, known))


def accepted(split: Split, index: int, kind: Kind = "makespan") -> tuple[int, ProjectInstance, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    figures = figures_solved if kind == "makespan" else compute
    return first_that_tells(lambda attempt: own_instance(kind, split, index, attempt), figures, tells_apart)


def main() -> None:
    """Write reference.json."""
    write_reference(
        STORED,
        "projects",
        {split: len(recipes) for split, recipes in RECIPES["makespan"].items()},
        accepted,
        digest,
        programs=programs_digest(),
    )


def main_feasible() -> None:
    """Write reference_feasible.json."""
    write_reference(
        STORED_FEASIBLE,
        "projects",
        {split: len(recipes) for split, recipes in RECIPES["feasible"].items()},
        lambda split, index: accepted(split, index, "feasible"),
        digest,
    )


if __name__ == "__main__":
    main_feasible()
    main()
