"""Moves of virtual machines between nodes."""

import numpy as np

# EVOLVE-BLOCK-START
# A VM moves only where that gains more than a block of 16 vCPU, which one VM never does: nothing moves.
LEAST = 1.1  # what a move must be worth
GAIN = 1.0  # per block of 16 free vCPU that it gains
SOURCE = 0.0  # per 16 vCPU more that lie in fragments on the node that it leaves
TARGET = 0.0  # per 16 vCPU fewer that lie in fragments on the node that it goes to
SMALL = 0.0  # per 16 vCPU of the VM
TIGHT = 0.01  # per 16 vCPU that are left free on the node that it goes to
TRIED = 40  # VMs that are looked at for each move, the most promising first


def worth(gain, source, target, vcpu, left):
    """What a move is worth, the last four in units of 16 vCPU; source, target: how the fragments of each node rise."""
    return GAIN * gain + SOURCE * source - TARGET * target - SMALL * vcpu - TIGHT * left


def reschedule(pm, vm, limit):
    cpu, mem = pm.cpu_free.copy(), pm.mem_free.copy()
    host, numa, can = vm.pm.copy(), vm.numa.copy(), vm.movable & (vm.numa < 2)
    hosts_of = {}
    for g, p in zip(vm.group.tolist(), host.tolist(), strict=True):
        hosts_of.setdefault(g, set()).add(p)
    moves = []
    while len(moves) < limit:
        best, best_worth = None, LEAST
        free = cpu[host, np.minimum(numa, 1)]
        freed = (free + vm.cpu) // 16 - free // 16
        source = ((free + vm.cpu) % 16 - free % 16) / 16
        promise = np.where(can, GAIN * (freed - vm.cpu // 16) + SOURCE * source - SMALL * vm.cpu / 16, -np.inf)
        for i in np.argsort(-promise, kind="stable")[:TRIED].tolist():
            c = int(vm.cpu[i])
            room = (cpu >= c) & (mem >= vm.mem_mb[i])
            room[host[i], min(numa[i], 1)] = False
            if vm.group[i] >= 0:
                room[[p for p in hosts_of[int(vm.group[i])] if p != host[i]]] = False
            if not can[i] or not room.any():
                continue
            gain = freed[i] - (cpu // 16 - (cpu - c) // 16)
            target = ((cpu - c) % 16 - cpu % 16) / 16
            value = np.where(room, worth(gain, source[i], target, c / 16, (cpu - c) / 16), -np.inf)
            place = int(value.argmax())
            if value.flat[place] > best_worth:
                best, best_worth = (i, *divmod(place, 2)), float(value.flat[place])
        if best is None:
            break
        i, p, node = best
        cpu[host[i], numa[i]] += vm.cpu[i]
        mem[host[i], numa[i]] += vm.mem_mb[i]
        cpu[p, node] -= vm.cpu[i]
        mem[p, node] -= vm.mem_mb[i]
        hosts_of[int(vm.group[i])].discard(int(host[i]))
        hosts_of[int(vm.group[i])].add(p)
        host[i], numa[i], can[i] = p, node, False
        moves.append((i, p, node))
    return moves


# EVOLVE-BLOCK-END
