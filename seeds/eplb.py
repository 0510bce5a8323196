"""Expert placement: which expert is in which slot."""

import numpy as np


# EVOLVE-BLOCK-START
# Expert e in slot e, and the first experts once more in the slots that are left.
def rebalance(weight, num_replicas, num_groups, num_nodes, num_gpus):
    """weight: (layers, experts) float64, tokens. Returns (layers, num_replicas) int, the expert in each slot."""
    layers, experts = weight.shape
    layer = np.arange(layers)

    # Every expert has one replica; each further one goes to the expert that needs it most.
    replicas = np.tile(np.arange(num_replicas), (layers, 1))
    copies = np.ones((layers, experts))
    demand = weight**0.0  # 1 for all: the load is not looked at
    for extra in range(experts, num_replicas):
        need = demand / copies
        chosen = need.argmax(axis=1)
        replicas[:, extra] = chosen
        copies[layer, chosen] += 1.0

    # GPU g owns the slots [g * n, (g + 1) * n), n = num_replicas // num_gpus. Slots are filled pile after pile;
    # as it is, every replica is a pile of its own, so that they stay in their order.
    pile = np.arange(num_replicas) % num_replicas
    order = np.argsort(pile, kind="stable")
    return replicas[:, order]


# EVOLVE-BLOCK-END
