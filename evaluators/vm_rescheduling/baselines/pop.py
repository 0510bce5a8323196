"""POP: hosts are split at random in 4 parts, each is solved on its own with its share of the moves, plans are merged.

Source: Narayanan et al. 2021 (POP, SOSP), one of the methods of Ding et al. 2025 (VMR2L, EuroSys), where each part is
a mixed integer program; here it is the beam search of `beam_search.py`.
"""

from types import SimpleNamespace

import numpy as np

BLOCK = 16
PARTS = 4
BOTH = 2
WIDTH = 8  # plans that are kept; half of that where there are many hosts
TRIED = 48  # VMs that are tried from each
GAIN = 512  # what a block is worth
NEVER = 10**9


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

    def copy(self):
        other = object.__new__(State)
        other.__dict__.update(self.__dict__)
        other.cpu, other.mem, other.pm, other.numa = (a.copy() for a in (self.cpu, self.mem, self.pm, self.numa))
        other.can = self.can.copy()
        other.hosts_of = {g: set(hosts) for g, hosts in self.hosts_of.items()}
        return other

    def freed(self):
        """(V,) blocks that each VM would free where it is."""
        first = np.where(self.numa == BOTH, 0, self.numa)
        free = self.cpu[self.pm, first]
        gain = (free + self.need) // BLOCK - free // BLOCK
        other = self.cpu[self.pm, 1]
        return gain + np.where(self.numa == BOTH, (other + self.need) // BLOCK - other // BLOCK, 0)

    def best_places(self, need, need_mb, both):
        """The three best places for a VM of a kind, (worth, host, node)."""
        room = (self.cpu >= need) & (self.mem >= need_mb)
        left = self.cpu - need
        worth = GAIN * (left // BLOCK - self.cpu // BLOCK) + potential(left) - potential(self.cpu)
        if both:
            hosts = np.flatnonzero(room.all(axis=1))
            nodes, worth = np.full(hosts.size, BOTH), worth[hosts].sum(axis=1)
        else:
            hosts, nodes = np.nonzero(room)
            worth = worth[hosts, nodes]
        best = np.argsort(-worth, kind="stable")[:3]
        return list(zip(worth[best].tolist(), hosts[best].tolist(), nodes[best].tolist(), strict=True))

    def allows(self, i, p, node):
        if p == self.pm[i]:
            return node not in (BOTH, self.numa[i])
        group = int(self.vm.group[i])
        return group < 0 or p not in self.hosts_of[group]

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


def potential(free):
    """What fragments are worth that lie together: those of a node that is nearly a block, more."""
    return (free % BLOCK) ** 2


def changes(state, movable):
    """The best moves, (worth, VM, host, node): blocks gained, then fragments put together."""
    both = state.numa == BOTH
    first = np.where(both, 0, state.numa)
    worth = GAIN * state.freed()
    for node, counts in ((first, 1), (1, both)):
        free = state.cpu[state.pm, node]
        worth += counts * (potential(free + state.need) - potential(free))
    best = [state.best_places(*kind) for kind in state.kinds]
    worth += np.array([places[0][0] if places else -NEVER for places in best])[state.kind]
    worth[~movable] = -NEVER
    found = []
    for i in np.argsort(-worth, kind="stable")[:TRIED].tolist():
        if worth[i] < -NEVER // 2:
            break
        places = best[state.kind[i]]
        for cost, p, node in places:
            if state.allows(i, p, node):
                found.append((int(worth[i]) - places[0][0] + cost, i, p, node))
                break
    return sorted(found, key=lambda move: -move[0])[:WIDTH]


def searched(pm, vm, limit):
    """Moves by beam search: of all plans of a length, the best go on; every VM moves once at most."""
    start = State(pm, vm)
    start.can = vm.movable.copy()
    kinds, start.kind = np.unique(
        np.stack([start.need, start.need_mb, start.numa == BOTH], axis=1), axis=0, return_inverse=True
    )
    start.kinds = kinds.tolist()
    width = WIDTH if len(pm.cpu_free) <= 300 else WIDTH // 2
    beam = [(0, 0, [], start)]
    best = (0, [])
    for _ in range(limit):
        children = {}
        for value, _, moves, state in beam:
            for worth, i, p, node in changes(state, state.can):
                key = value + worth, frozenset([*(m[0] for m in moves), i])
                children.setdefault(key, (value + worth, moves, state, (i, p, node)))
        grown = []
        for value, moves, state, move in sorted(children.values(), key=lambda child: -child[0])[:width]:
            after = state.copy()
            after.move(*move)
            after.can[move[0]] = False
            blocks = int((after.cpu // BLOCK).sum())
            grown.append((value, blocks, [*moves, move], after))
        if not grown:
            break
        beam = grown
        top = max(beam, key=lambda one: one[1])
        if top[1] - int((pm.cpu_free // BLOCK).sum()) > best[0]:
            best = (top[1] - int((pm.cpu_free // BLOCK).sum()), top[2])
    return best[1]


def reschedule(pm, vm, limit):
    rng = np.random.default_rng(0)
    moves = []
    for part, hosts in enumerate(np.array_split(rng.permutation(len(pm.cpu_free)), PARTS)):
        mine = np.flatnonzero(np.isin(vm.pm, hosts))
        number = np.full(len(pm.cpu_free), -1)
        number[hosts] = np.arange(hosts.size)
        pms = SimpleNamespace(cpu_free=pm.cpu_free[hosts], mem_free=pm.mem_free[hosts])
        names = ("cpu", "mem_mb", "numa", "group", "movable")
        vms = SimpleNamespace(pm=number[vm.pm[mine]], **{name: getattr(vm, name)[mine] for name in names})
        share = (limit * (part + 1)) // PARTS - (limit * part) // PARTS
        if mine.size and share:
            moves += [(int(mine[i]), int(hosts[p]), node) for i, p, node in searched(pms, vms, share)]
    return moves
