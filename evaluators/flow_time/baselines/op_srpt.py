"""Shortest remaining operation first: of what is revealed, the least is done first.

Source: Lindermayr et al., arXiv 2602.12716 (jobs that are gradually revealed): 2-competitive for uniform obligatory
tests. It ignores what may follow the operation. Where lengths are hidden it is first come, first served.
"""

FOREVER = 10**15


class Policy:
    def __init__(self, info):
        pass

    def run(self, obs):
        return obs.op_left.index(min(obs.op_left)), FOREVER
