"""Which node each pod goes to, and in which order pods are taken."""

import math

import numpy as np

# EVOLVE-BLOCK-START
# kube-scheduler as it is set by default; whatever else could choose has weight 0.
URGENCY = 0.0  # pods come in the order in which they came; how much more it counts that they matter and are small
LEAST = 1.0  # how much is left free on a node then, on average: spreads
BALANCE = 1.0  # how alike cpu and memory are used then
TIGHT = 0.0  # how little is left free of what is scarcest
VICTIMS = 1.0  # what a pod costs that is stopped to make room
VICTIM_SIZE = 0.0  # and its size
PREEMPTS = True
DISPLACED = 0.0  # share of the pods of a node that are tried to go elsewhere for one that does not run


def rank(priority, size, came):
    """Pods with the highest rank come first. size, came: 0 to 1."""
    return URGENCY * (10 * priority - 10 * size) - came


def liking(left):
    """How much a pod likes each node. left: (K, 3) share of cpu, memory and GPU that is free there then."""
    used = 1 - left[:, :2]
    balance = 1 - np.abs(used[:, 0] - used[:, 1]) / 2
    return LEAST * (1 - used).mean(axis=1) + BALANCE * balance - TIGHT * left.min(axis=1)


def place(node, pod, moves_allowed):
    total = np.stack([node.cpu_milli, node.mem_mib, node.gpu_milli], axis=1)
    need = np.stack([pod.cpu_milli, pod.mem_mib, pod.gpu_milli], axis=1)
    size = (need / np.maximum(total.max(axis=0), 1)).max(axis=1)
    at, free, moves_left = pod.node_now.copy(), total.copy(), moves_allowed
    for i in np.flatnonzero(at >= 0).tolist():
        free[at[i]] -= need[i]

    def allowed(i):
        labels = pod.needs_labels[i]
        nodes = (node.labels & labels) == labels
        if pod.spread_group[i] >= 0:
            nodes[at[(pod.spread_group == pod.spread_group[i]) & (at >= 0)]] = False
        return nodes

    def room_for(i):
        """The node and the pods of lower priority on it that are the cheapest to stop for pod i."""
        best = None
        for n in np.flatnonzero(allowed(i)).tolist():
            lower = np.flatnonzero((at == n) & (pod.priority < pod.priority[i])).tolist()
            lower.sort(key=lambda j: (pod.priority[j], -need[j, 0], j))
            gone, there = [], free[n].copy()
            while lower and (there < need[i]).any():
                gone.append(lower.pop(0))
                there += need[gone[-1]]
            moved = sum(pod.node_now[j] == n for j in gone)
            if gone and (there >= need[i]).all() and moved <= moves_left:
                cost = sum(VICTIMS + VICTIM_SIZE * size[j] for j in gone)
                key = (cost, sum(int(pod.priority[j]) for j in gone), n)
                if best is None or key < best[0]:
                    best = key, n, gone
        return best and best[1:]

    def best_of(i, nodes):
        left = (free[nodes] - need[i]) / np.maximum(total[nodes], 1)
        return int(nodes[liking(left).argmax()])

    def displaced(i):
        """A node, a pod on it, and where that one can go so that pod i fits; None where there is none."""
        for n in np.flatnonzero(allowed(i)).tolist():
            there = np.flatnonzero(at == n)
            enough = there[(need[there] >= need[i] - free[n]).all(axis=1)]
            enough = enough[np.argsort(size[enough], kind="stable")]
            for j in enough[: math.ceil(min(1.0, DISPLACED) * len(there))].tolist():
                nodes = allowed(j) & (free >= need[j]).all(axis=1)
                nodes[n] = False
                if nodes.any() and (pod.node_now[j] != n or moves_left):
                    return n, j, best_of(j, np.flatnonzero(nodes))
        return None

    pending = np.flatnonzero(at < 0).tolist()
    place_of = {i: k / max(1, len(pending)) for k, i in enumerate(pending)}
    queue = sorted(pending, key=lambda i: -rank(pod.priority[i], size[i], place_of[i]))
    tries = {}
    for i in queue:  # grows by those that are stopped, which are tried once more
        tries[i] = tries.get(i, 0) + 1
        nodes = np.flatnonzero(allowed(i) & (free >= need[i]).all(axis=1))
        if nodes.size:
            n = best_of(i, nodes)
        else:
            found = room_for(i) if PREEMPTS else None
            if not found:
                continue
            n, gone = found
            for j in gone:
                moves_left -= pod.node_now[j] == n
                free[n] += need[j]
                at[j] = -1
                if tries.get(j, 0) < 2:
                    queue.append(j)
        at[i] = n
        free[n] -= need[i]
        moves_left += pod.node_now[i] == n
    for i in sorted(np.flatnonzero(at < 0).tolist(), key=lambda i: (-pod.priority[i], size[i])):
        moved = displaced(i) if DISPLACED > 0 else None
        if moved:
            n, j, m = moved
            moves_left += int(pod.node_now[j] == m) - int(pod.node_now[j] == n) + int(pod.node_now[i] == n)
            free[n] += need[j] - need[i]
            free[m] -= need[j]
            at[j], at[i] = m, n
    return at


# EVOLVE-BLOCK-END
