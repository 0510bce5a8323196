"""Keep up with the straight line from no work at the start to the whole task at the deadline, in any region.

Stay on spot while it lasts where it is. When it is gone: spot in the cheapest region that has some. Without any: on
demand when behind the line, wait when not. Once on demand, stay there until spot is somewhere and the run is ahead of
the line by one overhead, which is what the switch costs.

Source: Uniform Progress, Wu et al., "Can't Be Late", NSDI 2024; moving to an available region, cheapest first, is the
simplest extension of it to several regions.
"""

import numpy as np


class Policy:
    def __init__(self, info):
        pass

    def decide(self, obs):
        here = obs.region
        ahead_s = obs.done_s - obs.elapsed_s * obs.task_s / obs.deadline_s
        if obs.running == "SPOT" and obs.spot_available[here]:
            return "SPOT", here
        prices = np.where(obs.spot_available, obs.spot_usd_per_h, np.inf)
        cheapest = int(np.argmin(prices))
        somewhere = bool(obs.spot_available[cheapest])
        if obs.running == "ON_DEMAND":
            return ("SPOT", cheapest) if somewhere and ahead_s >= obs.overhead_s else ("ON_DEMAND", here)
        if somewhere:
            return "SPOT", cheapest
        return ("ON_DEMAND" if ahead_s < 0 else "NONE"), here
