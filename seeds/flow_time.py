"""A policy that is asked for plans: which job runs, and for how long."""

# EVOLVE-BLOCK-START
# Every job in turn for a fifth of a mean operation; whatever else is known of a job could be used, and is not.
QUANTUM = 0.2  # of a mean operation: how long each job runs, in the order of the ranks
FIRST = 1.0  # times as long the job with the lowest rank runs
PIECES = 12  # of one plan: it ends anyway when an operation ends or a job comes
TURN = 1.0  # how much the turn counts
LEFT = 0.0  # how much it counts what is left: of its operation, else of its estimate; from here on in mean operations
ATTAINED = 0.0  # how much it counts how long a job has run
ENDED = 0.0  # how much it counts how many of its operations have ended


def rank(turn, left, attained, ended):
    """Jobs run in the order of their ranks, the lowest first. turn: 0 for the job whose turn it is, then 1, 2, ..."""
    return TURN * turn + LEFT * left + ATTAINED * attained + ENDED * ended


class Policy:
    def __init__(self, info):
        self.mean_op = info.mean_op

    def run(self, obs):
        """Return the plan: pairs of a job's place and the ticks for which it runs."""
        k, unit = len(obs.job), self.mean_op
        first = next((place for place, job in enumerate(obs.job) if job > obs.last), 0)
        ranks = []
        for place in range(k):
            attained, left = obs.attained[place], obs.op_left[place]
            if left < 0:  # hidden: what is left of the estimate; nothing where there is none
                left = max(0, obs.estimate[place] - attained)
            ranks.append(rank((place - first) % k, left / unit, attained / unit, obs.op_index[place]))
        order = sorted(range(k), key=lambda place: ranks[place])
        budget, longer = max(1, round(QUANTUM * unit)), max(1, round(QUANTUM * FIRST * unit))
        return [(order[piece % k], longer if piece % k == 0 else budget) for piece in range(PIECES)]


# EVOLVE-BLOCK-END
