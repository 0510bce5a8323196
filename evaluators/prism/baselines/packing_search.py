"""Binary search on the pressure with first-fit packing, then local moves. The reference: it scores 100.

A GPU's pressure is at most p when the sum of size + demand / p over its models is at most its memory: for a given p the
problem is bin packing in one dimension. The search halves the range of p; every packing found is then improved by
moving a model off the worst GPU, or swapping it for another, for as long as that GPU and its partner both end lower.
First-fit is tried on perturbed orders too, from a fixed seed: the answer is the same on every machine.

Source: first-fit decreasing (Johnson 1973) inside a search on the answer (dual approximation, Hochbaum and
Shmoys 1987).
"""

import random

GPU_GB = 80.0
HALVINGS = 24
ORDERS = 60  # perturbed orders of first-fit; fewer where there are many models
FEWEST_ORDERS = 6
MODELS_TIMES_ORDERS = 1800
MOST_MOVES = 400  # local moves of one packing


def first_fit(order, weight, size, num_gpus):
    """Place in this order on the first GPU whose weight stays within its memory; None when one fits nowhere."""
    room = [GPU_GB] * num_gpus
    free_gb = [GPU_GB] * num_gpus
    gpu_of = [0] * len(order)
    for model in order:
        need, gb = weight[model], size[model]
        for gpu in range(num_gpus):
            if room[gpu] >= need and free_gb[gpu] > gb:
                break
        else:
            return None
        room[gpu] -= need
        free_gb[gpu] -= gb
        gpu_of[model] = gpu
    return gpu_of


def pressures(gpu_of, demand, size, num_gpus):
    """Demand and free memory of every GPU."""
    loads, free = [0.0] * num_gpus, [GPU_GB] * num_gpus
    for model, gpu in enumerate(gpu_of):
        loads[gpu] += demand[model]
        free[gpu] -= size[model]
    return loads, free


def ratio(load, free_gb):
    return load / free_gb if free_gb > 0 else 1e6


def improve(gpu_of, demand, size, num_gpus):
    """Lower the worst GPU by moves and swaps until none helps. Returns the highest pressure; changes gpu_of."""
    loads, free = pressures(gpu_of, demand, size, num_gpus)
    for _ in range(MOST_MOVES):
        worst = max(range(num_gpus), key=lambda g: ratio(loads[g], free[g]))
        top = ratio(loads[worst], free[worst])
        best, change = top * (1 - 1e-9), None
        here = [model for model, gpu in enumerate(gpu_of) if gpu == worst]
        for model in here:
            load, gb = demand[model], size[model]
            left = ratio(loads[worst] - load, free[worst] + gb)
            if left >= best:
                # Even with nothing in return the worst GPU would not get below what was found already.
                continue
            for gpu in range(num_gpus):
                if gpu != worst and free[gpu] > gb:
                    higher = max(left, ratio(loads[gpu] + load, free[gpu] - gb))
                    if higher < best:
                        best, change = higher, (model, None, gpu)
            for other, gpu in enumerate(gpu_of):
                if gpu == worst:
                    continue
                more, grow = load - demand[other], gb - size[other]
                if free[gpu] <= grow or free[worst] + grow <= 0:
                    continue
                mine = (loads[worst] - more) / (free[worst] + grow)
                if mine < best:
                    higher = max(mine, (loads[gpu] + more) / (free[gpu] - grow))
                    if higher < best:
                        best, change = higher, (model, other, gpu)
        if change is None:
            return top
        model, other, gpu = change
        for moved, source, target in ((model, worst, gpu), (other, gpu, worst)):
            if moved is not None:
                gpu_of[moved] = target
                loads[source] -= demand[moved]
                loads[target] += demand[moved]
                free[source] += size[moved]
                free[target] -= size[moved]
    loads, free = pressures(gpu_of, demand, size, num_gpus)
    return max(map(ratio, loads, free))


def packed(target, demand, size, num_gpus, noise):
    """First-fit by falling weight at a target pressure; noise: (models,) factors on the order."""
    weight = [gb + load / target for gb, load in zip(size, demand, strict=True)]
    order = sorted(range(len(size)), key=lambda i: -weight[i] * noise[i])
    return first_fit(order, weight, size, num_gpus)


def place(num_gpus, models):
    size = [float(m.size_gb) for m in models]
    demand = [m.rate / m.slo for m in models]
    free_gb = num_gpus * GPU_GB - sum(size)
    bound = max(sum(demand) / free_gb, 1e-9) if free_gb > 0 else 1e3
    rng = random.Random(0)
    best, highest = None, float("inf")
    orders = min(ORDERS, max(FEWEST_ORDERS, MODELS_TIMES_ORDERS // len(models)))
    for turn in range(orders):
        spread = 0.3 * turn / orders
        noise = [1.0 + spread * (rng.random() - 0.5) for _ in models]
        low, high = bound, min(highest, bound * 2)
        for _ in range(10):
            if packed(high, demand, size, num_gpus, noise):
                break
            high *= 4
        for _ in range(HALVINGS if turn == 0 else HALVINGS // 3):
            middle = (low + high) / 2
            if packed(middle, demand, size, num_gpus, noise):
                high = middle
            else:
                low = middle
        found = packed(high, demand, size, num_gpus, noise)
        if found is None:
            continue
        reached = improve(found, demand, size, num_gpus)
        if reached < highest:
            best, highest = found, reached
        if highest <= bound * (1 + 1e-9):
            break
    return best if best is not None else [j % num_gpus for j in range(len(models))]
