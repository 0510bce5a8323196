"""Carrying out a plan, move by move, in whole vCPU and MB, and what may come between a plan and its execution.

A VM is copied while it runs (live migration): its new place must have room before the old one is given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.vm_rescheduling.cluster import BLOCK, BOTH, Cluster, PMs, VMs
from evaluators.vm_rescheduling.workload import FLAVOURS, MB_PER_VCPU, SHARES
from evolve.evaluator import Infeasible

Move: TypeAlias = tuple[int, int, int]
"""VM, host, node; node -1: that of the two with which fewer fragments remain."""


class State:
    """What is where and what is free while moves are carried out: nested lists, which are faster than arrays here."""

    def __init__(self, cluster: Cluster) -> None:
        self.cpu: list[list[int]] = cluster.pm.cpu_free.tolist()
        self.mem: list[list[int]] = cluster.pm.mem_free.tolist()
        self.vcpu: list[int] = cluster.vm.cpu.tolist()
        self.mb: list[int] = cluster.vm.mem_mb.tolist()
        self.pm: list[int] = cluster.vm.pm.tolist()
        self.numa: list[int] = cluster.vm.numa.tolist()
        self.group: list[int] = cluster.vm.group.tolist()
        self.movable: list[bool] = cluster.vm.movable.tolist()
        self.groups_on = {(g, p): vm for vm, (g, p) in enumerate(zip(self.group, self.pm, strict=True)) if g >= 0}

    def need(self, vm: int) -> tuple[int, int]:
        """Return vCPU and MB that a VM takes of each of its nodes."""
        return (self.vcpu[vm] // 2, self.mb[vm] // 2) if self.numa[vm] == BOTH else (self.vcpu[vm], self.mb[vm])

    def why_not(self, vm: int, pm: int, numa: int) -> str:
        """Return why a VM cannot move to a node, 0, 1 or 2: both; empty where it can."""
        if not self.movable[vm]:
            return f"VM {vm} is not movable"
        if (numa == BOTH) != (self.numa[vm] == BOTH):
            two = self.numa[vm] == BOTH
            return f"VM {vm} takes {'both nodes, 2' if two else 'one node, 0 or 1'}; its node is {numa}"
        if pm == self.pm[vm] and numa == self.numa[vm]:
            return f"VM {vm} is on host {pm}, node {numa} already"
        vcpu, mb = self.need(vm)
        for node in (0, 1) if numa == BOTH else (numa,):
            if self.cpu[pm][node] < vcpu:
                return f"VM {vm} needs {vcpu} vCPU on host {pm}, node {node}, which has {self.cpu[pm][node]} free"
            if self.mem[pm][node] < mb:
                return f"VM {vm} needs {mb} MB on host {pm}, node {node}, which has {self.mem[pm][node]} free"
        other = self.groups_on.get((self.group[vm], pm), vm)
        if other != vm:
            return f"VM {vm} and VM {other} of group {self.group[vm]} would both be on host {pm}"
        return ""

    def chosen(self, vm: int, pm: int) -> int:
        """Return the node of a host that a VM takes whose program names none: fewest fragments, then node 0."""
        if self.numa[vm] == BOTH:
            return BOTH
        vcpu = self.vcpu[vm]
        nodes = [node for node in (0, 1) if not self.why_not(vm, pm, node)]
        return min(
            nodes or [1 if (pm, 0) == (self.pm[vm], self.numa[vm]) else 0],
            key=lambda node: (self.cpu[pm][node] - vcpu) % BLOCK - self.cpu[pm][node] % BLOCK,
        )

    def move(self, vm: int, pm: int, numa: int) -> int:
        """Move a VM, which must be possible. Returns by how many blocks their number rises."""
        vcpu, mb = self.need(vm)
        gained = 0
        for sign, host, at in ((1, self.pm[vm], self.numa[vm]), (-1, pm, numa)):
            for node in (0, 1) if at == BOTH else (at,):
                gained -= self.cpu[host][node] // BLOCK
                self.cpu[host][node] += sign * vcpu
                self.mem[host][node] += sign * mb
                gained += self.cpu[host][node] // BLOCK
        if self.group[vm] >= 0:
            del self.groups_on[self.group[vm], self.pm[vm]]
            self.groups_on[self.group[vm], pm] = vm
        self.pm[vm], self.numa[vm] = pm, numa
        return gained


def checked_moves(answer: Any, cluster: Cluster) -> list[Move]:
    """Read an answer as moves (vm, pm, numa). Raises Infeasible that names the move and the number."""
    if isinstance(answer, np.ndarray) and answer.ndim == 2 and answer.dtype.kind in "iu":
        answer = answer.tolist()
    if not isinstance(answer, list):
        raise Infeasible(f"the answer is {type(answer).__name__}, expected a list of moves (vm, pm, numa)")
    if len(answer) > cluster.limit:
        raise Infeasible(f"the plan has {len(answer)} moves, at most {cluster.limit} are allowed")
    least = (0, 0, -1)
    most = (cluster.vm.cpu.size - 1, len(cluster.pm.cpu_free) - 1, BOTH)
    moves: list[Move] = []
    for number, move in enumerate(answer):
        if isinstance(move, np.ndarray) and move.ndim == 1 and move.dtype.kind in "iu":
            move = move.tolist()
        if not isinstance(move, list) or len(move) != 3:
            raise Infeasible(f"move {number} is {move!r:.40}, expected three whole numbers (vm, pm, numa)")
        for what, value, low, high in zip(("vm", "pm", "numa"), move, least, most, strict=True):
            if type(value) is not int or not low <= value <= high:
                raise Infeasible(
                    f"the {what} of move {number} is {value!r:.40} ({type(value).__name__}), "
                    f"expected a whole number (int) in {low}..{high}"
                )
        moves.append((move[0], move[1], move[2]))
    return moves


def carried_out(moves: Sequence[Move], cluster: Cluster, skips: bool = False) -> tuple[State, list[int | None]]:
    """Carry out moves in their order. Returns the state after them, and what each gained, blocks; None: skipped.

    skips: leave out a move that is not possible (any more). Without, it raises Infeasible that names move and amount.
    """
    state, gained = State(cluster), list[int | None]()
    for number, (vm, pm, numa) in enumerate(moves):
        node = state.chosen(vm, pm) if numa < 0 else numa
        reason = state.why_not(vm, pm, node)
        if reason and not skips:
            raise Infeasible(f"move {number} is not possible: {reason}")
        gained.append(None if reason else state.move(vm, pm, node))
    return state, gained


def aged(cluster: Cluster, name: str, events: int) -> Cluster:
    """Return the cluster after VMs have left and come, each with probability 1/2, while a plan was made.

    One that has left keeps its number, is not movable and takes nothing; one that has come has no number and takes
    its CPU and memory from where most is free.  name: what chance hangs on.
    """
    rng = stream(f"vm_rescheduling/{name}/events")
    cpu_free, mem_free = cluster.pm.cpu_free.copy(), cluster.pm.mem_free.copy()
    cpu, mem_mb, movable, group = (getattr(cluster.vm, n).copy() for n in ("cpu", "mem_mb", "movable", "group"))
    for _ in range(events):
        vm = int(rng.integers(cpu.size))
        arrival = int(rng.choice(FLAVOURS[:5], p=np.array(SHARES[:5]) / sum(SHARES[:5])))
        if rng.random() < 0.5:
            both = cluster.vm.numa[vm] == BOTH
            nodes = [0, 1] if both else [int(cluster.vm.numa[vm])]
            cpu_free[cluster.vm.pm[vm], nodes] += cpu[vm] // (2 if both else 1)
            mem_free[cluster.vm.pm[vm], nodes] += mem_mb[vm] // (2 if both else 1)
            cpu[vm], mem_mb[vm], movable[vm], group[vm] = 0, 0, False, -1
        else:
            node = np.unravel_index(cpu_free.argmax(), cpu_free.shape)
            if cpu_free[node] >= arrival and mem_free[node] >= arrival * MB_PER_VCPU:
                cpu_free[node] -= arrival
                mem_free[node] -= arrival * MB_PER_VCPU
    pm = PMs(cpu_free, mem_free, cluster.pm.cpu_total, cluster.pm.mem_total)
    return Cluster(pm, VMs(cpu, mem_mb, cluster.vm.pm, cluster.vm.numa, group, movable), cluster.limit)
