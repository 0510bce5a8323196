"""The best of a grid of plans by a closed-form cost, layers split by speed and memory; on a failure it waits.

Grid: tensor parallelism, depth, microbatch, recomputation, and whether pipelines or replicas of a stage are neighbours.
Source: Zheng 2022 (Alpa, OSDI) and Narayanan 2019 (PipeDream, SOSP) for the split with the least longest stage.
"""

import heapq
import itertools
import math


class Model:
    """Costs by the statement's formulas, in seconds; of a chain of stages in closed form."""

    def __init__(self, job):
        self.job = job
        h, s = job.hidden, job.seq
        self.flops, self.params = [], []
        for layer in range(job.layers):
            moe = job.experts and (layer + 1) % job.moe_every == 0
            ends = (layer == 0) + (layer == job.layers - 1)
            head = 2 * s * h * job.vocab if layer == job.layers - 1 else 0
            self.flops.append((8 + 16 * job.top_k if moe else 24) * s * h * h + 4 * s * s * h + head)
            self.params.append((4 + 8 * job.experts if moe else 12) * h * h + ends * job.vocab * h)
        self.total = sum(self.flops)
        self.splits = {}

    def rate(self, cluster, node, tp, microbatch):
        share = 0.5 * 0.97 ** (tp.bit_length() - 1) * (0.85 if microbatch == 1 else 1.0)
        return cluster.tflops[node] * 1e12 * cluster.speed[node] * share * tp

    def link(self, cluster, a, b):
        """GB/s of a GPU of node a to one of node b."""
        if a == b:
            return cluster.intra_gbs[a]
        if cluster.site[a] == cluster.site[b] and cluster.nic[a] == cluster.nic[b] != "Ethernet":
            return min(cluster.nic_gbs[a], cluster.nic_gbs[b])
        return cluster.ethernet_gbs / 8

    def split(self, rates, memory, tp, microbatch, recompute, ahead):
        """Return (first, last) per stage with the least longest stage, in what fits; None where nothing does."""
        key = (rates, memory, tp, microbatch, recompute, ahead)
        if key not in self.splits:
            low, high, best = self.total / sum(rates), self.total / min(rates), None
            best = self.filled(high, *key)
            for _ in range(14 if best else 0):
                middle = (low + high) / 2
                found = self.filled(middle, *key)
                if found:
                    best, high = found, middle
                else:
                    low = middle
            self.splits[key] = best
        return self.splits[key]

    def filled(self, most_s, rates, memory, tp, microbatch, recompute, ahead):
        job, depth, layer, bounds = self.job, len(rates), 0, []
        unit = job.seq * job.hidden * microbatch / tp
        for stage in range(depth):
            flight, first, flops, params = 1 + (depth - 1 - stage) * (1 + ahead), layer, 0, 0
            per_layer = (2 if recompute else 34) * flight * unit
            room = memory[stage] * 1e9 - (34 * unit if recompute else 0)
            while layer < job.layers - (depth - 1 - stage):
                flops += self.flops[layer]
                params += self.params[layer]
                over = 18 * params / tp + per_layer * (layer - first + 1) > room
                if over or (layer > first and flops > most_s * rates[stage] * (1 + 1e-9)):
                    break
                layer += 1
            if layer == first:
                return None
            bounds.append((first, layer - 1))
        return bounds if layer == job.layers else None

    def plan(self, cluster, chains, tp, microbatch, recompute):
        """Return (seconds of a step, plan) for chains of (node, gpus), or None where the model does not fit.

        Slow links are hidden by more microbatches in flight where these fit.
        """
        found = self.with_ahead(cluster, chains, tp, microbatch, recompute, 0)
        if found and found[2]:
            found = self.with_ahead(cluster, chains, tp, microbatch, recompute, found[2]) or found
        return found and found[:2]

    def with_ahead(self, cluster, chains, tp, microbatch, recompute, ahead):
        job, stages, linear, hiding = self.job, [], [], 0
        factor = (4 if recompute else 3) * microbatch
        for chain in chains:
            nodes = [node for node, _ in chain]
            rates = tuple(self.rate(cluster, node, tp, microbatch) for node in nodes)
            bounds = self.split(rates, tuple(cluster.mem_gb[node] for node in nodes), tp, microbatch, recompute, ahead)
            if bounds is None:
                return None
            stages.append([[*ends, list(gpus)] for ends, (_, gpus) in zip(bounds, chain, strict=False)])
            busy = [factor * sum(self.flops[a : b + 1]) / rate for (a, b), rate in zip(bounds, rates, strict=False)]
            size = 2 * job.seq * job.hidden * microbatch / tp
            sends = sum(size / (1e9 * self.link(cluster, a, b)) for a, b in itertools.pairwise(nodes))
            fill = sum(busy) + 2 * sends
            period = max(max(busy), fill / (1 + (len(busy) - 1) * (1 + ahead)))
            if len(busy) > 1:
                hiding = max(hiding, min(4, math.ceil((fill / max(busy) - len(busy)) / (len(busy) - 1))))
            linear.append((fill - period, period))
        total = job.global_batch // microbatch
        if job.global_batch % microbatch or total < len(chains):
            return None
        counts = shared_out(total, linear)
        time_s = max(a + b * m for (a, b), m in zip(linear, counts, strict=False)) + 0.3 * self.sync(
            cluster, stages, tp
        )
        plan = {
            "tp": tp,
            "microbatch": microbatch,
            "recompute": recompute,
            "stages": stages,
            "microbatches": counts,
            "ahead": ahead,
        }
        return time_s, plan, hiding

    def sync(self, cluster, stages, tp):
        """Seconds to reduce all gradients."""
        d = len(stages)
        load, line = {}, {}
        if d == 1:
            return 0.0
        cuts = sorted({part[0] for chain in stages for part in chain})
        for first, end in zip(cuts, [*cuts[1:], self.job.layers], strict=False):
            nodes = [next(part[2][0] for part in chain if part[0] <= first <= part[1]) // 8 for chain in stages]
            gpus = [next(part[2][0] for part in chain if part[0] <= first <= part[1]) for chain in stages]
            size = 4 * sum(self.params[first:end]) / tp * (d - 1) / d
            homes = set(nodes)
            if (
                len(homes) > 1
                and len({(cluster.site[n], cluster.nic[n]) for n in homes}) + (cluster.nic[nodes[0]] == "Ethernet") > 1
            ):
                for node in homes:
                    line[node] = line.get(node, 0.0) + size * tp / (1e9 * cluster.ethernet_gbs)
            else:
                rates = cluster.nic_gbs if len(homes) > 1 else cluster.intra_gbs
                rate = min(rates[node] for node in homes)
                for gpu in gpus:
                    load[gpu] = load.get(gpu, 0.0) + size / (1e9 * rate)
        return max([*load.values(), *line.values()])


def shared_out(total, linear):
    """Return how many of `total` microbatches each pipeline gets, a + b * m being its time; at least one each."""
    counts = [1] * len(linear)
    for _ in range(2):  # near the answer in one stroke, then one by one
        level = (total + sum(a / b for a, b in linear)) / sum(1 / b for _, b in linear)
        counts = [max(1, int((level - a) / b) - 1) for a, b in linear]
    while sum(counts) > total:
        counts[max(range(len(counts)), key=lambda p: counts[p])] -= 1
    heap = [(a + b * (m + 1), p) for p, ((a, b), m) in enumerate(zip(linear, counts, strict=False))]
    heapq.heapify(heap)
    for _ in range(total - sum(counts)):
        time_s, p = heapq.heappop(heap)
        counts[p] += 1
        heapq.heappush(heap, (time_s + linear[p][1], p))
    return counts


def best_of_grid(model, cluster):
    """Return (seconds, plan): the best of tp, depth, microbatch and two orders of the groups."""
    live = [n for n, there in enumerate(cluster.alive) if there]
    live.sort(key=lambda n: (cluster.site[n], cluster.nic[n], -cluster.tflops[n], n))
    found = None
    for tp in (8, 4, 2):
        groups = [(n, tuple(range(8 * n + k, 8 * n + k + tp))) for n in live for k in range(0, 8, tp)]
        for depth in (1, 2, 3, 4, 6, 8, 12, 16):
            d = len(groups) // depth
            if not d:
                continue
            across = [groups[p::d] for p in range(d)]  # replicas of a stage side by side
            cuts = [len(groups) * p // d for p in range(d + 1)]
            within = [groups[a:b] for a, b in itertools.pairwise(cuts)]  # each pipeline side by side
            for chains in (across, within) if depth > 1 and d > 1 else (across,):
                for microbatch in (1, 2, 4):
                    for recompute in (False, True):
                        one = model.plan(cluster, chains, tp, microbatch, recompute)
                        if one:
                            found = min(found, one, key=lambda x: x[0]) if found else one
                            break
    return found


class Policy:
    def __init__(self, job):
        self.model = Model(job)

    def place(self, cluster):
        return best_of_grid(self.model, cluster)[1]

    def replan(self, cluster, plan, event):
        return plan
