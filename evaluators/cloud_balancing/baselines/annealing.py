"""Simulated annealing of the greedy answer, at every tick, on what a placement is expected to cost.

Source: one of the metaheuristics of Sliwko (intelligent load balancing in cloud computing), seeded with the greedy
answer; Kirkpatrick et al. 1983.
"""

import math
import random

import numpy as np

HORIZON = 36  # ticks for which a placement is thought to last
TICK_USD_PER_W = 0.12 / 12 / 1000
TICK_USD_PER_MIPS = 0.5 / 12 / 2500
USD_PER_GB = 0.002
RELIEVED = 4  # moves at most off hot hosts, at a tick
EMPTIED = 2  # hosts that are tried to be switched off, at a tick
STEPS = 60  # proposals at a tick
WARM_USD = 0.002  # the temperature at first


class Policy:
    def __init__(self, info):
        self.mips, self.ram = info.host_mips.tolist(), info.host_ram_mb.tolist()
        self.idle = info.host_power_w[:, 0].tolist()
        self.rise = (info.host_power_w[:, -1] - info.host_power_w[:, 0]).tolist()
        self.max_mips, self.need_mb = info.vm_max_mips, info.vm_ram_mb.tolist()
        ratio = info.vm_dirty_mbit_s / 500
        self.move_usd = (USD_PER_GB * info.vm_ram_mb / 1000 * (1 - ratio**5) / (1 - ratio)).tolist()
        self.past = []
        self.rng = random.Random(0)

    def host_usd(self, host, vms, mean, var):
        """What a host is expected to cost: power at its mean load, and what a normal demand asks beyond it."""
        if not vms:
            return 0.0
        most = self.mips[host]
        watts = self.idle[host] + self.rise[host] * min(1.0, mean / most)
        sd = math.sqrt(max(var, 1.0))
        z = (most - mean) / sd
        excess = sd * math.exp(-z * z / 2) / 2.5066 - (most - mean) * 0.5 * math.erfc(z / 1.4142)
        return HORIZON * (TICK_USD_PER_W * watts + TICK_USD_PER_MIPS * max(0.0, excess))

    def see(self, obs):
        """Take in a tick: mean and variance of what each VM asks for, from all that was seen."""
        use = obs.vm_history if not self.past else obs.vm_history[:, -1:]
        self.past.append(use * self.max_mips[:, None] / 100)
        seen = np.concatenate(self.past, axis=1)[:, -48:]
        self.mean = (0.75 * seen.mean(axis=1) + 0.25 * seen[:, -3:].mean(axis=1)).tolist()
        self.var = (seen.var(axis=1) + 1.0).tolist()
        hosts = len(self.mips)
        self.at = obs.vm_host.tolist()
        self.start = list(self.at)
        self.on = [set() for _ in range(hosts)]
        self.host_mean, self.host_var, self.host_mb = [0.0] * hosts, [0.0] * hosts, [0] * hosts
        for vm, host in enumerate(self.at):
            self.add(vm, host, 1)

    def add(self, vm, host, sign):
        (self.on[host].add if sign > 0 else self.on[host].discard)(vm)
        self.host_mean[host] += sign * self.mean[vm]
        self.host_var[host] += sign * self.var[vm]
        self.host_mb[host] += sign * self.need_mb[vm]

    def change(self, vm, to):
        """By how much a move changes what is expected; None where there is no room in RAM."""
        of = self.at[vm]
        if of == to or self.host_mb[to] + self.need_mb[vm] > self.ram[to]:
            return None
        before = self.now(of) + self.now(to)
        m, v, left = self.mean[vm], self.var[vm], len(self.on[of]) - 1
        after = self.host_usd(of, left, self.host_mean[of] - m, self.host_var[of] - v)
        after += self.host_usd(to, 1, self.host_mean[to] + m, self.host_var[to] + v)
        paid = (to != self.start[vm]) - (of != self.start[vm])
        return after - before + paid * self.move_usd[vm]

    def now(self, host):
        return self.host_usd(host, len(self.on[host]), self.host_mean[host], self.host_var[host])

    def move(self, vm, to):
        self.add(vm, self.at[vm], -1)
        self.at[vm] = to
        self.add(vm, to, 1)

    def best_move(self, vm, targets):
        found = [(change, to) for to in targets if (change := self.change(vm, to)) is not None]
        return min(found, default=(math.inf, -1))

    def relieve(self):
        """Move VMs off the host that is expected to be overloaded most, while that pays."""
        hosts = range(len(self.mips))
        for _ in range(RELIEVED):
            hot = max(hosts, key=lambda h: (self.host_mean[h] + 2 * math.sqrt(self.host_var[h])) / self.mips[h])
            targets = [h for h in hosts if self.on[h]] + [h for h in hosts if not self.on[h]][:2]
            best = min(((*self.best_move(vm, targets), vm) for vm in self.on[hot]), default=(0.0, -1, -1))
            if best[0] >= 0:
                return
            self.move(best[2], best[1])

    def empty(self):
        """Switch off the least loaded hosts, each if moving all its VMs pays."""
        for host in sorted((h for h in range(len(self.mips)) if self.on[h]), key=lambda h: self.host_mean[h])[:EMPTIED]:
            total, moved = 0.0, []
            for vm in sorted(self.on[host], key=lambda vm: -self.mean[vm]):
                change, to = self.best_move(vm, [h for h in range(len(self.mips)) if self.on[h] and h != host])
                if to < 0:
                    total = math.inf
                    break
                self.move(vm, to)
                moved.append(vm)
                total += change
            if total >= 0:
                for vm in moved:
                    self.move(vm, host)

    def rebalance(self, obs):
        self.see(obs)
        self.relieve()
        self.empty()
        self.anneal()
        return [(vm, to) for vm, to in enumerate(self.at) if to != self.start[vm]]

    def anneal(self):
        total, best, best_at = 0.0, 0.0, list(self.at)
        for step in range(STEPS):
            vm = self.rng.randrange(len(self.at))
            other = self.rng.randrange(len(self.at))
            to = self.at[other] if self.rng.random() < 0.9 else self.start[vm]
            change = self.change(vm, to)
            warm = WARM_USD * (1 - step / STEPS) + 1e-9
            if change is not None and (change <= 0 or self.rng.random() < math.exp(-change / warm)):
                self.move(vm, to)
                total += change
                if total < best - 1e-12:
                    best, best_at = total, list(self.at)
        for vm, to in enumerate(best_at):
            if self.at[vm] != to:
                self.move(vm, to)
