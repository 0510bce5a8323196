"""What would help a person: what the chain that ends last consists of, or where the jobs of a stream lose time."""

from __future__ import annotations

from evaluators.heterogeneous_dag.dag import Dag, DagInstance, critical_path_ticks, fastest, makespan_bound_ticks
from evaluators.heterogeneous_dag.figures import Figures
from evaluators.heterogeneous_dag.placement import Schedule
from evaluators.heterogeneous_dag.stream import Job, Service, job_ticks

MOST_LETTERS = 500


def explain_placement(instance: DagInstance, schedule: Schedule, figures: Figures) -> str:
    """Return one line of at most 500 characters on a placement."""
    dag = instance.dag
    says = "contention, " if instance.kind == "contention" else ""
    known = "optimum" if figures.proved else "reference"
    least = fastest(dag)
    chain = _chain(dag, schedule)
    facts = [
        f"{says}{dag.tasks} tasks on {dag.pes} PEs end at {schedule.makespan_ticks} ({known} {figures.reference}, "
        f"in turn {figures.naive}, never below {makespan_bound_ticks(dag)})"
    ]
    work = sum(dag.work[task][schedule.pe[task]] for task, _, _ in chain)
    moved = sum(ticks for _, ticks, _ in chain)
    facts.append(
        f"the chain that ends last has {len(chain)} tasks: {work} ticks of work (fastest PEs "
        f"{sum(least[task] for task, _, _ in chain)}), {moved} of transfer, {sum(b for *_, b in chain)} tasks behind "
        "others on their PE"
    )
    task, ticks, _ = max(chain, key=lambda link: (link[1], link[0]))
    if ticks:
        facts.append(f"its longest transfer is {ticks} ticks, to task {task} on PE {schedule.pe[task]}")
    slow = max((task for task, _, _ in chain), key=lambda t: (dag.work[t][schedule.pe[t]] - least[t], t))
    if dag.work[slow][schedule.pe[slow]] > least[slow]:
        facts.append(
            f"task {slow} takes {dag.work[slow][schedule.pe[slow]]} on PE {schedule.pe[slow]}, "
            f"{least[slow]} on PE {dag.work[slow].index(least[slow])}"
        )
    queued = sum(one.start - schedule.end[one.before] for one in schedule.transfers)
    if queued:
        facts.append(f"{len(schedule.transfers)} transfers wait {queued} ticks for busy buses in all")
    used = [0] * dag.pes
    for one, pe in enumerate(schedule.pe):
        used[pe] += dag.work[one][pe]
    shares = [ticks / max(1, schedule.makespan_ticks) for ticks in used]
    facts.append(f"PEs work {min(shares):.0%} to {max(shares):.0%} of the time")
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def _chain(dag: Dag, schedule: Schedule) -> list[tuple[int, int, bool]]:
    """Return (task, ticks of transfer it waited for, whether it waited for its PE) back from the last end."""
    task = max(range(dag.tasks), key=lambda t: (schedule.end[t], -t))
    there = {(one.before, one.task): one.end for one in schedule.transfers}
    found: list[tuple[int, int, bool]] = []
    seen = set()
    while task not in seen:  # tasks that take no time may end and start at one tick
        seen.add(task)
        start, pe = schedule.start[task], schedule.pe[task]
        step = None
        for before, _ in dag.predecessors[task]:
            if there.get((before, task), schedule.end[before]) == start:
                step = (before, start - schedule.end[before], False)
                break
        else:
            for other in range(dag.tasks):
                if schedule.pe[other] == pe and schedule.end[other] == start and other not in seen:
                    step = (other, 0, True)
                    break
        found.append((task, *(step[1:] if step else (0, False))))
        if step is None:
            break
        task = step[0]
    return found


def explain_stream(jobs: tuple[Job, ...], service: Service, figures: Figures, bound: int) -> str:
    """Return one line of at most 500 characters on how a stream was served."""
    ticks = job_ticks(jobs, service)
    count, tasks = len(jobs), sum(job.dag.tasks for job in jobs)
    queued = held = slow = 0
    for job, decided, start, pe, since in zip(
        jobs, service.decided, service.start, service.pe, service.ready_since, strict=True
    ):
        least = fastest(job.dag)
        for task in range(job.dag.tasks):
            queued += decided[task] - since[task]
            held += start[task] - decided[task]
            slow += job.dag.work[task][pe[task]] - least[task]
    worst = max(range(count), key=lambda number: (ticks[number], -number))
    late = max(
        range(jobs[worst].dag.tasks), key=lambda t: (service.decided[worst][t] - service.ready_since[worst][t], -t)
    )
    wait = service.decided[worst][late] - service.ready_since[worst][late]
    facts = [
        f"{count} jobs take {sum(ticks) / count:.0f} ticks on average (reference {figures.reference / count:.0f}, "
        f"first come first served {figures.naive / count:.0f}, never below {bound / count:.0f})",
        f"of a task's time, on average: {queued / tasks:.0f} ticks ready and not started, {held / tasks:.0f} on a PE "
        f"waiting for data, {slow / tasks:.0f} because a slower PE than the fastest was taken",
        f"up to {service.most_ready} tasks were ready at once",
        f"worst: job {worst} took {ticks[worst]} (alone {critical_path_ticks(jobs[worst].dag)}), its task {late} was "
        f"ready for {wait} before it started",
    ]
    return ("; ".join(facts) + ".")[:MOST_LETTERS]
