"""A policy that is asked once per tick what to run in it, and in which region."""

from math import ceil, floor

# EVOLVE-BLOCK-START
# Greedy in the first region: spot when it has some, wait when not, on demand when no time is left to wait.
ONE_START_MARGIN = 1.0  # go on demand when the ticks of work left, times this, fill the ticks left
TWO_STARTS_MARGIN = 1.0  # start nothing new but on demand when a second start would not fit
LEAST_SAVING = 2.5  # USD/h that spot elsewhere must be cheaper than on demand for the run to move there
STAY_BONUS = 0.5  # USD/h that spot here may be dearer than elsewhere before the run moves
PATIENCE = 1.0  # share of the slack that a run may fall behind the straight line before it pays for on demand
RETURN_SHARE = 0.25  # once on demand, stay until the run is behind by no more than this share of its patience


class Policy:
    def __init__(self, info):
        self.slack_s = info.deadline_s - info.task_s
        self.regions = info.regions

    def best_region(self, obs):
        """Return the region to run spot in now, or None: the cheapest by its rank."""
        best, best_rank = None, obs.on_demand_usd_per_h
        for region in range(self.regions):
            if obs.spot_available[region]:
                rank = obs.spot_usd_per_h[region] + LEAST_SAVING
                if region == obs.region:
                    rank = obs.spot_usd_per_h[region] - STAY_BONUS
                if rank < best_rank:
                    best, best_rank = region, rank
        return best

    def decide(self, obs):
        """Return (action, region) for the tick that begins."""
        here = obs.region
        left_s = obs.task_s - obs.done_s
        time_left_s = obs.deadline_s - obs.elapsed_s
        behind_s = obs.elapsed_s * obs.task_s / obs.deadline_s - obs.done_s
        one_start = ceil((left_s + obs.overhead_s) / obs.tick_s)
        two_starts = ceil((left_s + 2 * obs.overhead_s) / obs.tick_s)
        ticks_left = max(0, floor(time_left_s / obs.tick_s))

        if one_start * ONE_START_MARGIN >= ticks_left:
            return "ON_DEMAND", here
        if two_starts * TWO_STARTS_MARGIN >= ticks_left:
            if obs.running == "SPOT" and obs.spot_available[here]:
                return "SPOT", here
            return "ON_DEMAND", here
        region = self.best_region(obs)
        if region is not None:
            return "SPOT", region
        allowed_s = PATIENCE * self.slack_s
        if obs.running == "ON_DEMAND":
            allowed_s = allowed_s * RETURN_SHARE
        if behind_s > allowed_s:
            return "ON_DEMAND", here
        return "NONE", here


# EVOLVE-BLOCK-END
