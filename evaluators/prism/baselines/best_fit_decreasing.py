"""Best-fit decreasing: largest model first, to the GPU on which the least memory is left over.

Source: Johnson 1973 (Near-optimal bin packing algorithms); the rule of schedulers that pack by memory alone. It leaves
whole GPUs empty and fills the others to the brim, which is the worst that can be done to the KV cache.
"""

GPU_GB = 80


def place(num_gpus, models):
    free_gb = [GPU_GB] * num_gpus
    placement = [0] * len(models)
    for index in sorted(range(len(models)), key=lambda i: -models[i].size_gb):
        size_gb = models[index].size_gb
        room = [g for g in range(num_gpus) if free_gb[g] > size_gb]
        gpu = min(room or range(num_gpus), key=lambda g: free_gb[g] if room else -free_gb[g])
        free_gb[gpu] -= size_gb
        placement[index] = gpu
    return placement
