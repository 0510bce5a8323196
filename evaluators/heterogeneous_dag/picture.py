"""Which processing element runs which task when. No simpy: a schedule is a list of starts and ends."""

from __future__ import annotations

from evaluators.heterogeneous_dag.dag import DagInstance, fastest, makespan_bound_ticks
from evaluators.heterogeneous_dag.placement import Schedule
from evaluators.heterogeneous_dag.stream import Job, Service, job_ticks
from evolve.picture import Bar, Bars, Interval, Lane, Lanes, Line, Mark, Picture, Series

FAST, SLOW, SENT = "on its fastest PE", "on a slower PE", "data on a bus"
INTERVALS_SHOWN = 1500


def drawn_placement(instance: DagInstance, schedule: Schedule, reference: float) -> Picture:
    """Return the tasks of a graph by PE, the transfers by bus (kind contention), and how busy each PE is."""
    dag = instance.dag
    best, bound = fastest(dag), makespan_bound_ticks(dag)
    lanes: list[list[Interval]] = [[] for _ in range(dag.pes)]
    for task, (start, end, pe) in enumerate(zip(schedule.start, schedule.end, schedule.pe, strict=True)):
        inputs = ", ".join(str(before) for before, _ in dag.predecessors[task]) or "nothing"
        text = f"task {task}: [{start}, {end}) on PE {pe}, after {inputs}; at best it takes {best[task]}"
        lanes[pe].append(Interval(start, end, FAST if end - start <= best[task] else SLOW, text))
    end = schedule.makespan_ticks
    busy = [sum(one.end - one.start for one in lane) for lane in lanes]
    marks = (Mark(float(end), f"end {end}"), *((Mark(float(bound), f"bound {bound}"),) if bound < end else ()))
    return Picture(
        f"{instance.id}: {end} ticks, the reference takes {reference:g}",
        (
            Lanes("What runs where", "time (ticks)", (*_lanes(lanes), *_buses(instance, schedule)), marks),
            Bars("How busy each PE is", "of the time (%)", _bars([100.0 * ticks / max(end, 1) for ticks in busy])),
        ),
        "Gaps are waits for inputs from other PEs.",
    )


def _buses(instance: DagInstance, schedule: Schedule) -> tuple[Lane, ...]:
    """Return the transfers of each bus that has any; none where links are never busy."""
    buses: dict[tuple[int, int], list[Interval]] = {}
    if instance.kind == "contention":
        for one in sorted(schedule.transfers, key=lambda one: one.start):
            if one.end > one.start:
                here, there = sorted((schedule.pe[one.before], schedule.pe[one.task]))
                text = f"task {one.before} to task {one.task}: [{one.start}, {one.end})"
                buses.setdefault((here, there), []).append(Interval(one.start, one.end, SENT, text))
    return tuple(Lane(f"bus {here}-{there}", tuple(sent)) for (here, there), sent in sorted(buses.items()))


def drawn_stream(name: str, jobs: tuple[Job, ...], service: Service) -> Picture:
    """Return the first part of a stream by PE, and how long each job took."""
    pes = jobs[0].dag.pes
    lanes: list[list[Interval]] = [[] for _ in range(pes)]
    tasks = sorted(
        (service.start[job][task], job, task) for job in range(len(jobs)) for task in range(jobs[job].dag.tasks)
    )
    for start, job, task in tasks[:INTERVALS_SHOWN]:
        pe, end = service.pe[job][task], service.end[job][task]
        least = min(ticks for ticks in jobs[job].real[task] if ticks >= 0)
        text = f"job {job}, task {task}: [{start}, {end}) on PE {pe}"
        lanes[pe].append(Interval(start, end, FAST if end - start <= least else SLOW, text))
    took = job_ticks(jobs, service)
    points = tuple((float(job.arrival), float(ticks)) for job, ticks in zip(jobs, took, strict=True))
    more = f", the first {INTERVALS_SHOWN} of {len(tasks)} tasks" if len(tasks) > INTERVALS_SHOWN else ""
    return Picture(
        f"{name}: {sum(took) / len(took):.1f} ticks a job",
        (
            Lanes(f"What runs where{more}", "time (ticks)", _lanes(lanes)),
            Series("How long each job takes", "arrival (ticks)", "ticks to its end", (Line("a job", points, "dots"),)),
        ),
        f"At most {service.most_ready} tasks were ready at once.",
    )


def _lanes(lanes: list[list[Interval]]) -> tuple[Lane, ...]:
    return tuple(Lane(f"PE {number}", tuple(lane)) for number, lane in enumerate(lanes))


def _bars(shares: list[float]) -> tuple[Bar, ...]:
    return tuple(Bar(f"PE {number}", share) for number, share in enumerate(shares))
