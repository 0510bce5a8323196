"""Identity: expert e in slot e, the slots left over hold the first experts again. Looks at no load.

Source: the placement of an engine that does not balance (vLLM, SGLang before the first rebalance). The naive baseline.
"""

import numpy as np


def rebalance(weight: np.ndarray, num_replicas: int, num_groups: int, num_nodes: int, num_gpus: int) -> np.ndarray:
    layers, experts = weight.shape
    return np.tile(np.arange(num_replicas) % experts, (layers, 1))
