"""The server whose backlog is shortest, of equal ones the first.

Source: join the shortest queue (Winston 1977, Journal of Applied Probability 14), by time."""


class Policy:
    def __init__(self, info):
        pass

    def offload(self, task, servers, preference):
        alive = [s for s, failed in enumerate(servers.failed) if not failed]
        return min(alive, key=servers.backlog_s.__getitem__)
