"""Deal the models to the GPUs in turn; a model that does not fit goes to the next GPU with room."""

# EVOLVE-BLOCK-START
import random

import numpy as np

GPU_GB = 80.0
FREE_MODELS = 14  # of two GPUs, how many models are divided anew at once
START_SPLITS = 250  # pairs of GPUs divided anew for each start
SPLITS = 800  # and from the best
NODES = 450_000  # steps of the subset searches
PER_GPU = 300  # of one of them
WORK = 2_000_000  # steps of the bin completions
TEAM_MODELS = 44  # models of the GPUs that are packed anew together


class Cluster:
    def __init__(self, num_gpus, models):
        self.num_gpus = num_gpus
        self.size = [float(model.size_gb) for model in models]
        self.demand = [model.rate / model.slo for model in models]
        self.all = range(len(models))
        self.bound = sum(self.demand) / (GPU_GB * num_gpus - sum(self.size))
        self.rng = random.Random(0)

    def pressure(self, group):
        free, load = GPU_GB - sum(self.size[i] for i in group), sum(self.demand[i] for i in group)
        return 0.0 if not group else load / free if free > 1e-9 else 1e6 * (1.0 - min(free, 0.0))

    def pack(self, pressure, key):
        """Best fit of size + demand / pressure, or None."""
        weight = [s + d / pressure for s, d in zip(self.size, self.demand)]
        room, groups = [GPU_GB] * self.num_gpus, [[] for _ in range(self.num_gpus)]
        for i in sorted(self.all, key=lambda i: -key(self.size[i], weight[i])):
            fits = [(gb, gpu) for gpu, gb in enumerate(room) if weight[i] <= gb]
            if not fits:
                return None
            gpu = min(fits)[1]
            room[gpu] -= weight[i]
            groups[gpu].append(i)
        return groups

    def bisect(self, key):
        low = high = self.bound
        groups = self.pack(high, key)
        while groups is None and high < self.bound * 1e6:
            low, high = high, high * 1.3
            groups = self.pack(high, key)
        for _ in range(12):
            middle = 0.5 * (low + high)
            found = self.pack(middle, key)
            if found is None:
                low = middle
            else:
                high, groups = middle, found
        return groups

    def deal(self):
        """In turn, back and forth, by falling weight; who does not fit goes where most is free."""
        groups = [[] for _ in range(self.num_gpus)]
        free = [GPU_GB] * self.num_gpus
        turns = [*range(self.num_gpus), *reversed(range(self.num_gpus))]
        for rank, i in enumerate(sorted(self.all, key=lambda i: -self.size[i] - self.demand[i] / self.bound)):
            gpu = turns[rank % len(turns)]
            if free[gpu] - self.size[i] <= 1.0:
                gpu = max(range(self.num_gpus), key=free.__getitem__)
            free[gpu] -= self.size[i]
            groups[gpu].append(i)
        return groups

    def split(self, one, two):
        """The most even division of the models of two GPUs: the higher pressure, and both groups."""
        together = one + two
        self.rng.shuffle(together)
        moving, kept = together[:FREE_MODELS], set(together[FREE_MODELS:])
        here, there = [i for i in one if i in kept], [i for i in two if i in kept]
        gb = np.array([sum(self.size[i] for i in here)])
        rate = np.array([sum(self.demand[i] for i in here)])
        for i in moving:
            gb = np.concatenate([gb, gb + self.size[i]])
            rate = np.concatenate([rate, rate + self.demand[i]])
        free, other_free = GPU_GB - gb, GPU_GB - sum(self.size[i] for i in together) + gb
        other_rate = sum(self.demand[i] for i in together) - rate
        value = np.maximum(rate / np.maximum(free, 1e-9), other_rate / np.maximum(other_free, 1e-9))
        mask = int(np.where((free > 1e-9) & (other_free > 1e-9), value, np.inf).argmin())
        one = here + [i for k, i in enumerate(moving) if mask >> k & 1]
        two = there + [i for k, i in enumerate(moving) if not mask >> k & 1]
        return max(self.pressure(one), self.pressure(two)), one, two

    def subset(self, items, weight, room, enough):
        """Of the items (heaviest first) those that fill the room best; ends when no more than enough is wasted."""
        best, best_left, steps = (), room, 0
        stack = [(0, room, ())]
        while stack and steps < PER_GPU:
            steps += 1
            k, left, chosen = stack.pop()
            if left < best_left - 1e-12:
                best, best_left = chosen, left
                if left <= enough:
                    break
            while k < len(items) and weight[items[k]] > left:
                k += 1
            if k < len(items):
                stack.append((k + 1, left, chosen))
                stack.append((k + 1, left - weight[items[k]], (*chosen, items[k])))
        return best, steps + 5

    def refill(self, groups):
        """Fill the worst GPU and a few others anew for a lower pressure, as long as that is found to work."""
        rng, gpus = self.rng, range(self.num_gpus)
        groups = [list(group) for group in groups]
        now = [self.pressure(group) for group in groups]
        nodes = fails = 0
        while nodes < NODES and fails < 400 and max(now) > self.bound * (1 + 1e-9):
            worst = max(gpus, key=now.__getitem__)
            others = sorted((g for g in gpus if g != worst), key=now.__getitem__)
            count = min(len(others), 1 + fails % 3)
            team = [worst, *(others[:count] if fails < 3 else rng.sample(others, count))]
            models = [i for g in team for i in groups[g]]
            jitter = 0.0 if fails < 3 else 0.3
            load = sum(self.demand[i] for i in models)
            low, high, better = load / (GPU_GB * len(team) - sum(self.size[i] for i in models)), now[worst], None
            for step in range(5):
                p = low + (high - low) * (0.1, 0.5, 0.5, 0.5, 0.999999)[step]
                if better is not None and step == 4:
                    break
                weight = {i: self.size[i] + self.demand[i] / p for i in models}
                rest = sorted(models, key=lambda i: -weight[i] * rng.uniform(1.0 - jitter, 1.0 + jitter))
                slack = GPU_GB * len(team) - sum(weight.values())
                filled = []
                for number in range(len(team)):
                    if not rest or weight[rest[0]] > GPU_GB or slack < -1e-9:
                        filled.append([])
                        continue
                    enough = 0.5 * max(slack, 0.0) / (len(team) - number)
                    chosen, steps = self.subset(rest[1:], weight, GPU_GB - weight[rest[0]], enough)
                    nodes += steps
                    filled.append([rest[0], *chosen])
                    slack -= GPU_GB - sum(weight[i] for i in filled[-1])
                    rest = [i for i in rest if i not in filled[-1]]
                if rest:
                    low = p
                else:
                    better, high = filled, max(map(self.pressure, filled))
            if better is None or high >= now[worst] * (1 - 1e-12):
                fails += 1
                continue
            fails = 0
            for gpu, group in zip(team, better):
                groups[gpu], now[gpu] = group, self.pressure(group)
        return groups

    def fillings(self, items, room, waste, cap):
        """Up to cap subsets of the items (weight and model, heaviest first) that leave no more than the waste."""
        tail = [0.0]
        for weight, _ in reversed(items):
            tail.append(tail[-1] + weight)
        tail.reverse()
        found, stack, steps, count = [], [(0, room, ())], 0, len(items)
        while stack and steps < 600 and len(found) < cap:
            steps += 1
            k, left, chosen = stack.pop()
            while k < count and items[k][0] > left:
                k += 1
            if left - tail[k] > waste:
                continue
            if k == count:
                if left <= waste:
                    found.append((left, chosen))
                continue
            if left <= waste:
                found.append((left, chosen))
            stack.append((k + 1, left, chosen))
            stack.append((k + 1, left - items[k][0], (*chosen, k)))
        self.work -= steps
        return found

    def complete(self, items, bins, waste, looseness, branch):
        """The items in so many GPUs, the heaviest that is left with each of its fillings in turn, or None."""
        if bins == 1:
            return [[i for _, i in items]]
        if not items:
            return [[] for _ in range(bins)]
        room = GPU_GB - items[0][0]
        if room < 0 or self.tries <= 0 or self.work <= 0:
            return None
        allowed = min(waste, looseness * waste / bins)
        found = self.fillings(items[1:], room, allowed, 3 * branch)
        random = self.rng.random
        # those of few and heavy models leave what is small for the last GPUs
        found.sort(key=lambda each: len(each[1]) + each[0] / (allowed + 1e-9) + 1.5 * random())
        for left, chosen in found[:branch]:
            self.tries -= 1
            if self.tries <= 0:
                return None
            taken = set(chosen)
            rest = [item for k, item in enumerate(items[1:]) if k not in taken]
            done = self.complete(rest, bins - 1, waste - left, looseness, branch)
            if done is not None:
                return [[items[0][1], *(items[1 + k][1] for k in chosen)], *done]
        return None

    def repack(self, groups):
        """Pack the worst GPU and others anew, many of them at once, by bin completion below its pressure."""
        rng, gpus = self.rng, range(self.num_gpus)
        groups = [list(group) for group in groups]
        now = [self.pressure(group) for group in groups]
        self.work, fails = WORK, 0
        while self.work > 0 and fails < 3000 and max(now) > self.bound * (1 + 1e-7):
            worst = max(gpus, key=now.__getitem__)
            others = [g for g in gpus if g != worst]
            rng.shuffle(others)
            most = rng.choice((12, 20, 30, TEAM_MODELS))
            team, count = [worst], len(groups[worst])
            for gpu in others:
                if count + len(groups[gpu]) <= most or len(team) == 1:
                    team.append(gpu)
                    count += len(groups[gpu])
            models = [i for g in team for i in groups[g]]
            load = sum(self.demand[i] for i in models)
            low = load / (GPU_GB * len(team) - sum(self.size[i] for i in models))
            self.work -= 5
            fails += 1
            if low >= now[worst] * (1 - 1e-9):
                continue
            p = low + (now[worst] - low) * rng.choice((0.6, 0.9, 0.999, 1 - 1e-7))
            items = sorted(((self.size[i] + self.demand[i] / p, i) for i in models), reverse=True)
            waste = GPU_GB * len(team) - sum(weight for weight, _ in items)
            self.tries = 20 * len(team)
            packed = self.complete(items, len(team), waste, rng.choice((1.5, 2.5, 4.0)), rng.choice((3, 6, 12)))
            if packed is None:
                continue
            pressures = [self.pressure(group) for group in packed]
            if max(pressures) < now[worst] * (1 - 1e-12):
                fails = 0
                for gpu, group, pressure in zip(team, packed, pressures):
                    groups[gpu], now[gpu] = group, pressure
        return groups

    def even_out(self, groups, splits):
        """Re-splits of the worst GPU with another; where none helps, a few exchanges at random from the best."""
        rng, gpus = self.rng, range(self.num_gpus)
        groups = [list(group) for group in groups]
        now = [self.pressure(group) for group in groups]
        best, best_groups = max(now), groups[:]
        while splits > 0 and best > self.bound * (1 + 1e-9):
            worst = max(gpus, key=now.__getitem__)
            for other in sorted((g for g in gpus if g != worst), key=now.__getitem__):
                splits -= 1
                value, one, two = self.split(groups[worst], groups[other])
                if value < now[worst] * (1 - 1e-12):
                    groups[worst], groups[other] = one, two
                    now[worst], now[other] = self.pressure(one), self.pressure(two)
                    break
                if splits <= 0:
                    break
            else:
                groups = best_groups[:]
                for _ in range(rng.randint(1, 3)):
                    one = max(gpus, key=lambda g: self.pressure(groups[g])) if rng.random() < 0.5 else rng.choice(gpus)
                    two = rng.choice(gpus)
                    if one != two and groups[one] and groups[two]:
                        first, second = list(groups[one]), list(groups[two])
                        a, b = rng.randrange(len(first)), rng.randrange(len(second))
                        first[a], second[b] = second[b], first[a]
                        if max(self.pressure(first), self.pressure(second)) < 1e6:
                            groups[one], groups[two] = first, second
                now = [self.pressure(group) for group in groups]
            if max(now) < best:
                best, best_groups = max(now), groups[:]
        return best, best_groups


def place(num_gpus, models):
    cluster = Cluster(num_gpus, models)
    keys = (lambda size, weight: weight, lambda size, weight: size, lambda size, weight: max(size, weight - size))
    starts = [cluster.deal(), *(cluster.bisect(key) for key in keys)]
    found = [cluster.even_out(groups, START_SPLITS) for groups in starts if groups is not None]
    _, groups = cluster.even_out(min(found, key=lambda each: each[0])[1], SPLITS)
    groups = cluster.repack(cluster.refill(groups))
    placement = [0] * len(models)
    for gpu, group in enumerate(groups):
        for i in group:
            placement[i] = gpu
    return placement


# EVOLVE-BLOCK-END
