"""The sentences that would help a person to improve a plan: what the moves gained, and where fragments are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evaluators.vm_rescheduling.cluster import BLOCK, Cluster, rate
from evaluators.vm_rescheduling.figures import Figures
from evaluators.vm_rescheduling.migration import Move, State


def explain(
    cluster: Cluster, moves: Sequence[Move], gained: Sequence[int | None], state: State, left: int, figures: Figures
) -> str:
    """Say how far the fragments fell, which moves gained nothing, and a move that would gain more. left: vCPU."""
    counts = Counter(gained)
    free, limit = figures.free, cluster.limit
    facts = [
        f"{len(moves)} of {limit} moves: fragment rate {rate(figures.naive, free):.3f} -> {rate(left, free):.3f} "
        f"(reference, a bound: {rate(figures.reference, free):.3f}), "
        f"{(figures.naive - left) // BLOCK} blocks of 16 vCPU gained of at most "
        f"{(figures.naive - figures.reference) // BLOCK}"
    ]
    if moves:
        idle, lost = counts[0], sum(n for gain, n in counts.items() if gain is not None and gain < 0)
        facts.append(f"{idle} moves gained nothing at once, {lost} lost blocks")
    if counts[None]:
        facts.append(f"{counts[None]} moves no longer fitted and were skipped")
    if len(moves) < limit:
        facts.append(_further(state) or "no single move more would gain a block, a pair of moves may")
    facts.append(_nearest(state))
    return "; ".join(facts) + "."


def _further(state: State) -> str:
    """Name a move that gains a block, if there is one."""
    ends: dict[int, list[tuple[int, int]]] = {}
    for pm, nodes in enumerate(state.cpu):
        for node, free in enumerate(nodes):
            ends.setdefault(free, []).append((pm, node))
    for vm, vcpu in enumerate(state.vcpu):
        if state.numa[vm] in (0, 1) and vcpu % BLOCK and state.movable[vm]:
            at = state.cpu[state.pm[vm]][state.numa[vm]]
            if (at % BLOCK) + (vcpu % BLOCK) < BLOCK:
                continue
            for free, places in ends.items():
                if free >= vcpu and free % BLOCK >= vcpu % BLOCK:
                    for pm, node in places:
                        if not state.why_not(vm, pm, node):
                            return f"VM {vm} ({vcpu} vCPU) to host {pm}, node {node} would gain a block more"
    return ""


def _nearest(state: State) -> str:
    """Name the node with most fragments, and the smallest VM on it that completes a block."""
    pm, node = max(
        ((pm, node) for pm in range(len(state.cpu)) for node in (0, 1)), key=lambda at: state.cpu[at[0]][at[1]] % BLOCK
    )
    free = state.cpu[pm][node]
    there = [i for i, at in enumerate(state.pm) if at == pm and state.numa[i] == node and state.movable[i]]
    fits = [i for i in there if (free % BLOCK) + state.vcpu[i] >= BLOCK]
    said = f"most fragments are on host {pm}, node {node}: {free} vCPU free"
    if fits:
        vm = min(fits, key=lambda i: state.vcpu[i])
        said += f"; a block without VM {vm} ({state.vcpu[vm]} vCPU)"
    return said
