"""Megatron's order of ranks: tensor parallel in a node, then data parallel, then pipeline; on a failure it waits.

Source: Narayanan 2021 (Efficient large-scale language model training on GPU clusters, SC). Nodes are taken as listed,
layers are split evenly, with as few stages as fit.
"""

MICROBATCH = 2


def stage_gb(job, layers, first, last, depth, stage, tp, microbatch):
    """GB a GPU of a stage with recomputation, by the statement's formula."""
    dense = sum((4 if job.experts and (k + 1) % job.moe_every == 0 else 12) for k in range(first, last + 1))
    experts = sum(8 * job.experts for k in range(first, last + 1) if job.experts and (k + 1) % job.moe_every == 0)
    ends = (first == 0) + (last == layers - 1)
    state = 18 * ((dense + experts) * job.hidden**2 + ends * job.vocab * job.hidden) / tp
    kept = (2 * (last - first + 1) * (depth - stage) + 34) * job.seq * job.hidden * microbatch / tp
    return (state + kept) / 1e9


def even(total, parts):
    """Return the sizes of parts that differ by at most one, the larger first."""
    return [total // parts + (k < total % parts) for k in range(parts)]


class Policy:
    def __init__(self, job):
        self.job = job

    def place(self, cluster):
        job, nodes = self.job, len(cluster.tflops)
        depth = next((p for p in range(1, nodes + 1) if self.fits(cluster, p)), nodes)
        pipelines = nodes // depth
        bounds, first = [], 0
        for size in even(job.layers, depth):
            bounds.append((first, first + size - 1))
            first += size
        stages = [
            [[*bounds[s], list(range(8 * (s * pipelines + p), 8 * (s * pipelines + p) + 8))] for s in range(depth)]
            for p in range(pipelines)
        ]
        return {
            "tp": 8,
            "microbatch": MICROBATCH,
            "recompute": True,
            "stages": stages,
            "microbatches": even(job.global_batch // MICROBATCH, pipelines),
        }

    def fits(self, cluster, depth):
        first = 0
        for s, size in enumerate(even(self.job.layers, depth)):
            last = first + size - 1
            if stage_gb(self.job, self.job.layers, first, last, depth, s, 8, MICROBATCH) > min(cluster.mem_gb):
                return False
            first = last + 1
        return True

    def replan(self, cluster, plan, event):
        return plan
