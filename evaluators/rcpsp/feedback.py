"""What would help a person: where on the chain that ends last a schedule waits, for what, and behind whom."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.rcpsp.figures import Figures
from evaluators.rcpsp.project import Project, makespan_bound_ticks, makespan_ticks

MOST_LETTERS = 500


def explain(project: Project, starts: Sequence[int], figures: Figures) -> str:
    """Return one line of at most 500 characters on a schedule that keeps all rules."""
    end = makespan_ticks(project, list(starts))
    known = "optimum" if figures.proved else "best known"
    facts = [
        f"{project.tasks} tasks end at {end} ({known} {figures.reference}, task order {figures.naive}, "
        f"no schedule below {makespan_bound_ticks(project)})"
    ]
    waits = _waits(project, starts)
    if waits:
        total = sum(ticks for _, ticks, _, _ in waits)
        facts.append(f"the chain that ends last waits {total} ticks for resources, in {len(waits)} places")
        for task, ticks, resource, behind in sorted(waits, key=lambda wait: -wait[1])[:2]:
            facts.append(
                f"task {task}, whose predecessors had ended, waited {ticks} ticks for {resource} "
                f"behind task {behind} (lasts {project.duration[behind]}, {len(project.successors[behind])} successors)"
            )
    else:
        facts.append("the chain that ends last waits for nothing: it is the critical path")
    facts.append(_busy(project, end))
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def _waits(project: Project, starts: Sequence[int]) -> list[tuple[int, int, str, int]]:
    """Return (task, ticks, resource, task in the way) along a chain back from the last end."""
    ends = [start + duration for start, duration in zip(starts, project.duration, strict=True)]
    task = max(range(project.tasks), key=lambda t: (ends[t], -t))
    found = []
    while True:
        ready = max([project.release[task], *(ends[before] for before in project.predecessors[task])])
        if starts[task] > ready:
            ended = [t for t in range(project.tasks) if ends[t] == starts[task]]
            shared = [
                (project.demand[t][k], t, f"resource {k}")
                for t in ended
                for k in range(len(project.capacity))
                if project.demand[t][k] and project.demand[task][k]
            ]
            if not shared:
                return found
            _, behind, resource = max(shared)
            found.append((task, starts[task] - ready, resource, behind))
            task = behind
        else:
            held = [before for before in project.predecessors[task] if ends[before] == starts[task]]
            if not held:
                return found
            task = held[0]


def _busy(project: Project, end: int) -> str:
    shares = [
        sum(d * need[k] for d, need in zip(project.duration, project.demand, strict=True)) / (capacity * end)
        for k, capacity in enumerate(project.capacity)
    ]
    return "resources used " + ", ".join(f"{share:.0%}" for share in shares)


def breaches_text(broken: Sequence[str]) -> str:
    """Return the first rules that a schedule breaks, and how many more there are."""
    shown = "; ".join(broken[:3])
    more = f"; and {len(broken) - 3} more" if len(broken) > 3 else ""
    return f"{len(broken)} rules broken: {shown}{more}."[:MOST_LETTERS]
