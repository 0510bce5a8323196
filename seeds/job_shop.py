"""A policy that is asked which waiting operation a free machine does next."""

# EVOLVE-BLOCK-START
# First come, first served; whatever else is known of an operation could be used, and is not.
WAITED = 1.0  # how much it counts how long an operation has waited; all times in mean durations
DURATION = 0.0
WORK_LEFT = 0.0  # how much it counts how much work the job has left, this operation included
OPS_LEFT = 0.0  # the same in operations
SHARE = 0.0  # duration over work left
NEXT_QUEUE = 0.0  # work that waits for the machine of the job's next operation
SLACK = 0.0  # time that is left until the job is due beyond its work (0 without due dates)
WEIGHT = 0.0  # of the job's tardiness


def rank(waited, duration, work_left, ops_left, next_queue, slack, weight):
    """Of what could start now, the operation with the lowest rank does."""
    return (
        -WAITED * waited
        + DURATION * duration
        + WORK_LEFT * work_left
        + OPS_LEFT * ops_left
        + SHARE * duration / max(0.01, work_left)
        + NEXT_QUEUE * next_queue
        + SLACK * slack
        + WEIGHT * weight
    )


class Policy:
    def __init__(self, info):
        self.unit = 50.0

    def dispatch(self, obs):
        """Return the place of the operation that starts; of several machines for it, the fastest is taken."""
        unit = self.unit
        best, best_rank = 0, None
        for k in range(len(obs.job)):
            slack = max(0.0, obs.due[k] - obs.now - obs.work_left[k]) if obs.due[k] >= 0 else 0.0
            its_rank = (
                rank(
                    (obs.now - obs.ready_since[k]) / unit,
                    obs.duration[k] / unit,
                    obs.work_left[k] / unit,
                    obs.ops_left[k],
                    obs.next_queue_work[k] / unit,
                    slack / unit,
                    obs.weight[k],
                ),
                obs.job[k],
                obs.duration[k],
            )
            if best_rank is None or its_rank < best_rank:
                best, best_rank = k, its_rank
        return best


# EVOLVE-BLOCK-END
