"""Which machine does which operation when. No simpy: a schedule is a list of starts and ends."""

from __future__ import annotations

from evaluators.job_shop.chain import last_chain
from evaluators.job_shop.dispatching import Schedule
from evaluators.job_shop.figures import Figures, weighted_tardiness
from evaluators.job_shop.shop import ShopInstance, makespan_bound_ticks
from evolve.picture import Bar, Bars, Interval, Lane, Lanes, Line, Mark, Picture, Series

LAST, OTHER, BLOCKED, DOWN = "on the chain that ends last", "other operation", "blocked by its job", "broken down"
LATE, IN_TIME = "of a job that is late", "of a job in time"
OPERATIONS_SHOWN = 1500


def drawn(instance: ShopInstance, schedule: Schedule, figures: Figures, x: float) -> Picture:
    """Return the operations by machine, and how busy each is, or how late each job is (kind dynamic). x: the cost."""
    shop, dynamic = instance.shop, instance.kind == "dynamic"
    late = weighted_tardiness(shop.jobs, schedule) if dynamic else []
    chain = set() if dynamic else {(link.job, link.op) for link in last_chain(schedule)}
    runs = sorted((run.start, job, op) for job, row in enumerate(schedule.runs) for op, run in enumerate(row))
    lanes: list[list[Interval]] = [[] for _ in range(shop.machines)]
    shown_until = schedule.makespan_ticks
    for start, job, op in runs[:OPERATIONS_SHOWN]:
        run = schedule.runs[job][op]
        kind = (LATE if late[job] else IN_TIME) if dynamic else LAST if (job, op) in chain else OTHER
        text = f"job {job}, operation {op}: [{start}, {run.end}) on machine {run.machine}, ready at {run.ready}"
        lanes[run.machine].append(Interval(start, run.end, kind, text))
        if run.left > run.end:
            lanes[run.machine].append(Interval(run.end, run.left, BLOCKED, f"job {job} stays until {run.left}"))
        if len(runs) > OPERATIONS_SHOWN:
            shown_until = start
    for one in shop.breakdowns:
        if one.start < shown_until:
            lanes[one.machine].append(Interval(one.start, one.end, DOWN, f"down: [{one.start}, {one.end})"))
    more = f", the first {OPERATIONS_SHOWN} of {len(runs)} operations" if len(runs) > OPERATIONS_SHOWN else ""
    names = [f"machine {machine}" for machine in range(shop.machines)]
    marks = () if dynamic else _marks(instance, schedule.makespan_ticks)
    rows = tuple(
        Lane(name, tuple(sorted(lane, key=lambda one: one.start))) for name, lane in zip(names, lanes, strict=True)
    )
    gantt = Lanes(f"What runs where{more}", "time (ticks)", rows, marks)
    if dynamic:
        points = tuple((float(job.arrival), float(ticks)) for job, ticks in zip(shop.jobs, late, strict=True))
        panel: Series | Bars = Series(
            "How late each job is", "arrival (ticks)", "weighted tardiness (ticks)", (Line("a job", points, "dots"),)
        )
        return Picture(
            f"{instance.id}: weighted tardiness {x:.1f}, reference {figures.reference:.1f}",
            (gantt, panel),
            f"The first {instance.warm_up} jobs do not count.",
        )
    busy = [0] * shop.machines
    for row in schedule.runs:
        for run in row:
            busy[run.machine] += run.end - run.start
    bars = tuple(Bar(name, 100.0 * ticks / max(x, 1)) for name, ticks in zip(names, busy, strict=True))
    return Picture(
        f"{instance.id}: {x:.0f} ticks, the reference takes {figures.reference:.0f}",
        (gantt, Bars("How busy each machine is", "of the time (%)", bars)),
        "The chain that ends last has no gap: to end earlier, one of its operations must start earlier.",
    )


def _marks(instance: ShopInstance, end: int) -> tuple[Mark, ...]:
    bound = instance.lower_bound or makespan_bound_ticks(instance.shop)
    return (Mark(float(end), f"end {end}"), *((Mark(float(bound), f"bound {bound}"),) if bound < end else ()))
