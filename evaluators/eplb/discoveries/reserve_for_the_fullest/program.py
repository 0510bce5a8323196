"""Expert placement: which expert is in which slot."""

import numpy as np


# EVOLVE-BLOCK-START
# One int32 array of float32 loads, the expert in the low bits, sorted, cut into replicas in place and sorted again;
# then it is dealt in rounds. Few kinds of numpy calls and little memory: first use is what costs.
def rebalance(weight, num_replicas, num_groups, num_nodes, num_gpus):
    """weight: (layers, experts) float64, tokens. Returns (layers, num_replicas) int, the expert in each slot."""
    layers, experts = weight.shape
    rounds = num_replicas // num_gpus - 1
    extra = num_replicas - experts
    bits = 1023  # experts and GPUs are fewer
    keys = np.empty((layers, num_replicas), dtype=np.int32)
    load = keys.view(np.float32)
    ids = np.arange(num_replicas, dtype=np.int32)
    keys[:, experts:] = -1
    load[:, :experts] = weight
    keys &= ~bits
    keys |= ids
    keys.sort(axis=1)

    # Replicas: cut by load / (k * (k + some)). Replicas of one expert drift together, so that they may be larger than
    # others, which are many chances that a GPU is too full; less so with few slots, or if one expert needs most cuts.
    if extra:
        at, cuts = [], []
        for rank in range(1, min(experts, extra) + 1):
            most = extra // rank  # more cuts rank cannot get
            at += [num_replicas - rank] * most
            cuts += range(1, most + 1)
        huge = max(load[:, -1].tolist()) * num_gpus > 0.5 * extra * sum(weight[0].tolist())
        cuts = np.array(cuts, dtype=np.float32)
        size = cuts * 1.07  # one fate, so may be fuller: fewer chances
        size += 1
        cuts *= cuts + (100 if huge else 108 / (rounds + 1))
        need = load.take(at, axis=1)
        need /= cuts
        mask = (1 << len(at).bit_length()) - 1
        cut = need.view(np.int32)
        cut &= ~mask
        cut |= np.arange(len(at), dtype=np.int32)
        cut.sort(axis=1)
        cut = cut[:, : -extra - 1 : -1] & mask
        to = np.array(at).take(cut)
        to += np.arange(0, keys.size, num_replicas)[:, None]
        own = keys.take(to)
        part = (own.view(np.float32) / size.take(cut)).view(np.int32)
        part &= ~bits
        part |= own & bits
        flat = keys.reshape(-1)
        flat[to] = part  # the last one stays: the most cuts
        keys[:, :extra] = flat.take(to)  # where -1 is
        keys.sort(axis=1)

    # Round after round the GPUs are sorted by what they have: the emptier get the largest replicas left, largest to
    # emptiest, the fuller 3/8 the smallest left. The fullest draw from a reserve of the very smallest, one draw for
    # each round: a GPU that one expert fills gets nothing larger. In the first round two groups of the emptiest
    # change places, lest replicas of one expert meet. All is gathered at once; a sort by GPU makes the answer.
    near = num_gpus // 8
    top = max(1, near)
    few = max(top, num_gpus * 3 // 8)
    end = num_replicas - num_gpus
    start = top * rounds
    order = [*range(end, num_replicas)]
    for low in range(start - rounds, start):
        stop = end - num_gpus + few
        order += range(end - 1, stop - 1, -1)
        order += range(start + few - top - 1, start - 1, -1)
        order += range(low, -1, -rounds)
        start += few - top
        end = stop
    deal = keys.take(order, axis=1)
    new = deal.view(np.float32)
    keys[:, :num_gpus] = ids[:num_gpus]
    gpu = np.array([*range(near, 2 * near), *range(near), *range(2 * near, num_gpus)], dtype=np.int32)
    have = new.take(gpu, axis=1)
    state = have.view(np.int32)
    for at in range(num_gpus, num_replicas, num_gpus):
        keys[:, at : at + num_gpus] = gpu
        have += new[:, at : at + num_gpus]
        state &= ~127
        state |= gpu
        state.sort(axis=1)
        gpu = state & 127
    deal &= bits
    keys <<= 10
    keys |= deal
    keys.sort(axis=1)
    keys &= bits
    return keys


# EVOLVE-BLOCK-END
