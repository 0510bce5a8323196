"""What would help a person: where the chain that ends last waits, and behind whom; which jobs are late, and why."""

from __future__ import annotations

from collections import Counter

from evaluators.job_shop.chain import last_chain
from evaluators.job_shop.dispatching import Schedule
from evaluators.job_shop.figures import Figures, weighted_tardiness
from evaluators.job_shop.shop import ShopInstance, makespan_bound_ticks

MOST_LETTERS = 500


def explain_makespan(instance: ShopInstance, schedule: Schedule, figures: Figures) -> str:
    """Return one line of at most 500 characters on a schedule whose makespan counts."""
    shop, end = instance.shop, schedule.makespan_ticks
    known = "optimum" if figures.proved else "best known"
    facts = [
        f"{instance.kind}, {len(shop.jobs)} jobs on {shop.machines} machines: makespan {end} ({known} "
        f"{figures.reference:.0f}, first come first served {figures.naive:.0f}, "
        f"no schedule below {instance.lower_bound or makespan_bound_ticks(shop)})"
    ]
    links = last_chain(schedule)
    waits = [link for link in links if link.wait_ticks]
    if waits:
        total = sum(link.wait_ticks for link in waits)
        facts.append(
            f"the operations on the chain that ends last waited {total} ticks, at {len(waits)} of {len(links)}"
        )
        worst = max(waits, key=lambda link: link.wait_ticks)
        run = schedule.runs[worst.job][worst.op]
        said = f"operation {worst.op} of job {worst.job} waited {worst.wait_ticks} ticks for machine {run.machine}"
        if worst.behind is not None:
            job, op = worst.behind
            other = schedule.runs[job][op]
            said += f" behind operation {op} of job {job}, which ran there from {other.start} to {other.end}"
            if other.left > other.end:
                said += f" and blocked it until {other.left}"
        facts.append(said)
    else:
        facts.append("the chain that ends last never waits")
    facts.append(_busiest(instance, schedule))
    return ("; ".join(facts) + ".")[:MOST_LETTERS]


def _busiest(instance: ShopInstance, schedule: Schedule) -> str:
    """Say which machine does most, and how long it is idle before it has done all of it."""
    busy: Counter[int] = Counter()
    last: dict[int, int] = {}
    for runs in schedule.runs:
        for run in runs:
            busy[run.machine] += run.end - run.start
            last[run.machine] = max(last.get(run.machine, 0), run.end)
    machine, ticks = max(busy.items(), key=lambda item: (item[1], -item[0]))
    return f"machine {machine} does most, {ticks} ticks, and is idle for {last[machine] - ticks} before its last end"


def explain_late(instance: ShopInstance, schedule: Schedule, figures: Figures, x: float) -> str:
    """Return one line of at most 500 characters on a schedule whose tardiness counts."""
    shop = instance.shop
    late = weighted_tardiness(shop.jobs, schedule)
    counted = range(instance.warm_up, len(shop.jobs))
    facts = [
        f"dynamic, {len(counted)} jobs that count on {shop.machines} machines: mean weighted tardiness {x:.1f} ticks "
        f"(best of the rules {figures.reference:.1f}, first come first served {figures.naive:.1f})"
    ]
    behind = sorted((j for j in counted if late[j]), key=lambda j: -late[j])
    if not behind:
        return facts[0] + "; no job is late."
    by_weight = Counter(shop.jobs[j].weight for j in behind)
    share = sum(late[j] for j in behind[: max(1, len(counted) // 20)]) / sum(late[j] for j in counted)
    facts.append(
        f"{len(behind)} jobs are late ("
        + ", ".join(f"{count} of weight {weight}" for weight, count in sorted(by_weight.items()))
        + f"); 5 % of all jobs make {share:.0%} of it"
    )
    worst = behind[0]
    job, runs = shop.jobs[worst], schedule.runs[worst]
    waits = [run.start - run.ready for run in runs]
    op = max(range(len(runs)), key=lambda k: waits[k])
    facts.append(
        f"worst: job {worst} (weight {job.weight}, there at {job.arrival}, due at {job.due}) ended at {runs[-1].end}; "
        f"its {len(runs)} operations waited {sum(waits)} ticks, {waits[op]} of them operation {op} for machine "
        f"{runs[op].machine}"
    )
    return ("; ".join(facts) + ".")[:MOST_LETTERS]
