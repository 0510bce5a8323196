"""Filter and score: the move that gains most blocks of 16 vCPU, to the tightest node; stop when none gains any.

Source: the heuristic of Ding et al. 2025 (VMR2L, EuroSys), as schedulers of clouds have it: filter the hosts with room,
score them by their fragments.
"""

import numpy as np

BLOCK = 16
BOTH = 2


class State:
    """What is where, while moves are planned."""

    def __init__(self, pm, vm):
        self.cpu, self.mem = pm.cpu_free.copy(), pm.mem_free.copy()
        self.vm, self.pm, self.numa = vm, vm.pm.copy(), vm.numa.copy()
        both = vm.numa == BOTH
        self.need = np.where(both, vm.cpu // 2, vm.cpu)
        self.need_mb = np.where(both, vm.mem_mb // 2, vm.mem_mb)
        self.hosts_of = {}
        for g, p in zip(vm.group.tolist(), vm.pm.tolist(), strict=True):
            if g >= 0:
                self.hosts_of.setdefault(g, set()).add(p)

    def freed(self):
        """(V,) blocks that each VM would free where it is."""
        first = np.where(self.numa == BOTH, 0, self.numa)
        free = self.cpu[self.pm, first]
        gain = (free + self.need) // BLOCK - free // BLOCK
        other = self.cpu[self.pm, 1]
        return gain + np.where(self.numa == BOTH, (other + self.need) // BLOCK - other // BLOCK, 0)

    def places(self, i):
        """(host, node, blocks lost, vCPU left) of every place with room for VM i that is not where it is."""
        c, m, here = int(self.need[i]), int(self.need_mb[i]), int(self.pm[i])
        free = self.cpu
        room = (free >= c) & (self.mem >= m)
        lost, left = free // BLOCK - (free - c) // BLOCK, free - c
        group = int(self.vm.group[i])
        for p in self.hosts_of.get(group, ()) if group >= 0 else ():
            if p != here:
                room[p] = False
        if self.numa[i] == BOTH:
            room[here] = False
            hosts = np.flatnonzero(room.all(axis=1))
            return hosts, np.full(hosts.size, BOTH), lost[hosts].sum(axis=1), left[hosts].sum(axis=1)
        room[here, self.numa[i]] = False
        hosts, nodes = np.nonzero(room)
        return hosts, nodes, lost[hosts, nodes], left[hosts, nodes]

    def move(self, i, p, node):
        for sign, host, at in ((1, self.pm[i], self.numa[i]), (-1, p, node)):
            nodes = slice(None) if at == BOTH else at
            self.cpu[host, nodes] += sign * self.need[i]
            self.mem[host, nodes] += sign * self.need_mb[i]
        group = int(self.vm.group[i])
        if group >= 0:
            self.hosts_of[group].discard(int(self.pm[i]))
            self.hosts_of[group].add(int(p))
        self.pm[i], self.numa[i] = p, node


def best_move(state, movable):
    """(gain, VM, host, node) of the move that gains most blocks, then leaves least; None where none gains."""
    freed = np.where(movable, state.freed(), -1)
    best = None
    seen = set()
    for i in np.argsort(-freed, kind="stable").tolist():
        if freed[i] <= 0 or (best is not None and freed[i] <= best[0]):
            break
        key = (int(freed[i]), int(state.need[i]), int(state.need_mb[i]), int(state.numa[i]) == BOTH)
        if key in seen and state.vm.group[i] < 0:
            continue  # another VM like it has been tried: only its own place differs
        seen.add(key)
        hosts, nodes, lost, left = state.places(i)
        if not hosts.size:
            continue
        k = int(np.lexsort((left, lost))[0])
        gain = int(freed[i] - lost[k])
        if gain > 0 and (best is None or gain > best[0]):
            best = (gain, i, int(hosts[k]), int(nodes[k]))
    return best


def reschedule(pm, vm, limit):
    state, moves = State(pm, vm), []
    while len(moves) < limit:
        best = best_move(state, vm.movable)
        if best is None:
            break
        _, i, p, node = best
        state.move(i, p, node)
        moves.append((i, p, node))
    return moves
