"""The server where the task ends first, whatever the preference.

Source: earliest completion time, as in minimum completion time of Maheswaran et al. 1999 (JPDC 59)."""


def costs(task, servers, s):
    """Delay (s) and energy (J) of the task at server s, as things stand."""
    sent_s = task.bits / servers.rate_bps[s]
    start_s = max(sent_s + servers.extra_latency_s[s], servers.backlog_s[s])
    used_j = 0.2 * sent_s + servers.power_coeff[s] * servers.freq_hz[s] ** 2 * task.cycles
    return start_s + task.cycles / servers.freq_hz[s], used_j + servers.extra_energy_j[s]


class Policy:
    def __init__(self, info):
        pass

    def offload(self, task, servers, preference):
        alive = [s for s, failed in enumerate(servers.failed) if not failed]
        return min(alive, key=lambda s: costs(task, servers, s)[0])
