"""The server with the least weighted sum of the task's own delay and energy, in units of round robin's.

Source: the myopic scalarisation that multi-objective reinforcement learning (GMORL) is compared with."""


def costs(task, servers, s):
    """Delay (s) and energy (J) of the task at server s, as things stand."""
    sent_s = task.bits / servers.rate_bps[s]
    start_s = max(sent_s + servers.extra_latency_s[s], servers.backlog_s[s])
    used_j = 0.2 * sent_s + servers.power_coeff[s] * servers.freq_hz[s] ** 2 * task.cycles
    return start_s + task.cycles / servers.freq_hz[s], used_j + servers.extra_energy_j[s]


class Policy:
    def __init__(self, info):
        self.delay_unit, self.energy_unit = info.delay_unit_s, info.energy_unit_j

    def offload(self, task, servers, preference):
        def cost(s):
            delay_s, used_j = costs(task, servers, s)
            return preference[0] * delay_s / self.delay_unit + preference[1] * used_j / self.energy_unit

        return min((s for s, failed in enumerate(servers.failed) if not failed), key=cost)
