"""Vector bin packing of alpha VMs: those on the nodes with most fragments go, largest first, where least is lost.

Source: the alpha-VBPP baseline of Ding et al. 2025 (VMR2L, EuroSys); best fit for vectors is that of Panigrahy et al.
2011. There all alpha VMs are out at once; here a move has to fit before the VM has left, so each goes on its own, if
no block is lost by it.
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


def reschedule(pm, vm, limit):
    state, moves = State(pm, vm), []
    first = np.where(vm.numa == BOTH, 0, vm.numa)
    waste = pm.cpu_free[vm.pm, first] % BLOCK
    candidates = np.flatnonzero(vm.movable & (state.freed() > 0))
    taken = candidates[np.argsort(-waste[candidates], kind="stable")][:limit]
    for i in taken[np.argsort(-state.need[taken], kind="stable")].tolist():
        hosts, nodes, lost, left = state.places(i)
        if not hosts.size:
            continue
        k = int(np.lexsort((left, lost))[0])
        if state.freed()[i] - lost[k] >= 0:
            state.move(i, int(hosts[k]), int(nodes[k]))
            moves.append((i, int(hosts[k]), int(nodes[k])))
    return moves
