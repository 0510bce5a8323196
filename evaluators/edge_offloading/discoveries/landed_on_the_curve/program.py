"""A price for each server, made of what a task takes and uses there; the cheapest one gets the task."""

# EVOLVE-BLOCK-START
import numpy as np
THETAS = np.geomspace(0.03, 40.0, 40)  # prices of energy tried, against delay, in units of round robin
PRIOR = 20  # tasks that the first guess of the price is worth
WARM = 15  # tasks before the curve and the rollouts are believed
AHEAD = 24  # tasks of a rollout
SAMPLES = 10  # futures, blocks of past tasks
TRIED = 3  # servers tried in the rollouts
CLOSE = 0.5  # and how much dearer than the cheapest they may be
PULL = 1.5  # how strongly a run that left its place on the curve is pulled back


class Policy:
    def __init__(self, info):
        self.du, self.eu, shape = info.delay_unit_s, info.energy_unit_j, (41, info.servers)
        self.place = 1.0 - info.preference[0]  # 0: the fast end of the curve
        self.first = float(np.log(0.13 * 35**self.place))
        self.theta = np.append(THETAS, np.exp(self.first))  # the last row is the real run
        self.ends = np.zeros(shape)
        self.delay, self.energy, self.missed = np.zeros(41), np.zeros(41), np.zeros(41)
        self.turn, self.turn_ends = 0, np.zeros(info.servers)  # round robin on the same tasks
        self.turn_delay, self.turn_energy = 0.0, 0.0
        self.random = np.random.default_rng(7)
        self.times = np.zeros(1000)
        self.past = np.zeros((3, 1000, info.servers))  # there, compute, energy of past tasks, in units

    def offload(self, task, servers, preference):
        now, n, rows = task.arrival_s / self.du, task.number, np.arange(41)
        freq, sent = np.array(servers.freq_hz), task.bits / np.array(servers.rate_bps)
        there = (sent + servers.extra_latency_s) / self.du
        compute = task.cycles / freq / self.du
        energy = 0.2 * sent + np.array(servers.power_coeff) * freq**2 * task.cycles + servers.extra_energy_j
        energy = energy / self.eu
        limit = task.deadline_s / self.du
        if n >= WARM and n % 5 == 0:
            self.choose(n)
        backlog = np.maximum(self.ends - now, 0.0)
        done = np.maximum(backlog, there) + compute
        price = done + self.theta[:, None] * energy + 0.5 * (done > limit)
        price = np.where(servers.failed, np.inf, price)
        best = price.argmin(axis=1)
        if n < 1000:
            self.times[n], self.past[:, n] = now, (there, compute, energy)
            if WARM <= n < 299:
                best[-1] = self.look(n, price[-1], backlog[-1], done[-1], np.where(servers.failed, 1e9, 0.0))
        took = done[rows, best]
        self.ends[rows, best] = now + took
        s = self.turn
        while servers.failed[s]:
            s = (s + 1) % len(freq)
        self.turn = (s + 1) % len(freq)
        ready = max(there[s], self.turn_ends[s] - now) + compute[s]
        self.turn_ends[s] = now + ready
        self.turn_delay += ready
        self.turn_energy += energy[s]
        self.delay += took
        self.energy += energy[best]
        self.missed += took > limit
        return int(best[-1])

    def look(self, n, price, backlog, done, failed):
        """Of the servers that are nearly cheapest, the one after which the next tasks come out best."""
        order = price.argsort(kind="stable")[:TRIED]
        order = order[price[order] < price[order[0]] + CLOSE]
        count, servers = len(order), len(price)
        if count == 1:
            return order[0]
        ahead = min(AHEAD, 299 - n)  # the run ends at task 300
        start = self.random.integers(0, n, SAMPLES)
        index = (start[:, None] + np.arange(ahead)) % n + 1
        time = np.cumsum(self.times[index] - self.times[index - 1], axis=1)
        there, compute, energy = self.past[:, index]
        energy = self.theta[-1] * energy + failed
        ends = np.repeat(backlog[None, :], count, axis=0)
        ends[np.arange(count), order] = done[order]
        ends = np.repeat(ends[:, None, :], SAMPLES, axis=1)
        flat = ends.reshape(-1)
        base = (np.arange(count * SAMPLES) * servers).reshape(count, SAMPLES)
        total = np.zeros((count, SAMPLES))
        for h in range(ahead):
            at = time[:, h]
            later = np.maximum(ends - at[:, None], there[:, h])
            later += compute[:, h]
            cost = later + energy[:, h]
            spot = base + cost.argmin(axis=2)
            total += cost.reshape(-1)[spot]
            flat[spot] = later.reshape(-1)[spot] + at
        return order[(price[order] + total.mean(axis=1)).argmin()]

    def choose(self, n):
        """Lay the preferences along the curve, dense as the root of change of delay x change of energy.

        Both are taken against round robin on the same tasks, not against the unit of the whole scene: what has
        been seen may be harder or easier than what comes.  Rollouts move the real run along the curve: it is pulled back by its delay less its energy.
        """
        d = np.maximum.accumulate(self.delay[:-1] / self.turn_delay)
        e = np.minimum.accumulate(self.energy[:-1] / self.turn_energy)
        ok = (d < 0.99) & (e < 1.0) & (self.missed[:-1] <= 0.04 * n)
        if ok.sum() < 2:
            return
        d, e = d[ok], e[ok]
        along = np.append(0.0, np.cumsum(np.sqrt(np.diff(d) * -np.diff(e)) + 1e-6))
        at = along[-1] * (self.place + 0.04) / 1.08
        rate = np.interp(at, along, np.log(THETAS[ok]))
        own = self.delay[-1] / self.turn_delay - self.energy[-1] / self.turn_energy
        aim = np.interp(at, along, d - e)
        rate += PULL * np.clip(aim - own, -0.4, 0.4)
        self.theta[-1] = np.exp((n * rate + PRIOR * self.first) / (n + PRIOR))


# EVOLVE-BLOCK-END
