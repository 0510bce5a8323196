"""A price for each server, made of what a task takes and uses there; the cheapest one gets the task."""

# EVOLVE-BLOCK-START
# Now only the turn counts: round robin.  No weight is given to delay or energy yet.
TURN = 1.0  # how much the turn counts: 0 for the server whose turn it is, then 1, 2, ...
DELAY = 0.0  # how much the delay of the task counts, times its weight in the preference
ENERGY = 0.0  # how much its energy counts, times its weight
BACKLOG = 0.0  # how much what waits at the server counts, whatever the preference
COMPUTE = 0.0  # how much the time of computing counts there, whatever the preference


class Policy:
    def __init__(self, info):
        self.delay_unit, self.energy_unit = info.delay_unit_s, info.energy_unit_j
        self.servers = info.servers
        self.next = 0

    def offload(self, task, servers, preference):
        """Of the servers that take tasks, the one with the lowest price gets it."""
        alive = [s for s in range(self.servers) if not servers.failed[s]]
        chosen = min(alive, key=lambda s: self.price(task, servers, preference, s))
        self.next = (chosen + 1) % self.servers
        return chosen

    def price(self, task, servers, preference, s):
        sent_s = task.bits / servers.rate_bps[s]
        compute_s = task.cycles / servers.freq_hz[s]
        delay_s = max(sent_s + servers.extra_latency_s[s], servers.backlog_s[s]) + compute_s
        energy_j = 0.2 * sent_s + servers.power_coeff[s] * servers.freq_hz[s] ** 2 * task.cycles
        energy_j += servers.extra_energy_j[s]
        return (
            TURN * ((s - self.next) % self.servers)
            + DELAY * preference[0] * delay_s / self.delay_unit
            + ENERGY * preference[1] * energy_j / self.energy_unit
            + BACKLOG * servers.backlog_s[s] / self.delay_unit
            + COMPUTE * compute_s / self.delay_unit
        )


# EVOLVE-BLOCK-END
