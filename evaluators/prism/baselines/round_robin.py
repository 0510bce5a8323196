"""Round robin: model j on GPU j mod num_gpus; one that does not fit there goes to the next GPU with room.

Source: the benchmark's own yardstick (Cheng 2025, arXiv 2510.06189, model placement). The naive baseline.
"""

GPU_GB = 80


def place(num_gpus, models):
    free_gb = [GPU_GB] * num_gpus
    placement = []
    for index, model in enumerate(models):
        turns = [(index + step) % num_gpus for step in range(num_gpus)]
        gpu = next((g for g in turns if free_gb[g] > model.size_gb), turns[0])
        free_gb[gpu] -= model.size_gb
        placement.append(gpu)
    return placement
