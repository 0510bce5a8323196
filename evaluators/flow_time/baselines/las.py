"""Least attained service: the job that was worked on least, for a twentieth of that, then again.

Source: Kleinrock 1976 (Queueing Systems II), as foreground-background; shortest elapsed time first of Kalyanasundaram &
Pruhs 2000 (Speed is as powerful as clairvoyance). It needs to know nothing of a job.
"""

SHARE = 0.05  # of what a job has attained: how long it then runs
LEAST = 0.02  # of the mean operation: the shortest such piece
PIECES = 16  # of one plan: it ends anyway when an operation ends or a job comes


class Policy:
    def __init__(self, info):
        self.least = max(1, round(LEAST * info.mean_op))

    def run(self, obs):
        attained = list(obs.attained)
        plan = []
        for _ in range(PIECES):
            place = attained.index(min(attained))
            budget = max(self.least, round(SHARE * attained[place]))
            attained[place] += budget
            plan.append((place, budget))
        return plan
