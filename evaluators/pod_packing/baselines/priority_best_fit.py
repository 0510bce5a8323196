"""The highest priority first, of one priority the smallest, each to the node that it fills best.

Source: the scheduling queue of Kubernetes, which is sorted by priority, and best fit. Where as many pods as possible
are to run, the smallest come first.
"""

import numpy as np


class State:
    """What runs where, and what is free, while pods are placed."""

    def __init__(self, node, pod, moves_allowed):
        self.total = np.stack([node.cpu_milli, node.mem_mib, node.gpu_milli], axis=1).astype(np.int64)
        self.need = np.stack([pod.cpu_milli, pod.mem_mib, pod.gpu_milli], axis=1).astype(np.int64)
        self.priority = pod.priority
        self.before = pod.node_now.copy()
        self.at = pod.node_now.copy()
        self.moves_left = moves_allowed
        self.group = pod.spread_group
        self.labelled = {
            need: (node.labels & np.uint64(need)) == np.uint64(need) for need in set(pod.needs_labels.tolist())
        }
        self.needs = pod.needs_labels.tolist()
        self.free = self.total.copy()
        self.on = [[] for _ in self.total]
        self.nodes_of = {}
        for i in np.flatnonzero(self.at >= 0).tolist():
            self._set(i, int(self.at[i]))

    def _set(self, i, n):
        self.free[n] -= self.need[i]
        self.on[n].append(i)
        self.at[i] = n
        if self.group[i] >= 0:
            self.nodes_of.setdefault(int(self.group[i]), set()).add(n)

    def put(self, i, n):
        self._set(i, n)
        if self.before[i] == n:
            self.moves_left += 1

    def stop(self, i):
        n = int(self.at[i])
        if self.before[i] == n:
            self.moves_left -= 1
        self.free[n] += self.need[i]
        self.on[n].remove(i)
        self.at[i] = -1
        if self.group[i] >= 0:
            self.nodes_of[int(self.group[i])].discard(n)

    def allowed(self, i):
        """(N,) bool: nodes with the labels that pod i needs and no pod of its group."""
        nodes = self.labelled[self.needs[i]].copy()
        if self.group[i] >= 0:
            nodes[list(self.nodes_of.get(int(self.group[i]), ()))] = False
        return nodes

    def fits(self, i):
        """(N,) bool: nodes on which pod i can run as it is."""
        return self.allowed(i) & (self.free >= self.need[i]).all(axis=1)


def score(state, i, nodes):
    """Nodes of which little is free then."""
    total = np.maximum(state.total[nodes], 1)
    return -((state.free[nodes] - state.need[i]) / total).mean(axis=1)


def preempt(state, i):
    """Make room for pod i by stopping the fewest pods of lower priority. Returns node and pods, None where it cannot.

    On each node those of the lowest priority go first, of these the largest.
    """
    best = None
    for n in np.flatnonzero(state.allowed(i)).tolist():
        lower = [j for j in state.on[n] if state.priority[j] < state.priority[i]]
        lower.sort(key=lambda j: (state.priority[j], -int(state.need[j, 0]), j))
        free, victims = state.free[n].copy(), []
        for j in lower:
            if (free >= state.need[i]).all():
                break
            free += state.need[j]
            victims.append(j)
        moved = sum(state.before[j] == n for j in victims)
        if victims and (free >= state.need[i]).all() and moved <= state.moves_left:
            key = (len(victims), sum(int(state.priority[j]) for j in victims), n)
            if best is None or key < best[0]:
                best = key, n, victims
    return best and best[1:]


def place(node, pod, moves_allowed):
    state = State(node, pod, moves_allowed)
    queue = np.flatnonzero(pod.node_now < 0).tolist()
    size = (state.need / np.maximum(state.total.sum(axis=0), 1)).max(axis=1)
    queue.sort(key=lambda i: (-int(pod.priority[i]), float(size[i])))
    tries = {}
    for i in queue:  # grows by those that are preempted, which are tried once more
        tries[i] = tries.get(i, 0) + 1
        nodes = np.flatnonzero(state.fits(i))
        if nodes.size:
            state.put(i, int(nodes[score(state, i, nodes).argmax()]))
            continue
        found = preempt(state, i)
        if found:
            n, victims = found
            for j in victims:
                state.stop(j)
                if tries.get(j, 0) < 2:
                    queue.append(j)
            state.put(i, n)
    return state.at
