"""Greedy: largest rate / slo first, to the GPU with the lowest present pressure that has room.

Source: the benchmark's published baseline (Cheng 2025, arXiv 2510.06189, model placement), after Yu 2025 (Prism,
arXiv 2505.04021), placement by KV pressure ratio. Published score 60.82.
"""

GPU_GB = 80


def place(num_gpus, models):
    free_gb = [GPU_GB] * num_gpus
    demand = [0.0] * num_gpus
    placement = [0] * len(models)
    for index in sorted(range(len(models)), key=lambda i: -models[i].rate / models[i].slo):
        model = models[index]
        room = [g for g in range(num_gpus) if free_gb[g] > model.size_gb]
        if not room:
            raise ValueError(f"no GPU has room for model {index} of {model.size_gb} GB")
        gpu = min(room, key=lambda g: demand[g] / free_gb[g])
        free_gb[gpu] -= model.size_gb
        demand[gpu] += model.rate / model.slo
        placement[index] = gpu
    return placement
