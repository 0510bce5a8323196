"""Holmes' placement; on a failure a pipeline takes its template for the nodes that are left to it.

Templates know how many nodes there are and not how fast each is; a pipeline without one is left out. Source: Jang 2023
(Oobleck, SOSP).
"""

MICROBATCH, AHEAD = 2, 1


def chain_for(job, rates, memory_gb):
    """Return (first, last) of each stage, layers in proportion to speed; None where a stage does not fit.

    Memory by the statement's formula, with recomputation and tp 8.
    """
    depth, bounds, done, first = len(rates), [], 0.0, 0
    unit = job.seq * job.hidden * MICROBATCH / 8
    for stage, rate in enumerate(rates):
        done += rate
        last = max(first, round(job.layers * done / sum(rates)) - 1)
        last = min(last, job.layers - depth + stage)
        moe = sum(1 for k in range(first, last + 1) if job.experts and (k + 1) % job.moe_every == 0)
        params = (12 * (last - first + 1 - moe) + (4 + 8 * job.experts) * moe) * job.hidden**2
        params += ((first == 0) + (last == job.layers - 1)) * job.vocab * job.hidden
        if (
            18 * params / 8 + (2 * (last - first + 1) * (1 + (depth - 1 - stage) * (1 + AHEAD)) + 34) * unit
            > memory_gb[stage] * 1e9
        ):
            return None
        bounds.append([first, last])
        first = last + 1
    return bounds


def shared_out(total, speeds):
    """Return whole parts of a total in proportion to speeds, at least one each."""
    done, parts, before = 0.0, [], 0
    for left, speed in zip(range(len(speeds) - 1, -1, -1), speeds, strict=False):
        done += speed
        end = min(max(before + 1, round(total * done / sum(speeds))), total - left)
        parts.append(end - before)
        before = end
    return parts


def chains_of(job, cluster):
    """Return pipelines as lists of nodes: few stages, each of nodes that speak RDMA with one another if possible."""
    kind = [(site, nic) for site, nic in zip(cluster.site, cluster.nic, strict=False)]
    live = sorted((n for n, there in enumerate(cluster.alive) if there), key=lambda n: (*kind[n], n))
    fitting = []
    for depth in range(1, len(live) + 1):
        d = len(live) // depth
        chains = [live[p : d * depth : d] for p in range(d)]
        if all(bounds_of(job, cluster, chain) for chain in chains):
            mixed = sum(len({kind[chain[s]] for chain in chains}) > 1 for s in range(depth))
            fitting.append((mixed, depth, chains))
    return min(fitting)[2]


def bounds_of(job, cluster, chain):
    rates = [cluster.tflops[node] for node in chain]
    return chain_for(job, rates, [cluster.mem_gb[node] for node in chain])


def plan_of(job, cluster, chains):
    """Return the plan of some pipelines of whole nodes."""
    stages, speeds = [], []
    for chain in chains:
        bounds = bounds_of(job, cluster, chain)
        stages.append([[*ends, list(range(8 * n, 8 * n + 8))] for ends, n in zip(bounds, chain, strict=False)])
        speeds.append(1 / max((b - a + 1) / cluster.tflops[n] for (a, b), n in zip(bounds, chain, strict=False)))
    return {
        "tp": 8,
        "microbatch": MICROBATCH,
        "recompute": True,
        "stages": stages,
        "microbatches": shared_out(job.global_batch // MICROBATCH, speeds),
        "ahead": AHEAD,
    }


class Policy:
    def __init__(self, job):
        self.job = job

    def place(self, cluster):
        self.chains = chains_of(self.job, cluster)
        return plan_of(self.job, cluster, self.chains)

    def replan(self, cluster, plan, event):
        left = [[node for node in chain if cluster.alive[node]] for chain in self.chains]
        fitting = [chain for chain in left if chain and bounds_of(self.job, cluster, chain)]
        return plan_of(self.job, cluster, fitting) if fitting else plan
