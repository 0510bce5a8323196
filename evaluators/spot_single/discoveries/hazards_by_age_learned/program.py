"""Take spot whenever there is some, wait otherwise, and go on demand when there is no time left to wait."""

from math import ceil, floor

# EVOLVE-BLOCK-START
import numpy as np

CELLS = 60_000  # time steps times slack steps of a table at most
STEPS = 500  # time steps at most
AGES_H = np.array([0.0, 0.2, 0.6, 1.8, 5.0, 15.0])  # ages of a stretch at which hazards are kept
PRIOR = np.array([2.0, 1.2, 0.5, 0.2, 0.09, 0.05])  # ends per hour at these ages, before anything is seen
STRENGTH = 1.0  # ends that the prior is worth at each age
FIRST_AGE_H = 1.0  # of the stretch that runs at the start
FORGET_H = 40.0


class Policy:
    def __init__(self, info):
        self.info = info
        ticks = max(1, int(info.deadline_s // info.tick_s))
        slack_ticks = ticks - info.task_s / info.tick_s + 3
        merge = max(1, ceil(ticks / STEPS))
        while ticks / merge * (slack_ticks / merge + 3) > CELLS:
            merge += 1
        self.merge = merge
        self.step_s = info.tick_s * merge
        self.tick_h = info.tick_s / 3600
        # by kind of stretch (0 without, 1 with spot) and age
        self.ends = np.zeros((2, len(AGES_H)))
        self.hours = np.zeros((2, len(AGES_H)))
        self.before = None
        self.age_h = FIRST_AGE_H
        self.changes = 0
        self.solved_at = None
        self.solved_changes = 0

    def place(self, age_h):
        """The two ages beside it, as index and weight of the upper."""
        j = min(int(np.searchsorted(AGES_H, age_h, side="right")) - 1, len(AGES_H) - 2)
        return j, min(1.0, (age_h - AGES_H[j]) / (AGES_H[j + 1] - AGES_H[j]))

    def watch(self, available):
        if self.before is None:
            self.before = available
            return
        kind = int(self.before)
        j, part = self.place(self.age_h)
        keep = np.exp(-self.tick_h / FORGET_H)
        self.hours *= keep
        self.ends *= keep
        self.hours[kind, j] += (1 - part) * self.tick_h
        self.hours[kind, j + 1] += part * self.tick_h
        if available != self.before:
            self.ends[kind, j] += 1 - part
            self.ends[kind, j + 1] += part
            self.age_h = 0.0
            self.changes += 1
        else:
            self.age_h += self.tick_h
        self.before = available

    def solve(self, time_left_s, slack_s):
        """tables[k][state, age]: least expected cost by slack left (in steps), k steps before the deadline.

        States: spot is there and nothing, spot or on demand runs; spot is gone and nothing or on demand runs.
        """
        info, step_s = self.info, self.step_s
        rate = (self.ends + STRENGTH) / (self.hours + STRENGTH / PRIOR)
        self.tick_end = np.minimum(rate * self.tick_h, 0.95)
        end = 1 - (1 - self.tick_end) ** self.merge
        count = len(AGES_H)
        older = np.zeros((count, count))
        for row in range(count):
            j, part = self.place(AGES_H[row] + step_s / 3600)
            older[row, j] += 1 - part
            older[row, j + 1] += part
        gone_stays, there_stays = (1 - end)[:, :, None] * older
        comes, goes = end[:, :, None]
        spot = float(info.spot_usd_per_h[0]) * step_s / 3600
        dear = info.on_demand_usd_per_h * step_s / 3600
        start = info.overhead_s / step_s
        self.size = size = max(3, int(slack_s // step_s) + 3)
        slack = np.arange(size, dtype=float)
        at = np.maximum(slack - start, 0.0)
        low = np.minimum(at.astype(int), size - 2)
        part = at - low
        rest, high = 1 - part, low + 1
        back = np.maximum(np.arange(size) - 1, 0)

        def begun(values):
            return values.take(low, axis=-1) * rest + values.take(high, axis=-1) * part

        guarded = int((slack < start + 1 - 1e-9).sum())
        slack_guarded = slack[:guarded]
        there, gone = np.zeros((3, count, size)), np.zeros((2, count, size))
        steps = int(time_left_s // step_s) + 1
        self.tables = np.zeros((steps + 1, 5, count, size), dtype=np.float32)
        for left in range(1, steps + 1):
            after = there_stays @ there
            after[:2] += goes * gone[0, 0]
            after[2] += goes * gone[1, 0]
            after_gone = gone_stays @ gone
            after_gone[0] += comes * there[0, 0]
            after_gone[1] += comes * there[2, 0]
            on_spot, on_dear = after[1] + spot, after[2] + dear
            gone_dear = after_gone[1] + dear
            gone_nothing = after_gone[0].take(back, axis=-1)
            begin = np.minimum(begun(on_spot), begun(on_dear))
            np.minimum(begin, after[0].take(back, axis=-1), out=begin)
            there[0] = begin
            np.minimum(begin, on_spot, out=there[1])
            np.minimum(begin, on_dear, out=there[2])
            np.minimum(begun(gone_dear), gone_nothing, out=gone[0])
            np.minimum(gone_dear, gone_nothing, out=gone[1])
            work = np.maximum(left - slack_guarded, 0.0)
            other, same = dear * np.ceil(work + start), dear * np.ceil(work)
            there[:2, :, :guarded] = other
            there[2, :, :guarded] = same
            gone[0, :, :guarded] = other
            gone[1, :, :guarded] = same
            if left < size:
                there[:, :, left:] = 0.0
                gone[:, :, left:] = 0.0
            self.tables[left, :3] = there
            self.tables[left, 3:] = gone

    def decide(self, obs):
        """Return "SPOT", "ON_DEMAND" or "NONE" for the tick that begins."""
        available = bool(obs.spot_available[0])
        left_s = obs.task_s - obs.done_s
        self.watch(available)
        if left_s <= 0:
            return "NONE"
        time_left_s = obs.deadline_s - obs.elapsed_s
        ticks_left = max(0, floor(time_left_s / obs.tick_s))
        if ceil((left_s + obs.overhead_s) / obs.tick_s) >= ticks_left:
            return "ON_DEMAND"
        if ceil((left_s + 2 * obs.overhead_s) / obs.tick_s) >= ticks_left:
            return "SPOT" if available and obs.running == "SPOT" else "ON_DEMAND"
        slack_s = time_left_s - left_s
        now_h = obs.elapsed_s / 3600
        if self.solved_at is None or now_h >= min(1.5 * self.solved_at + 1.0, self.solved_at + 6.0):
            self.solve(time_left_s, slack_s)
            self.solved_at = now_h
        table = self.tables[max(0, min(len(self.tables) - 1, int((time_left_s - obs.tick_s) / self.step_s + 0.5)))]
        kind = int(available)
        j, part = self.place(self.age_h)
        end = (1 - part) * self.tick_end[kind, j] + part * self.tick_end[kind, j + 1]
        k, share = self.place(self.age_h + self.tick_h)

        def value(there, gone, lost_s):
            """What is still to be paid after this tick, in which so much slack is lost."""
            at = min(max((slack_s - lost_s) / self.step_s, 0.0), self.size - 1.001)
            low = int(at)
            part = at - low
            stay, other = (there, gone) if available else (gone, there)

            def look(state, age):
                line = table[state, age]
                return float(line[low]) * (1 - part) + float(line[low + 1]) * part

            stays = (1 - share) * look(stay, k) + share * look(stay, k + 1)
            return (1 - end) * stays + end * look(other, 0)

        running = obs.running if obs.running != "SPOT" or available else "NONE"
        costs = {"NONE": value(0, 3, obs.tick_s)}
        lost_s = obs.overhead_left_s if running == "ON_DEMAND" else obs.overhead_s
        costs["ON_DEMAND"] = obs.on_demand_usd_per_h * obs.tick_s / 3600 + value(2, 4, lost_s)
        if available:
            lost_s = obs.overhead_left_s if running == "SPOT" else obs.overhead_s
            costs["SPOT"] = float(obs.spot_usd_per_h[0]) * obs.tick_s / 3600 + value(1, 3, lost_s)
        return min(costs, key=lambda kind: (costs[kind], kind != running))


# EVOLVE-BLOCK-END
