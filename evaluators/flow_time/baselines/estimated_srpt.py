"""Shortest estimated remaining time first; a job that has outrun its estimate counts as about to end.

Source: Dell'Amico, Carra & Michiardi 2016 (PSBS: practical size-based scheduling), where it is called SRPTE. Without
estimates, what is left of the current operation; where that is hidden too, first come, first served.
"""

FOREVER = 10**15


class Policy:
    def __init__(self, info):
        self.estimates = info.kind == "estimate"

    def run(self, obs):
        left = obs.op_left
        if self.estimates:
            left = [max(0, guess - done) for guess, done in zip(obs.estimate, obs.attained, strict=True)]
        return left.index(min(left)), FOREVER
