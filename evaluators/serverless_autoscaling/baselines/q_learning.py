"""Functions: every instance is kept for ten minutes. A service: Q-learning moves the limit, a window the replicas.

State: the limit, in steps of ten; action: one step down, none, or up; reward: less cost a request. Source: learning the
concurrency limit by reinforcement, Schuler, Jamil and Kuehl 2021 (CCGrid, "AI-based resource allocation"), as a table.
Its numbers are chosen by the mean score over 25 hours drawn as those of train: the five, and twenty more.
"""

import math
import random

import numpy as np

KEPT_MIN = 10
LIMITS = range(30, 111, 10)
MOVES = (0, -1, 1)
PERIOD = 12  # ticks
EXPLORE = 0.1  # at first; less and less
RATE, DISCOUNT = 0.3, 0.5
FILLED, WINDOW = 0.4, 15


class Policy:
    def __init__(self, info):
        self.past = np.zeros((KEPT_MIN, len(info.mem_gb)), dtype=np.int64)

    def target(self, obs):
        self.past[obs.minute % KEPT_MIN] = obs.peak
        return self.past.max(axis=0)


class Scaler:
    def __init__(self, info):
        self.rng = random.Random(0)
        self.values = [[0.0] * len(MOVES) for _ in LIMITS]
        self.state, self.action = LIMITS.index(info.limit), 0
        self.cost = self.served = 0
        self.past = []

    def decide(self, obs):
        self.past = [*self.past[1 - WINDOW :], obs.wanted]
        self.cost += 2 * (obs.ready + obs.starting) + 10 * obs.late
        self.served += obs.served
        if (obs.tick + 1) % PERIOD == 0:
            self.learn(obs.tick)
        limit = LIMITS[self.state]
        return max(1, min(200, math.ceil(max(self.past) / (FILLED * limit)))), limit

    def learn(self, tick):
        after = min(len(LIMITS) - 1, max(0, self.state + MOVES[self.action]))
        aim = -math.log((1 + self.cost) / (1 + self.served)) / 10 + DISCOUNT * max(self.values[after])
        row = self.values[self.state]
        row[self.action] += RATE * (aim - row[self.action])
        self.state, self.cost, self.served = after, 0, 0
        row = self.values[after]
        self.action = max(range(len(MOVES)), key=row.__getitem__)
        if self.rng.random() < EXPLORE / (1 + tick / 300):
            self.action = self.rng.randrange(len(MOVES))
