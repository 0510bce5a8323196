"""Expert placement: which expert is in which slot."""

import numpy as np


# EVOLVE-BLOCK-START
# One int32 array of float32 loads, the expert in the low bits, sorted, cut into replicas in place and sorted again;
# then it is dealt in rounds. Few kinds of numpy calls and little memory: first use is what costs.
def rebalance(weight, num_replicas, num_groups, num_nodes, num_gpus):
    """weight: (layers, experts) float64, tokens. Returns (layers, num_replicas) int, the expert in each slot."""
    layers, experts = weight.shape
    slots = num_replicas // num_gpus
    extra = num_replicas - experts
    bits = 1023  # experts and GPUs are fewer
    keys = np.empty((layers, num_replicas), dtype=np.int32)
    load = keys.view(np.float32)
    flat = keys.reshape(-1)
    ids = np.arange(num_replicas, dtype=np.int32)
    rows = np.arange(0, layers * num_replicas, num_replicas)[:, None]
    load[:, :experts] = weight
    load[:, experts:] = -1.0
    keys &= ~bits
    keys |= ids
    keys.sort(axis=1)

    # Replicas: cut by load / (k * (k + 12)). Many replicas of one expert drift together, so that
    # they may be larger than those of experts with few, which are many chances that one GPU is too full.
    if extra:
        at, more = [], []
        for rank in range(1, min(experts, extra) + 1):
            most = extra // rank  # more cuts rank cannot get
            at += [num_replicas - rank] * most
            more += range(2, most + 2)
        at = np.array(at)
        more = np.array(more, dtype=np.float32)
        need = load.take(at, axis=1)
        need /= (more - 1) * (more + 11)
        mask = (1 << at.size.bit_length()) - 1
        cut = need.view(np.int32)
        cut &= ~mask
        cut |= np.arange(at.size, dtype=np.int32)
        cut.sort(axis=1)
        cut = cut[:, : -extra - 1 : -1] & mask
        to = at.take(cut)
        to += rows
        own = flat.take(to)
        part = own.view(np.float32) / (more * 1.07 - 0.07).take(cut)  # one fate, so may be fuller: fewer chances
        own &= bits
        part = part.view(np.int32)
        part &= ~bits
        part |= own
        flat[to] = part  # the last one stays: the most cuts
        keys[:, :extra] = flat.take(to)  # where -1 is
        keys.sort(axis=1)

    # Round after round the GPUs are sorted by what they have: the emptier ones get the largest of the replicas left,
    # largest to emptiest, the fuller 3/8 the smallest left, smallest to fullest.
    # In the first of these rounds two groups of the emptiest change places, lest replicas of one expert meet.
    result = np.empty(flat.size, dtype=np.int32)
    end = num_replicas - num_gpus
    few = num_gpus * 3 // 8
    start = 0
    near = num_gpus // 8
    result[ids[:num_gpus] * slots + rows] = keys[:, end:]
    gpu = [*range(near, 2 * near), *range(near), *range(2 * near, num_gpus)]  # emptiest first
    gpu = np.array(gpu, dtype=np.int32)
    have = load[:, end:]
    if slots > 24:  # so many small ones that there and back is even enough for those beyond the first 12 deals
        rest = slots - 12
        start = rest * num_gpus
        turn = 2 * num_gpus
        static = []
        for g in range(num_gpus):
            static += [*range(g, start, turn), *range(turn - 1 - g, start, turn)]
        static = keys.take(static, axis=1)
        static = static.reshape(layers, num_gpus, rest)
        result.reshape(layers, num_gpus, slots)[:, :, 12:] = static
        have = have + np.add.reduce(static.view(np.float32), axis=2)
    have = have.take(gpu, axis=1)
    for _ in range(1, slots if slots < 25 else 12):
        stop = end - num_gpus + few
        new = keys.take([*range(end - 1, stop - 1, -1), *range(start + few - 1, start - 1, -1)], axis=1)
        start += few
        end = stop
        rows += 1
        result[gpu * slots + rows] = new
        if start < end:
            have += new.view(np.float32)
            state = have.view(np.int32)
            state &= ~127
            state |= gpu
            state.sort(axis=1)
            gpu = state & 127
    result &= bits
    return result.reshape(layers, num_replicas)


# EVOLVE-BLOCK-END
