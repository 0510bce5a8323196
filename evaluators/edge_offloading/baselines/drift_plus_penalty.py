"""Weighted greedy that also prices the backlog, and weighs within the range in which queues stay short.

A second of work in a queue delays those that come after it: its price is the length of the queue over the mean gap
between tasks of a server. Delay has a weight of LOW at least, as for energy alone all goes to the slowest server, whose
queue never ends; and of HIGH at most. Source: Lyapunov drift-plus-penalty (Neely 2010, Stochastic Network
Optimization), V by preference.
"""

LOW, HIGH = 0.2, 0.9
DRIFT = 0.2


def costs(task, servers, s):
    """Delay (s) and energy (J) of the task at server s, as things stand."""
    sent_s = task.bits / servers.rate_bps[s]
    start_s = max(sent_s + servers.extra_latency_s[s], servers.backlog_s[s])
    used_j = 0.2 * sent_s + servers.power_coeff[s] * servers.freq_hz[s] ** 2 * task.cycles
    return start_s + task.cycles / servers.freq_hz[s], used_j + servers.extra_energy_j[s]


class Policy:
    def __init__(self, info):
        self.delay_unit, self.energy_unit = info.delay_unit_s, info.energy_unit_j
        self.servers = info.servers

    def offload(self, task, servers, preference):
        weight = LOW + (HIGH - LOW) * preference[0]
        gap_s = max(task.arrival_s / (task.number + 1), 1e-6) * self.servers

        def cost(s):
            delay_s, used_j = costs(task, servers, s)
            behind = DRIFT * task.cycles / servers.freq_hz[s] * (servers.backlog_s[s] / gap_s)
            return weight * (delay_s + behind) / self.delay_unit + (1 - weight) * used_j / self.energy_unit

        return min((s for s, failed in enumerate(servers.failed) if not failed), key=cost)
