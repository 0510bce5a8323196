"""Large neighbourhood search over repairs: stop a few pods, repair, keep what is no worse.

Source: large neighbourhood search (Shaw 1998) around the repair of `repair.py`; the reference where no optimum is
known, with four times as many trials.
"""

import numpy as np

TRIED = 12  # sets of pods that are tried on a node
ROUNDS = 3
TRIALS = 1000  # neighbours that are tried, times pods; 100 at most
STOPPED = 4  # pods that are stopped for each, at most


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

    def copy(self):
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        other.free, other.at = self.free.copy(), self.at.copy()
        other.on = [list(pods) for pods in self.on]
        other.nodes_of = {group: set(nodes) for group, nodes in self.nodes_of.items()}
        return other

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


def best_node(state, i, without=-1):
    """The node that pod i fills best, -1 where it fits on none. without: a node that is left out."""
    fits = state.fits(i)
    if without >= 0:
        fits[without] = False
    nodes = np.flatnonzero(fits)
    if not nodes.size:
        return -1
    left = (state.free[nodes] - state.need[i]) / np.maximum(state.total[nodes], 1)
    return int(nodes[left.mean(axis=1).argmin()])


def prices(pod):
    """(n,) what it is worth that each pod runs, and what a disruption costs."""
    tiers, tier = np.unique(pod.priority, return_inverse=True)
    weight = 4.0 ** np.arange(tiers.size)
    return (weight / weight.sum() / np.bincount(tier))[tier], 0.05 / max(1, int((pod.node_now >= 0).sum()))


def sets_on(state, n, short, size):
    """Sets of `size` pods on node n that together have what is short."""
    pods = np.array(state.on[n], dtype=np.int64)
    if pods.size < size:
        return []
    if size == 1:
        return [(j,) for j in pods[(state.need[pods] >= short).all(axis=1)].tolist()]
    first, second = np.triu_indices(pods.size, 1)
    enough = (state.need[pods[first]] + state.need[pods[second]] >= short).all(axis=1)
    return list(zip(pods[first[enough]].tolist(), pods[second[enough]].tolist(), strict=True))


def displaced(state, i, size):
    """Put pod i where `size` pods can go elsewhere. Returns whether that was possible."""
    for n in np.flatnonzero(state.allowed(i)).tolist():
        sets = sets_on(state, n, state.need[i] - state.free[n], size)
        sets.sort(key=lambda pods: sum(int(state.need[j, 0]) for j in pods))
        for pods in sets[:TRIED]:
            if sum(state.before[j] == n for j in pods) > state.moves_left:
                continue
            gone = []
            for j in pods:
                state.stop(j)
                m = best_node(state, j, without=n)
                if m < 0:
                    state.put(j, n)
                    break
                state.put(j, m)
                gone.append(j)
            if len(gone) == len(pods):
                state.put(i, n)
                return True
            for j in reversed(gone):
                state.stop(j)
                state.put(j, n)
    return False


def evicted(state, i, worth, cost):
    """Put pod i in the place of one or two that are worth less. Returns those that were stopped."""
    best, most = None, 1e-12
    for n in np.flatnonzero(state.allowed(i)).tolist():
        short = state.need[i] - state.free[n]
        for pods in (*sets_on(state, n, short, 1), *sets_on(state, n, short, 2)[:TRIED]):
            moved = sum(state.before[j] == n for j in pods)
            gain = worth[i] - sum(worth[j] for j in pods) - cost * moved
            if gain > most and moved <= state.moves_left:
                best, most = (n, pods), gain
    if best is None:
        return ()
    for j in best[1]:
        state.stop(j)
    state.put(i, best[0])
    return best[1]


def repaired(state, worth, cost):
    """Place what is pending: where there is room, where pods can go elsewhere, in the place of pods worth less."""
    size = (state.need / np.maximum(state.total.sum(axis=0), 1)).max(axis=1)
    for _ in range(ROUNDS):
        changed = False
        pending = np.flatnonzero(state.at < 0).tolist()
        for i in sorted(pending, key=lambda i: (-worth[i], size[i])):
            n = best_node(state, i)
            if n >= 0:
                state.put(i, n)
                changed = True
                continue
            if (worth[i] > cost and displaced(state, i, 1)) or (worth[i] > 2 * cost and displaced(state, i, 2)):
                changed = True
                continue
            for j in evicted(state, i, worth, cost):
                changed = True
                m = best_node(state, j)
                if m >= 0:
                    state.put(j, m)
        if not changed:
            break


def value(state, worth, cost):
    moved = (state.before >= 0) & (state.at != state.before)
    return float(worth[state.at >= 0].sum() - cost * moved.sum())


def place(node, pod, moves_allowed, trials=TRIALS):
    rng = np.random.default_rng(0)
    worth, cost = prices(pod)
    best = State(node, pod, moves_allowed)
    repaired(best, worth, cost)
    best_value = value(best, worth, cost)
    for _ in range(min(100, trials // len(worth))):
        pending = np.flatnonzero(best.at < 0)
        if not pending.size:
            break
        state = best.copy()
        i = int(rng.choice(pending))
        nodes = np.flatnonzero(state.allowed(i) & (state.total >= state.need[i]).all(axis=1))
        if not nodes.size:
            continue
        n = int(rng.choice(nodes))
        for j in rng.permutation(state.on[n]).tolist()[: int(rng.integers(1, STOPPED + 1))]:
            if state.before[j] != n or state.moves_left:
                state.stop(j)
        if state.fits(i)[n]:
            state.put(i, n)
        repaired(state, worth, cost)
        after = value(state, worth, cost)
        if after >= best_value - 1e-12:
            best, best_value = state, after
    return best.at
