"""Pipelines of whole tensor-parallel groups, and new plans when nodes come, go or slow down."""

import math

# EVOLVE-BLOCK-START
# Now ranks are laid out as Megatron does: nodes in the order listed, layers split evenly, failures waited for.
TP = 8  # GPUs of a group: 1, 2, 4 or 8
MICROBATCH = 2
RECOMPUTE = True
SORT = 0  # 1: nodes of a site and of a kind of NIC lie side by side
DEEPER = 0  # stages more than what the memory asks for
AHEAD = 0
BALANCE = 0.0  # 0: layers and microbatches evenly, 1: in proportion to the speed of the GPUs
CHECKPOINT = 1.0  # times the steps between checkpoints that the job asks for
LEAVE_OUT = 0  # 1: pipelines that have lost a node are left out until it is back


class Policy:
    def __init__(self, job):
        self.job = job

    def place(self, cluster):
        nodes = list(range(len(cluster.tflops)))
        if SORT:
            nodes.sort(key=lambda n: (cluster.site[n], cluster.nic[n]))
        groups = [list(range(8 * n + k, 8 * n + k + TP)) for n in nodes for k in range(0, 8, TP)]
        for depth in range(1, len(groups) + 1):
            count = len(groups) // depth
            self.pipelines = [groups[p : depth * count : count] for p in range(count)]
            if all(self.fits(cluster, pipeline) for pipeline in self.pipelines):
                break
        depth = min(len(groups), max(1, depth + DEEPER))
        count = len(groups) // depth
        self.pipelines = [groups[p : depth * count : count] for p in range(count)]
        return self.plan(cluster, self.pipelines)

    def replan(self, cluster, plan, event):
        if not LEAVE_OUT:
            return plan
        whole = [one for one in self.pipelines if all(cluster.alive[group[0] // 8] for group in one)]
        return self.plan(cluster, whole) if whole else plan

    def plan(self, cluster, pipelines):
        stages = []
        for pipeline in pipelines:
            parts = shared_out(self.job.layers, [self.speed(cluster, group) for group in pipeline])
            ends = [sum(parts[: s + 1]) for s in range(len(parts))]
            bounds = zip(ends, parts, pipeline, strict=True)
            stages.append([[end - part, end - 1, group] for end, part, group in bounds])
        speeds = [min(self.speed(cluster, group) for group in pipeline) for pipeline in pipelines]
        return {
            "tp": TP,
            "microbatch": MICROBATCH,
            "recompute": RECOMPUTE,
            "stages": stages,
            "microbatches": shared_out(self.job.global_batch // MICROBATCH, speeds),
            "ahead": AHEAD,
            "checkpoint_every": max(1, round(CHECKPOINT * self.job.checkpoint_every)),
        }

    def speed(self, cluster, group):
        node = group[0] // 8
        return (cluster.tflops[node] * cluster.speed[node]) ** BALANCE

    def fits(self, cluster, pipeline):
        """Whether the stages of a pipeline, of even length, have the memory that the statement's formula gives."""
        job, depth = self.job, len(pipeline)
        parts = shared_out(job.layers, [1.0] * depth)
        for s, group in enumerate(pipeline):
            first = sum(parts[:s])
            params = 0
            for layer in range(first, first + parts[s]):
                params += (
                    12 if not job.experts or (layer + 1) % job.moe_every else 4 + 8 * job.experts
                ) * job.hidden**2
                params += ((layer == 0) + (layer == job.layers - 1)) * job.vocab * job.hidden
            flight = 1 + (depth - 1 - s) * (1 + AHEAD)
            kept = 2 * parts[s] * flight + 34 if RECOMPUTE else 34 * parts[s] * flight
            need = (18 * params + kept * job.seq * job.hidden * MICROBATCH) / TP
            if need > 1e9 * cluster.mem_gb[group[0] // 8]:
                return False
        return True


def shared_out(total, weights):
    """Whole parts of a total in proportion to weights, at least one each; the first ones the larger."""
    parts, left = [], sum(weights)
    for number, weight in enumerate(weights):
        after = len(weights) - number - 1
        part = max(1, min(math.ceil(total * weight / left - 1e-9), total - after))
        parts.append(part)
        total, left = total - part, left - weight
    return parts


# EVOLVE-BLOCK-END
