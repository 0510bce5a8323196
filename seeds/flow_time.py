"""A policy that is asked for plans: which job runs, and for how long."""

# EVOLVE-BLOCK-START
# Every job in turn for a fifth of a mean operation; whatever else is known of a job could be used, and is not.
QUANTUM = 0.2  # of a mean operation: how long the job with the lowest rank runs before the next one does
PIECES = 12  # of one plan: it ends anyway when an operation ends or a job comes
TURN = 1.0  # how much the turn counts
ATTAINED = 0.0  # how much it counts how long a job has run; from here on in mean operations
LEFT = 0.0  # how much it counts what is left of its operation (-1 tick where that is hidden)
INDEX = 0.0  # how much it counts how many of its operations have ended
AGE = 0.0  # how much it counts how long it has been there
ESTIMATE = 0.0  # how much it counts what is left of its estimated work (nothing where there is no estimate)


def rank(turn, attained, left, index, age, estimated_left):
    """Jobs run in the order of their ranks, the lowest first. turn: 0 for the job whose turn it is, then 1, 2, ..."""
    return TURN * turn + ATTAINED * attained + LEFT * left + INDEX * index + AGE * age + ESTIMATE * estimated_left


class Policy:
    def __init__(self, info):
        self.mean_op = info.mean_op

    def run(self, obs):
        """Return the plan: pairs of a job's place and the ticks for which it runs."""
        k, unit = len(obs.job), self.mean_op
        first = next((place for place, job in enumerate(obs.job) if job > obs.last), 0)
        ranks = []
        for place in range(k):
            attained = obs.attained[place]
            estimated_left = max(0, obs.estimate[place] - attained)
            age = obs.now - obs.arrived[place]
            ranks.append(
                rank(
                    (place - first) % k,
                    attained / unit,
                    obs.op_left[place] / unit,
                    obs.op_index[place],
                    age / unit,
                    estimated_left / unit,
                )
            )
        order = sorted(range(k), key=lambda place: ranks[place])
        budget = max(1, round(QUANTUM * unit))
        return [(order[piece % k], budget) for piece in range(PIECES)]


# EVOLVE-BLOCK-END
