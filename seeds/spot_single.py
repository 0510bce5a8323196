"""A policy that is asked once per tick what to run in it."""

from math import ceil, floor

# EVOLVE-BLOCK-START
# Greedy: take spot whenever there is some, wait otherwise, go on demand when there is no time left to wait.
ONE_START_MARGIN = 1.0  # go on demand when the ticks of work left, times this, fill the ticks left
TWO_STARTS_MARGIN = 1.0  # start nothing new but on demand when a second start would not fit
PATIENCE = 1.0  # share of the slack that a run may fall behind the straight line before it pays for on demand
RETURN_SHARE = 0.25  # once on demand, stay until the run is behind by no more than this share of its patience


class Policy:
    def __init__(self, info):
        self.slack_s = info.deadline_s - info.task_s

    def decide(self, obs):
        """Return "SPOT", "ON_DEMAND" or "NONE" for the tick that begins."""
        available = bool(obs.spot_available[0])
        left_s = obs.task_s - obs.done_s
        time_left_s = obs.deadline_s - obs.elapsed_s
        behind_s = obs.elapsed_s * obs.task_s / obs.deadline_s - obs.done_s
        one_start = ceil((left_s + obs.overhead_s) / obs.tick_s)
        two_starts = ceil((left_s + 2 * obs.overhead_s) / obs.tick_s)
        ticks_left = max(0, floor(time_left_s / obs.tick_s))

        if one_start * ONE_START_MARGIN >= ticks_left:
            return "ON_DEMAND"
        if two_starts * TWO_STARTS_MARGIN >= ticks_left:
            if available and obs.running == "SPOT":
                return "SPOT"
            return "ON_DEMAND"
        if available:
            return "SPOT"
        allowed_s = PATIENCE * self.slack_s
        if obs.running == "ON_DEMAND":
            allowed_s = allowed_s * RETURN_SHARE
        if behind_s > allowed_s:
            return "ON_DEMAND"
        return "NONE"


# EVOLVE-BLOCK-END
