"""Round robin: every job in turn for a fifth of a mean operation. The naive baseline.

Source: Kleinrock 1967 (Time-shared systems: a theoretical treatment): a short quantum shares the machine evenly.
"""

QUANTUM = 0.2  # of the mean operation
PIECES = 12  # of one plan: it ends anyway when an operation ends or a job comes


class Policy:
    def __init__(self, info):
        self.quantum = max(1, round(QUANTUM * info.mean_op))

    def run(self, obs):
        k = len(obs.job)
        turn = next((place for place, job in enumerate(obs.job) if job > obs.last), 0)
        return [((turn + step) % k, self.quantum) for step in range(PIECES)]
