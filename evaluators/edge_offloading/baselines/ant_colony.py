"""A few ants choose for each task, by pheromone and cost; the best of them is followed.

Pheromones by size of task and server evaporate, and are renewed by one over the weighted cost. Tasks are only known one
at a time, so that ants share no window of them. Source: ant colony optimisation (Dorigo & Gambardella 1997, IEEE Trans.
Evol. Comput. 1).
"""

import random
from bisect import bisect_left

ANTS = 3
EVAPORATION = 0.15
SIZES = 4
HEURISTIC = 4.0


def costs(task, servers, s):
    """Delay (s) and energy (J) of the task at server s, as things stand."""
    sent_s = task.bits / servers.rate_bps[s]
    start_s = max(sent_s + servers.extra_latency_s[s], servers.backlog_s[s])
    used_j = 0.2 * sent_s + servers.power_coeff[s] * servers.freq_hz[s] ** 2 * task.cycles
    return start_s + task.cycles / servers.freq_hz[s], used_j + servers.extra_energy_j[s]


class Policy:
    def __init__(self, info):
        self.rng = random.Random(0)
        self.delay_unit, self.energy_unit = info.delay_unit_s, info.energy_unit_j
        self.trail = [[1.0] * info.servers for _ in range(SIZES)]
        self.sizes = []

    def offload(self, task, servers, preference):
        place = bisect_left(self.sizes, task.cycles)
        self.sizes.insert(place, task.cycles)
        size = SIZES * place // len(self.sizes)
        alive = [s for s, failed in enumerate(servers.failed) if not failed]
        cost = {}
        for s in alive:
            delay_s, used_j = costs(task, servers, s)
            cost[s] = max(0.05, preference[0]) * delay_s / self.delay_unit + preference[1] * used_j / self.energy_unit
        trail = self.trail[size]
        weights = [trail[s] * cost[s] ** -HEURISTIC for s in alive]
        found = min(self.rng.choices(alive, weights, k=ANTS), key=cost.__getitem__)
        for s in alive:
            trail[s] *= 1 - EVAPORATION
            if s == found:
                trail[s] += EVAPORATION * min(2.0, 1 / (0.1 + cost[s]))
            trail[s] = max(trail[s], 0.05)
        return found
