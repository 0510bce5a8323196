"""Keep up with the straight line from no work at the start to the whole task at the deadline.

Stay on spot while it lasts. Without spot: on demand when behind the line, wait when not. Once on demand, stay there
until spot is back and the run is ahead of the line by one overhead, which is what the switch costs.

Source: Uniform Progress, Wu et al., "Can't Be Late", NSDI 2024.
"""


class Policy:
    def __init__(self, info):
        pass

    def decide(self, obs):
        available = bool(obs.spot_available[0])
        ahead_s = obs.done_s - obs.elapsed_s * obs.task_s / obs.deadline_s
        if obs.running == "ON_DEMAND":
            return "SPOT" if available and ahead_s >= obs.overhead_s else "ON_DEMAND"
        if available:
            return "SPOT"
        return "ON_DEMAND" if ahead_s < 0 else "NONE"
