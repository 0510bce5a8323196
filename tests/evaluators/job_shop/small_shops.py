"""Shops small enough for slow ways, and a slow way to run them: tick after tick, nothing kept between two."""

from __future__ import annotations

import random

from evaluators.job_shop.shop import Breakdown, Job, Shop


def random_shop(seed, *, flexible=False, dynamic=False, broken=False, jobs=4, machines=3, longest=6):
    """Return a shop of at most so many jobs, machines and ticks; each job passes each machine at most once."""
    rng = random.Random(seed)
    machines = rng.randint(1, machines)
    made, arrival = [], 0
    for _ in range(rng.randint(1, jobs)):
        ops = []
        for first in rng.sample(range(machines), rng.randint(1, machines)):
            able = {first} | ({m for m in range(machines) if rng.random() < 0.4} if flexible else set())
            ops.append(tuple((m, rng.randint(1, longest)) for m in sorted(able)))
        arrival += rng.randint(0, 4) if dynamic else 0
        due, weight = (arrival + rng.randint(1, 12), rng.randint(1, 4)) if dynamic else (-1, 1)
        made.append(Job(tuple(ops), arrival, due, weight))
    breakdowns = []
    for machine in range(machines if broken else 0):
        now = rng.randint(0, 8)
        for _ in range(3):
            end = now + rng.randint(1, 5)
            breakdowns.append(Breakdown(machine, now, end))
            now = end + rng.randint(1, 8)
    return Shop(machines, tuple(made), tuple(sorted(breakdowns, key=lambda one: (one.start, one.machine))))


def whim(seed, now, job, op, machine):
    """Return a number that depends on an option alone, so that two ways to run a shop choose alike."""
    return random.Random(f"{seed}/{now}/{job}/{op}/{machine}").random()


def whimsical(seed):
    """Return who starts the option of the least whim, and sometimes leaves all idle, if that is allowed."""

    def choose(floor, options):
        best = min(range(len(options)), key=lambda k: whim(seed, floor.now, *options[k][:3]))
        waits = floor.running and whim(seed, floor.now, *options[best][:3]) > 0.8
        return -1 if waits else best

    return choose


def tick_by_tick(shop, blocking, seed):
    """Return {(job, op): (machine, start, end, left)} of the whimsical choice, one tick at a time."""
    place = {}  # machine -> job on it
    step = [0] * len(shop.jobs)
    left_to_do = {}  # job -> ticks of its operation that are left
    found = {}
    now = 0
    while any(step[j] < len(job.ops) for j, job in enumerate(shop.jobs)):
        down = {one.machine for one in shop.breakdowns if one.start <= now < one.end}
        event = any(job.arrival == now for job in shop.jobs)
        event |= any(now in (one.start, one.end) for one in shop.breakdowns)
        for machine, job in list(place.items()):
            if left_to_do.get(job) == 0:
                event = True
                found[job, step[job]] = [*found[job, step[job]][:2], now, None]
                del left_to_do[job]
                step[job] += 1
                if step[job] == len(shop.jobs[job].ops) or not blocking:
                    found[job, step[job] - 1][3] = now
                    del place[machine]

        def enter(job, machine, ticks, now=now):
            for old in [m for m, other in place.items() if other == job]:
                del place[old]
            if step[job] and found[job, step[job] - 1][3] is None:
                found[job, step[job] - 1][3] = now
            found[job, step[job]] = [machine, now, None, None]
            place[machine], left_to_do[job] = job, ticks

        while event:
            options = []
            for j, job in enumerate(shop.jobs):
                if job.arrival > now or j in left_to_do or step[j] == len(job.ops):
                    continue
                if any(other == j and m in down for m, other in place.items()):
                    continue
                for machine, ticks in job.ops[step[j]]:
                    if machine not in place and machine not in down:
                        options.append((j, step[j], machine, ticks))
            if not options:
                break
            best = min(options, key=lambda one: whim(seed, now, *one[:3]))
            running = [j for j in place.values() if j in left_to_do]
            if running and whim(seed, now, *best[:3]) > 0.8:
                break
            enter(best[0], best[2], best[3])
        while blocking and event:
            # Follow each blocked job to the holder of its next machine, until one is met twice.
            wants = {m: shop.jobs[j].ops[step[j]][0] for m, j in place.items() if j not in left_to_do and m not in down}
            rings = []
            for first in wants:
                path = [first]
                while path[-1] in wants and wants[path[-1]][0] not in path:
                    path.append(wants[path[-1]][0])
                if path[-1] in wants and wants[path[-1]][0] == first:
                    rings.append(path)
            if not rings:
                break
            moves = [(place[m], *wants[m]) for m in rings[0]]
            for job, _, _ in moves:
                found[job, step[job] - 1][3] = now
            for m in rings[0]:
                del place[m]
            for job, machine, ticks in moves:
                found[job, step[job]] = [machine, now, None, None]
                place[machine], left_to_do[job] = job, ticks
        for machine, job in place.items():
            if machine not in down and job in left_to_do:
                left_to_do[job] -= 1
        now += 1
        assert now < 1000
    return {key: tuple(value) for key, value in found.items()}
