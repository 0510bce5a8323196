"""First come, first served, each job to its end.

Source: the discipline of a queue, e.g. Kleinrock 1975 (Queueing Systems I). Good for work that hardly varies, hopeless
where a few jobs are very long.
"""

FOREVER = 10**15


class Policy:
    def __init__(self, info):
        pass

    def run(self, obs):
        return 0, FOREVER
