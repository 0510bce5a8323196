"""Send every partition straight to each destination: to be passed on counts as so dear that no detour pays."""

from itertools import pairwise

import numpy as np


def way_to(destination, cost, start):
    """Dijkstra from all regions that have the data. start: region -> cost. Returns regions, one that has it first."""
    total = np.full(len(cost), np.inf)
    for region in start:
        total[region] = start[region]
    before = np.full(len(cost), -1)
    waiting = total.copy()
    for _ in range(len(cost)):
        tail = int(waiting.argmin())
        if tail == destination:
            break
        waiting[tail] = np.inf
        through = total[tail] + cost[tail]
        better = through < total
        total[better] = through[better]
        waiting[better] = through[better]
        before[better] = tail
    way = [destination]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return way[::-1]


def tree_paths(cost, source, destinations, join_cost, hop_cost):
    """Let one destination after the other join the tree. Returns region -> path from the source, for all in it."""
    paths = {source: [source]}
    dearest_usd = cost[np.isfinite(cost)].max()
    for destination in sorted(destinations, key=lambda d: cost[source, d]):
        direct_usd = min(cost[source, destination], dearest_usd)
        start = {region: max(join_cost(len(path) - 1, direct_usd), 0.0) for region, path in paths.items()}
        for tail, head in pairwise(way_to(destination, cost + max(hop_cost(direct_usd), 0.0), start)):
            paths[head] = [*paths[tail], head]
    return paths


def trees_for(source, destinations, graph, count, edge_cost, join_cost, hop_cost):
    """Make one tree after the other. Returns for each of them destination -> [region, ...] from the source."""
    index = {name: number for number, name in enumerate(graph.regions)}
    exists = graph.gbit_s > 0
    gbit_s = np.where(exists, graph.gbit_s, 1.0)
    used = np.zeros(exists.shape)
    trees = []
    for _ in range(count):
        cost = np.where(exists, np.maximum(edge_cost(graph.usd_per_gb, gbit_s, used), 0.0), np.inf)
        paths = tree_paths(cost, index[source], [index[name] for name in destinations], join_cost, hop_cost)
        for name in destinations:
            for tail, head in pairwise(paths[index[name]]):
                used[tail, head] += 1
        trees.append({name: [graph.regions[region] for region in paths[index[name]]] for name in destinations})
    return trees


# EVOLVE-BLOCK-START
import math
import random
ROUNDS = {9: 30, 10: 16, 11: 9, 12: 5}  # trees made, by number of destinations
FEW_ROUNDS, MOST_EXACT = 40, 12
SLOW = 1.0  # an edge counts as dearer by what this many regions cost while it carries a GB
RELAY = 0.2  # and by this part of a second per GB into a region that is no destination
PUSH = 1.5  # what a bottleneck gets dearer by, in the same unit
DEARER_USD = 0.011  # a branch is hung elsewhere only if that is no dearer than this, USD/GB
POOL = 10  # trees that partitions may be spread over
GROUPS = (1, 2, 3, 4, 5, 6)  # numbers of trees that annealed plans may have
STEPS = 5000  # steps of annealing for each of them
TOGETHER = 0.4  # share of the steps that relieve the slowest region in all trees at once
WARM, COLD = 0.03, 0.0003  # temperature, as a share of what the machines cost
FRONT = {9: 30, 10: 16, 11: 8, 12: 4}  # steps along the frontier of price and flow, by number of destinations
FEW_FRONT, MOST_OUT = 40, 4  # a region that can feed this many edges at a flow counts as unlimited
UNITS, BEST, FINE_STEPS = 20, 3, 4000  # most trees refined, plans that are refined, steps for each of them
HEATS = ((0.01, 0.0002), (0.003, 0.0001))  # warm and cold
SOFT, POWER = 0.05, 8.0  # weight and sharpness of the soft maximum of the times


def bill(trees, weights, source, destinations, graph, index):
    """Return what it costs to send weights[i] partitions over trees[i] (destination -> path of numbers), in USD."""
    named, order, count = set(), [], {}
    for name in destinations:
        for tree in trees:
            for region in tree[name]:
                if region not in named:
                    named.add(region)
                    order.append(region)
    for tree, weight in zip(trees, weights):
        for edge in {edge for path in tree.values() for edge in pairwise(path)}:
            count[edge] = count.get(edge, 0) + weight
    flow = {edge: float(graph.gbit_s[edge]) for edge in count}
    into, out = {}, {}
    for edge in count:
        out.setdefault(edge[0], []).append(edge)
        into.setdefault(edge[1], []).append(edge)
    for region in order:
        for edges, limit in (
            (into.get(region, []), graph.ingress_gbit_s[region]),
            (out.get(region, []), graph.egress_gbit_s[region]),
        ):
            if sum(flow[edge] for edge in edges) > limit:
                for edge in edges:
                    flow[edge] = min(flow[edge], float(limit) / len(edges))
    gb = graph.partition_gb
    time_s = max(count[edge] * gb * 8 / flow[edge] for edge in count)
    egress_usd = sum(count[edge] * gb * float(graph.usd_per_gb[edge]) for edge in count)
    return egress_usd + len(order) * graph.region_usd_per_s * time_s


def halves_of(count):
    """Return for every set of destinations (a bit mask) the halves it can be split into, without mirror images."""
    halves = [None] * (1 << count)
    for mask in range(1, 1 << count):
        low = mask & -mask
        rest = mask ^ low
        subs, sub = [], rest
        while sub:
            sub = (sub - 1) & rest
            subs.append(low | sub)
        halves[mask] = np.array(subs, dtype=int)
    return halves


def cheapest_tree(cost, source, targets, halves):
    """Return the edges of the cheapest tree from source to all targets (Dreyfus and Wagner's dynamic program)."""
    n, all_regions = len(cost), np.arange(len(cost))
    far = cost.copy()
    np.fill_diagonal(far, 0.0)
    hop = np.tile(all_regions, (n, 1))  # first hop on the cheapest way from row to column
    for middle in range(n):
        through = far[:, middle, None] + far[None, middle, :]
        better = through < far - 1e-12
        far = np.where(better, through, far)
        hop = np.where(better, hop[:, middle, None], hop)
    full = (1 << len(targets)) - 1
    total = np.full((full + 1, n), np.inf)  # cost to reach a set of targets from a region
    hub = np.zeros((full + 1, n), dtype=int)  # where the way from there splits
    split = np.zeros((full + 1, n), dtype=int)  # and into which half
    for mask in range(1, full + 1):
        if mask & (mask - 1) == 0:
            total[mask] = far[:, targets[mask.bit_length() - 1]]
            continue
        subs = halves[mask]
        both = total[subs] + total[mask ^ subs]
        best = both.argmin(axis=0)
        split[mask] = subs[best]
        reach = far + both[best, all_regions]
        hub[mask] = reach.argmin(axis=1)
        total[mask] = reach[all_regions, hub[mask]]
    edges, todo = set(), [(source, full)]
    while todo:
        region, mask = todo.pop()
        single = mask & (mask - 1) == 0
        goal = targets[mask.bit_length() - 1] if single else int(hub[mask, region])
        while region != goal:
            after = int(hop[region, goal])
            edges.add((region, after))
            region = after
        if not single:
            half = int(split[mask, region])
            todo += [(region, half), (region, mask ^ half)]
    return edges


def paths_in(edges, cost, source, targets):
    """Return target -> path over the edges, so that every region is reached over one edge only."""
    before, reached = {}, {source}
    while True:
        ready = [(cost[edge], edge) for edge in edges if edge[0] in reached and edge[1] not in reached]
        if not ready:
            break
        _, (tail, head) = min(ready)
        before[head] = tail
        reached.add(head)
    paths = {}
    for target in targets:
        path = [target]
        while path[-1] != source:
            path.append(before[path[-1]])
        paths[target] = path[::-1]
    return paths


def bounded_tree(cost, slots, source, targets, halves):
    """Return the edges of the cheapest tree in which no region feeds more edges than it has slots, or None."""
    n, all_regions = len(cost), np.arange(len(cost))
    cost = np.where((slots > 0)[:, None], cost, np.inf)
    far = cost.copy()
    np.fill_diagonal(far, 0.0)
    hop = np.tile(all_regions, (n, 1))
    for middle in range(n):
        through = far[:, middle, None] + far[None, middle, :]
        better = through < far - 1e-12
        far = np.where(better, through, far)
        hop = np.where(better, hop[:, middle, None], hop)
    away = far.copy()
    np.fill_diagonal(away, np.inf)  # a branch leaves its region
    full = (1 << len(targets)) - 1
    bit_of = {target: 1 << bit for bit, target in enumerate(targets)}
    branch = np.full((full + 1, n), np.inf)  # one edge leaves the region for these targets
    hub = np.zeros((full + 1, n), dtype=int)
    fans = np.full((MOST_OUT + 1, full + 1, n), np.inf)  # so many edges leave it
    split = np.zeros((MOST_OUT + 1, full + 1, n), dtype=int)
    most = np.minimum(slots, MOST_OUT)

    def fan_of(mask, region):
        """Return (cost, edges out) of the best way to serve the targets from a region, by two edges or more."""
        limit = int(most[region])
        if limit < 2:
            return np.inf, 2
        out = 2 + int(fans[2 : limit + 1, mask, region].argmin())
        return fans[out, mask, region], out

    allowed = most[None, :] >= np.arange(MOST_OUT + 1)[:, None]
    for mask in range(1, full + 1):
        arrive = np.full(n, np.inf)
        if mask & (mask - 1):
            subs = halves[mask]
            rests = mask ^ subs
            first = branch[subs]
            for out in range(2, MOST_OUT + 1):
                if out == 2:
                    both = first + branch[rests]
                elif out < MOST_OUT:
                    both = first + fans[out - 1, rests]
                else:
                    both = first + np.minimum(fans[out - 1, rests], fans[out, rests])
                best = both.argmin(axis=0)
                split[out, mask] = subs[best]
                fans[out, mask] = both[best, all_regions]
            arrive = np.where(allowed[2:], fans[2:, mask], np.inf).min(axis=0)
        for target in targets:
            bit = bit_of[target]
            if mask == bit:
                arrive[target] = 0.0
            elif mask & bit:
                rest = mask ^ bit
                arrive[target] = min(arrive[target], branch[rest, target], fan_of(rest, target)[0])
        reach = away + arrive[None, :]
        hub[mask] = reach.argmin(axis=1)
        branch[mask] = reach[all_regions, hub[mask]]
    if not np.isfinite(min(branch[full, source], fan_of(full, source)[0])):
        return None
    edges, todo = set(), [(full, source, 0)]
    while todo:
        mask, region, out = todo.pop()  # out: number of edges to serve them by, 0 if that is open
        if out == 0:
            if mask & bit_of.get(region, 0):
                rest = mask ^ bit_of[region]
                if rest == 0:
                    continue
                inside = min(branch[rest, region], fan_of(rest, region)[0])
                if inside <= fan_of(mask, region)[0]:
                    mask = rest
                    usd, fan = fan_of(mask, region)
                    out = 1 if branch[mask, region] <= usd else fan
                else:
                    out = fan_of(mask, region)[1]
            elif region == source:
                usd, fan = fan_of(mask, region)
                out = 1 if branch[mask, region] <= usd else fan
            else:
                out = fan_of(mask, region)[1]
        if out == 1:
            goal, tail = int(hub[mask, region]), region
            while tail != goal:
                head = int(hop[tail, goal])
                edges.add((tail, head))
                tail = head
            todo.append((mask, goal, 0))
            continue
        part = int(split[out, mask, region])
        rest = mask ^ part
        if out == 2:
            after = 1
        elif out < MOST_OUT or fans[out - 1, rest, region] <= fans[out, rest, region]:
            after = out - 1
        else:
            after = out
        todo += [(part, region, 1), (rest, region, after)]
    return edges


class Broadcast:
    def __init__(self, source, destinations, graph, partitions):
        self.graph, self.destinations, self.partitions = graph, destinations, partitions
        self.index = {name: number for number, name in enumerate(graph.regions)}
        self.source = self.index[source]
        self.targets = [self.index[name] for name in destinations]
        self.exists = graph.gbit_s > 0
        self.gbit_s = np.where(self.exists, graph.gbit_s, 1.0)
        self.usd = np.where(self.exists, graph.usd_per_gb, 0.0)
        self.volume_gb = partitions * graph.partition_gb

    def bottleneck(self, before):
        """Return (seconds, region or edge that is to blame) when all partitions take the tree region -> region before."""
        graph, out = self.graph, {}
        for head, tail in before.items():
            out.setdefault(tail, []).append(head)
        worst_s, blame = 0.0, None
        for tail, heads in out.items():
            flows = [min(float(self.gbit_s[tail, head]), float(graph.ingress_gbit_s[head])) for head in heads]
            share = float(graph.egress_gbit_s[tail]) / len(heads)
            cut = sum(float(self.gbit_s[tail, head]) for head in heads) > graph.egress_gbit_s[tail]
            for head, flow in zip(heads, flows):
                by_region = cut and share < flow
                seconds = self.volume_gb * 8 / (share if by_region else flow)
                if seconds > worst_s:
                    worst_s, blame = seconds, (tail if by_region else (tail, head))
        return worst_s, blame

    def tree_usd(self, before):
        regions = len(before) + 1
        egress_usd = self.volume_gb * sum(float(self.usd[tail, head]) for head, tail in before.items())
        return egress_usd + regions * self.graph.region_usd_per_s * self.bottleneck(before)[0]

    def pruned(self, before):
        """Return the tree without relays that pass nothing on."""
        before = dict(before)
        while True:
            passing = set(before.values())
            idle = [head for head in before if head not in passing and head not in self.targets]
            if not idle:
                return before
            for head in idle:
                del before[head]

    def improved(self, before):
        """Hang branches elsewhere as long as that makes the bill smaller."""
        usd = self.tree_usd(before)
        again = True
        while again:
            again = False
            for head in sorted(before):
                if head not in before:
                    continue
                below, grew = {head}, True
                while grew:
                    more = {other for other, tail in before.items() if tail in below and other not in below}
                    below |= more
                    grew = bool(more)
                for tail in [self.source, *sorted(before)]:
                    if tail in below or tail == before[head] or not self.exists[tail, head]:
                        continue
                    if self.usd[tail, head] > self.usd[before[head], head] + DEARER_USD:
                        continue
                    other = self.pruned({**before, head: tail})
                    other_usd = self.tree_usd(other)
                    if other_usd < usd - 1e-9:
                        before, usd, again = other, other_usd, True
                        break
        return before, usd

    def trees(self):
        """Return (bill, tree) of many cheap trees, the best first."""
        rate = self.graph.region_usd_per_s * 8
        relay = np.full(len(self.usd), RELAY * rate)
        relay[self.targets] = 0.0
        base = self.usd + SLOW * rate / self.gbit_s + relay
        push = np.zeros_like(base)
        exact = len(self.targets) <= MOST_EXACT
        halves = halves_of(len(self.targets)) if exact else None
        rng = np.random.default_rng(0)
        found = {}
        for _ in range(ROUNDS.get(len(self.targets), FEW_ROUNDS)):
            cost = np.where(self.exists, base + push, np.inf)
            if exact:
                edges = cheapest_tree(cost, self.source, self.targets, halves)
            else:
                noisy = cost * (1 + 0.1 * rng.random(cost.shape))
                paths = tree_paths(noisy, self.source, self.targets, lambda hops, usd: 0.0, lambda usd: 0.0)
                edges = {edge for target in self.targets for edge in pairwise(paths[target])}
            paths = paths_in(edges, cost, self.source, self.targets)
            before = {head: tail for path in paths.values() for tail, head in pairwise(path)}
            blame = self.bottleneck(before)[1]
            push[blame] += PUSH * rate / 5
            better, usd = self.improved(before)
            found[frozenset(better.items())] = (usd, better)
            blame = self.bottleneck(better)[1]
            push[blame] += PUSH * rate / 5
        if exact:
            for before in self.frontier(halves):
                for tree, usd in ((before, self.tree_usd(before)), self.improved(before)):
                    found[frozenset(tree.items())] = (usd, tree)
        return sorted(found.values(), key=lambda pair: (pair[0], sorted(pair[1].items())))

    def frontier(self, halves):
        """Return cheapest trees for one flow after the other that every edge of theirs must have."""
        rate = self.graph.region_usd_per_s * 8
        fastest = np.minimum(self.gbit_s, self.graph.ingress_gbit_s[None, :])
        relay = np.ones(len(self.usd))
        relay[self.targets] = 0.0
        flow, best, trees = 0.0, np.inf, []
        for _ in range(FRONT.get(len(self.targets), FEW_FRONT)):
            usable = self.exists & (fastest >= flow)
            if not usable.any():
                break
            relay_usd = rate / flow if flow else RELAY * rate
            cost = np.where(usable, self.usd + relay * relay_usd + 0.01 * rate / fastest, np.inf)
            slots = np.full(len(relay), MOST_OUT)
            if flow:
                slots = np.minimum(np.floor(self.graph.egress_gbit_s / flow + 1e-9), MOST_OUT).astype(int)
            edges = bounded_tree(cost, slots, self.source, self.targets, halves)
            if edges is None:
                break
            paths = paths_in(edges, cost, self.source, self.targets)
            before = self.pruned({head: tail for path in paths.values() for tail, head in pairwise(path)})
            trees.append(before)
            best = min(best, self.tree_usd(before))
            egress_usd = self.volume_gb * sum(float(self.usd[tail, head]) for head, tail in before.items())
            least = (len(self.targets) + 1) * rate * self.volume_gb / float(fastest[self.exists].max())
            if egress_usd + least > best:
                break
            flow = max(flow, self.volume_gb * 8 / self.bottleneck(before)[0]) * (1 + 1e-6)
        return trees

    def paths(self, before):
        paths = {}
        for name, target in zip(self.destinations, self.targets):
            path = [target]
            while path[-1] != self.source:
                path.append(before[path[-1]])
            paths[name] = path[::-1]
        return paths

    def usd_of(self, trees, weights):
        used = [(tree, weight) for tree, weight in zip(trees, weights) if weight]
        chosen, counts = [tree for tree, _ in used], [weight for _, weight in used]
        return bill(chosen, counts, self.source, self.destinations, self.graph, self.index)

    def spread(self, trees):
        """Return trees (name -> path) and the number of partitions that each of them takes."""
        weights = [self.partitions] + [0] * (len(trees) - 1)
        usd = self.usd_of(trees, weights)
        while True:
            best = None
            for giver in range(len(trees)):
                for taker in range(len(trees)):
                    for moved in range(1, weights[giver] + 1):
                        if giver == taker:
                            break
                        other = list(weights)
                        other[giver] -= moved
                        other[taker] += moved
                        other_usd = self.usd_of(trees, other)
                        if other_usd < usd - 1e-9:
                            usd, best = other_usd, other
            if best is None:
                return trees, weights
            weights = best


class Annealer(Broadcast):
    """Hangs regions elsewhere in plans of several trees at once, judged by the bill with a soft maximum."""

    def prepare(self):
        self.rng = np.random.default_rng(0)
        self.price = np.where(self.exists, self.graph.usd_per_gb, np.inf).tolist()
        self.speed = self.graph.gbit_s.tolist()
        self.most_in, self.most_out = self.graph.ingress_gbit_s.tolist(), self.graph.egress_gbit_s.tolist()

    def measure(self, trees, weights):
        count = {}
        for tree, weight in zip(trees, weights):
            for head, tail in tree.items():
                count[tail, head] = count.get((tail, head), 0) + weight
        out, into, usd_per_gb = {}, {}, 0.0
        for (tail, head), parts in count.items():
            out.setdefault(tail, []).append(head)
            into.setdefault(head, []).append(tail)
            usd_per_gb += parts * self.price[tail][head]
        flow = {}
        for tail, heads in out.items():
            row, limit = self.speed[tail], self.most_out[tail]
            share = limit / len(heads) if sum(row[head] for head in heads) > limit else float("inf")
            for head in heads:
                flow[tail, head] = min(row[head], share)
        for head, tails in into.items():
            limit = self.most_in[head]
            if sum(flow[tail, head] for tail in tails) > limit:
                for tail in tails:
                    flow[tail, head] = min(flow[tail, head], limit / len(tails))
        gb = self.graph.partition_gb
        times = [parts * gb * 8 / flow[edge] for edge, parts in count.items()]
        worst = max(times)
        soft = worst * sum((time / worst) ** POWER for time in times) ** (1 / POWER)
        self.machines_usd = (len(into) + 1) * self.graph.region_usd_per_s * worst
        self.slowest = list(count)[times.index(worst)]
        return usd_per_gb * gb + self.machines_usd * (1 + SOFT * soft / worst)

    def neighbour(self, tree):
        heads = sorted(tree)
        relays = [head for head in heads if head not in self.targets]
        if relays and self.rng.random() < 0.2:
            # Another relay of the same price in the place of one.
            old, new = relays[int(self.rng.integers(len(relays)))], int(self.rng.integers(len(self.price)))
            if new in tree or new == self.source:
                return None
            children = [head for head in heads if tree[head] == old]
            was = self.price[tree[old]][old] + sum(self.price[old][head] for head in children)
            if self.price[tree[old]][new] + sum(self.price[new][head] for head in children) > was + 0.002:
                return None
            other = {head: (new if tail == old else tail) for head, tail in tree.items() if head != old}
            other[new] = tree[old]
            return other
        head = heads[int(self.rng.integers(len(heads)))]
        below, grew = {head}, True
        while grew:
            more = {other for other, tail in tree.items() if tail in below and other not in below}
            below |= more
            grew = bool(more)
        most = self.price[tree[head]][head] + 0.002
        tails = [
            tail
            for tail in [self.source, *heads]
            if tail not in below and tail != tree[head] and self.price[tail][head] <= most
        ]
        if not tails:
            return None
        return self.pruned({**tree, head: tails[int(self.rng.integers(len(tails)))]})

    def together(self, trees):
        """Hang one head of the slowest tail (or the slowest head) elsewhere in all trees that have that edge."""
        tail, head = self.slowest
        heads = sorted({other for tree in trees for other, before in tree.items() if before == tail})
        if self.rng.random() < 0.7 and heads:
            head = heads[int(self.rng.integers(len(heads)))]
        most = self.price[tail][head] + DEARER_USD
        tails = sorted({region for tree in trees for region in tree} | {self.source})
        tails = [new for new in tails if new not in (tail, head) and self.price[new][head] <= most]
        if not tails:
            return None
        new, changed = tails[int(self.rng.integers(len(tails)))], []
        for tree in trees:
            if tree.get(head) == tail and (new == self.source or new in tree):
                region = new
                while region != self.source and region != head:
                    region = tree[region]
                if region != head:
                    tree = self.pruned({**tree, head: new})
            changed.append(tree)
        return changed

    def anneal(self, trees, weights):
        trees, usd = list(trees), self.measure(trees, weights)
        best, best_usd, machines_usd = list(trees), usd, self.machines_usd
        for step in range(STEPS):
            heat = machines_usd * WARM * (COLD / WARM) ** (step / STEPS)
            kept, slowest = trees, self.slowest
            if self.rng.random() < TOGETHER:
                others = self.together(trees)
            else:
                which = int(self.rng.integers(len(trees)))
                other = self.neighbour(trees[which])
                others = None if other is None else [*trees[:which], other, *trees[which + 1 :]]
            if others is None:
                continue
            trees = others
            other_usd = self.measure(trees, weights)
            if other_usd <= usd or self.rng.random() < np.exp((usd - other_usd) / heat):
                usd = other_usd
                if usd < best_usd - 1e-12:
                    best, best_usd = list(trees), usd
            else:
                trees, self.slowest = kept, slowest
        return best

    def plan(self):
        """Return plans of trees (name -> path) and weights: the spread pool and annealed plans."""
        self.prepare()
        pool = [before for _, before in self.trees()[:POOL]]
        plans = []
        for size in GROUPS:
            if size > self.partitions:
                break
            weights = [self.partitions // size + (1 if i < self.partitions % size else 0) for i in range(size)]
            # One plan starts from the best tree, one from the best different ones.
            for start in ([pool[0]] * size, [pool[i % len(pool)] for i in range(size)]):
                trees = self.anneal(start, weights)
                plans.append(([self.paths(before) for before in trees], weights))
                pool += [before for before in trees if before not in pool]
                if size == 1:
                    break
        singles = sorted(pool, key=self.tree_usd)[:POOL]
        plans.append(self.spread([self.paths(before) for before in singles]))
        return plans


class Refiner(Annealer):
    """Anneals every partition's tree by itself, starting from the best plans; counts of edges are kept up to date."""

    def value(self, count, usd_per_gb):
        """Return (bill, bill with a soft maximum); sets the slowest edge."""
        out, into = {}, {}
        for tail, head in count:
            if tail in out:
                out[tail].append(head)
            else:
                out[tail] = [head]
            if head in into:
                into[head].append(tail)
            else:
                into[head] = [tail]
        flow = {}
        for tail, heads in out.items():
            row, limit = self.speed[tail], self.most_out[tail]
            flows = [row[head] for head in heads]
            if sum(flows) > limit:
                share = limit / len(heads)
                for head, gbit_s in zip(heads, flows):
                    flow[tail, head] = gbit_s if gbit_s < share else share
            else:
                for head, gbit_s in zip(heads, flows):
                    flow[tail, head] = gbit_s
        for head, tails in into.items():
            limit = self.most_in[head]
            if sum([flow[tail, head] for tail in tails]) > limit:
                share = limit / len(tails)
                for tail in tails:
                    if flow[tail, head] > share:
                        flow[tail, head] = share
        times = [parts / flow[edge] for edge, parts in count.items()]
        worst = max(times)
        soft = sum([(time / worst) ** POWER for time in times]) ** (1 / POWER)
        gb = self.graph.partition_gb
        machines_usd = (len(into) + 1) * self.graph.region_usd_per_s * worst * gb * 8
        self.machines_usd = machines_usd
        edges = list(count)
        self.slow = [edge for edge, time in zip(edges, times) if time > worst * 0.98]
        usd = usd_per_gb * gb + machines_usd
        return usd, usd + machines_usd * SOFT * soft

    def hung(self, tree, head, tails, most):
        """Hang head (with all below it) under another region of the tree."""
        fit = []
        for tail in tails:
            if self.price[tail][head] > most or tail == tree.get(head):
                continue
            region = tail
            while region != self.source and region != head:
                region = tree.get(region, self.source)
            if region != head and (tail == self.source or tail in tree):
                fit.append(tail)
        if not fit:
            return None
        return self.pruned({**tree, head: self.dice.choice(fit)})

    def swapped(self, tree):
        """Let two regions change places, if that is not much dearer."""
        heads = sorted(tree)
        if len(heads) < 2:
            return None
        one, two = self.dice.sample(heads, 2)
        new = {one: two, two: one}
        other = {new.get(head, head): new.get(tail, tail) for head, tail in tree.items()}
        dearer = sum([self.price[tail][head] for head, tail in other.items()])
        dearer -= sum([self.price[tail][head] for head, tail in tree.items()])
        return self.pruned(other) if dearer <= DEARER_USD else None

    def relayed(self, tree):
        """Another relay in the place of one, or one more between a region and what it feeds."""
        heads = sorted(tree)
        relays = [head for head in heads if head not in self.targets]
        new = self.dice.randrange(len(self.price))
        if new in tree or new == self.source:
            return None
        if relays and self.dice.random() < 0.7:
            old = self.dice.choice(relays)
            tail, moved = tree[old], [head for head in heads if tree[head] == old]
        else:
            tail = self.dice.choice([self.source, *heads])
            moved = [head for head in heads if tree[head] == tail]
            if not moved:
                return None
            moved = self.dice.sample(moved, self.dice.randint(1, len(moved)))
        was = sum([self.price[tree[head]][head] for head in moved])
        if self.price[tail][new] + sum([self.price[new][head] for head in moved]) > was + DEARER_USD + 0.01:
            return None
        return self.pruned({**tree, new: tail, **{head: new for head in moved}})

    def move(self, units):
        """Return {number of a unit: its new tree}."""
        dice, kind = self.dice, self.dice.random()
        which = dice.randrange(len(units))
        if kind < 0.45:  # relieve a slowest edge, or another one of its tail
            tail, head = dice.choice(self.slow)
            if dice.random() < 0.5:
                head = dice.choice(sorted({other for tree in units for other, before in tree.items() if before == tail}))
            having = [unit for unit, tree in enumerate(units) if tree.get(head) == tail]
            if not having:
                return None
            draw = dice.random()
            if draw < 0.4:
                chosen = having
            elif draw < 0.8:
                chosen = [dice.choice(having)]
            else:
                chosen = dice.sample(having, dice.randint(1, len(having)))
            tails = sorted({region for tree in units for region in tree} | {self.source})
            most = self.price[tail][head] + DEARER_USD
            fit = [new for new in tails if new not in (tail, head) and self.price[new][head] <= most]
            if not fit:
                return None
            new, changed = [dice.choice(fit)], {}
            for unit in chosen:
                tree = self.hung(units[unit], head, new, most)
                if tree is not None:
                    changed[unit] = tree
            return changed or None
        if kind < 0.6:  # take the tree of another unit
            tree = units[dice.randrange(len(units))]
            return None if tree == units[which] else {which: tree}
        if kind < 0.75:
            tree = self.swapped(units[which])
        elif kind < 0.82:
            tree = self.relayed(units[which])
        else:
            heads = sorted(units[which])
            head = dice.choice(heads)
            tree = self.hung(units[which], head, [self.source, *heads], self.price[units[which][head]][head] + 0.003)
        if tree is None:
            return None
        if dice.random() < 0.4:  # all that have the same tree go with it
            return {unit: tree for unit, old in enumerate(units) if old == units[which]}
        return {which: tree}

    def refine(self, units, weights, steps, warm, cold):
        units, count, usd_per_gb = list(units), {}, 0.0
        for tree, weight in zip(units, weights):
            for head, tail in tree.items():
                count[tail, head] = count.get((tail, head), 0) + weight
                usd_per_gb += weight * self.price[tail][head]
        usd, soft = self.value(count, usd_per_gb)
        best, best_usd, slow = list(units), usd, self.slow
        scale = self.machines_usd
        for step in range(steps):
            self.slow = slow
            changed = self.move(units)
            if not changed:
                continue
            after, after_usd_per_gb = dict(count), usd_per_gb
            for unit, tree in changed.items():
                old, weight = units[unit], weights[unit]
                for head, tail in old.items():
                    if tree.get(head) != tail:
                        after[tail, head] -= weight
                        after_usd_per_gb -= weight * self.price[tail][head]
                        if not after[tail, head]:
                            del after[tail, head]
                for head, tail in tree.items():
                    if old.get(head) != tail:
                        after[tail, head] = after.get((tail, head), 0) + weight
                        after_usd_per_gb += weight * self.price[tail][head]
            after_usd, after_soft = self.value(after, after_usd_per_gb)
            heat = scale * warm * (cold / warm) ** (step / steps)
            if after_soft <= soft or self.dice.random() < math.exp((soft - after_soft) / heat):
                count, usd_per_gb, soft, slow = after, after_usd_per_gb, after_soft, self.slow
                for unit, tree in changed.items():
                    units[unit] = tree
                if after_usd < best_usd - 1e-12:
                    best, best_usd = list(units), after_usd
        return best

    def finest(self):
        """Return trees (name -> path) and weights: the best plans, then refined partition by partition."""
        plans = self.plan()
        self.dice = random.Random(0)
        size = min(self.partitions, UNITS)
        weights = [self.partitions // size + (1 if i < self.partitions % size else 0) for i in range(size)]
        ranked = sorted(plans, key=lambda plan: self.usd_of(*plan))
        for trees, counts in ranked[:BEST]:
            befores = [{h: t for path in tree.values() for t, h in pairwise(path)} for tree in trees]
            units = [before for before, times in zip(befores, counts) for _ in range(times)]
            units = units if size == self.partitions else [units[i * len(units) // size] for i in range(size)]
            for warm, cold in HEATS:
                units = self.refine(units, weights, FINE_STEPS, warm, cold)
                plans.append(([self.paths(before) for before in units], weights))
        return min(plans, key=lambda plan: self.usd_of(*plan))


def route(source, destinations, graph, partitions):
    """Returns {(destination, partition): [region, ...]}."""
    trees, weights = Refiner(source, destinations, graph, partitions).finest()
    takes = [tree for tree, weight in zip(trees, weights) for _ in range(weight)]
    return {
        (name, p): [graph.regions[region] for region in takes[p][name]]
        for name in destinations
        for p in range(partitions)
    }


# EVOLVE-BLOCK-END
