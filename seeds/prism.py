"""Which GPU serves which model."""

# EVOLVE-BLOCK-START
# Models are dealt to the GPUs in turn; one that does not fit goes to the next GPU with room.
GPU_GB = 80.0
TURN = 1.0  # how much it counts that a GPU is next in turn
PRESSURE = 0.0  # how much the pressure counts that a GPU would have with the model
MEMORY = 0.0  # how much it counts that a GPU would have little memory free


def priority(index, size_gb, demand):
    """Models with the highest priority are placed first. demand: the model's rate / slo."""
    return -index


def cost(turn, pressure, free_gb):
    """What it costs to choose a GPU: turn, 0 for the next one, rising to 1; pressure and free_gb as they would be."""
    return TURN * turn + PRESSURE * pressure + MEMORY * (1.0 - free_gb / GPU_GB)


def place(num_gpus, models):
    size_gb = [model.size_gb for model in models]
    demand = [model.rate / model.slo for model in models]
    order = sorted(range(len(models)), key=lambda i: priority(i, size_gb[i], demand[i]), reverse=True)
    free_gb = [GPU_GB] * num_gpus
    load = [0.0] * num_gpus
    placement = [0] * len(models)
    for rank, index in enumerate(order):
        best, best_cost = rank % num_gpus, float("inf")
        for gpu in range(num_gpus):
            left_gb = free_gb[gpu] - size_gb[index]
            if left_gb > 0:
                turn = (gpu - rank) % num_gpus / num_gpus
                gpu_cost = cost(turn, (load[gpu] + demand[index]) / left_gb, left_gb)
                if gpu_cost < best_cost:
                    best, best_cost = gpu, gpu_cost
        free_gb[best] -= size_gb[index]
        load[best] += demand[index]
        placement[index] = best
    return placement


# EVOLVE-BLOCK-END
