"""The instances: clusters that have run for a while, so that their free CPU is scattered.

A cluster is filled to its load, 70 % of the VMs by best fit and 30 % at random, then 2 V times one VM leaves and the
cluster is filled again. Hosts, flavours and shares are chosen so that the published medium set (279 hosts, fragment
rate 0.555, and what the published heuristic makes of it) is met; that set itself is not bundled. Placed by best fit
alone, single moves gain next to nothing; with half at random the greedy rule comes close to the bound.
An own instance is (split, index, attempt); one on which little is to be gained is drawn again (`reference.py`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.vm_rescheduling.cluster import BOTH, Cluster, PMs, VMs
from evolve.evaluator import Instance, Split

Family: TypeAlias = Literal["standard", "multi_resource", "anti_affinity"]

NODE_VCPU = 44
NODE_MB = 184_388
FLAVOURS = (2, 4, 8, 16, 32, 64, 88)
"""vCPU; those of 64 and 88 take two nodes."""
SHARES = (0.05, 0.20, 0.38, 0.27, 0.085, 0.012, 0.003)
MB_PER_VCPU = 2048
MULTI = ((2048, 0.7), (4096, 0.15), (8192, 0.15))
"""MB per vCPU and how common, in a multi-resource cluster, whose nodes run out of memory too."""
BEST_FIT = 0.7
ROUNDS = 2
"""How many VMs leave and are replaced, per VM of the full cluster."""
GROUPED = 0.05
"""Share of the VMs that are in anti-affinity groups, of 3 to 8."""


@dataclass(frozen=True)
class Recipe:
    """How a cluster is drawn. load: share of the vCPU in use.  limit: moves, as a share of the VMs."""

    pms: tuple[int, int]
    load: tuple[float, float] = (0.88, 0.93)
    limit: tuple[float, float] = (0.02, 0.03)
    multi: bool = False
    grouped: bool = False
    pinned: float = 0.0


RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        *[Recipe((40, 80))] * 3,
        *[Recipe((80, 160))] * 3,
        Recipe((60, 120), multi=True),
        Recipe((60, 120), grouped=True, pinned=0.1),
    ),
    Split.VALIDATION: (
        *[Recipe((40, 100), load=(0.80, 0.93))] * 8,
        *[Recipe((100, 200), load=(0.80, 0.93))] * 4,
        *[Recipe((60, 120), load=(0.80, 0.93), multi=True)] * 3,
        *[Recipe((60, 120), load=(0.80, 0.93), grouped=True, pinned=0.1)] * 3,
    ),
    # Emptier and fuller clusters than those of train, larger ones, and more that is scarce.
    Split.TEST: (
        *[Recipe((60, 140), load=(0.60, 0.80))] * 3,
        *[Recipe((60, 140), load=(0.93, 0.95))] * 3,
        Recipe((279, 279), load=(0.907, 0.907)),
        *[Recipe((100, 200), load=(0.80, 0.95), multi=True)] * 3,
        *[Recipe((100, 200), load=(0.80, 0.95), grouped=True, pinned=0.1)] * 3,
        Recipe((500, 600), load=(0.85, 0.93), multi=True, grouped=True, pinned=0.1),
    ),
}


@dataclass(frozen=True)
class Draw:
    """What a drawn cluster depends on. name: what chance hangs on."""

    name: str
    recipe: Recipe
    attempt: int


@dataclass(frozen=True)
class Case(Instance):
    """One plan to make. source: the cluster, or what it is drawn from when it is first needed."""

    source: Draw | Cluster

    @cached_property
    def cluster(self) -> Cluster:
        """Return hosts, VMs and the limit."""
        return self.source if isinstance(self.source, Cluster) else drawn(self.source)


def own_case(family: Family, split: Split, index: int, attempt: int) -> Case:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_case(family, split, f"{split.value}/{index}", index, attempt)


def drawn_case(family: Family, split: Split, name: str, index: int, attempt: int) -> Case:
    """Return a case drawn as that of a split with an index. A program is shown all of it: nothing is kept apart."""
    recipe = RECIPES[split][index]
    if family != "standard":
        recipe = replace(recipe, multi=family == "multi_resource", grouped=family == "anti_affinity")
    return Case(name, Draw(name, recipe, attempt))


@functools.lru_cache(maxsize=64)
def drawn(draw: Draw) -> Cluster:
    """Draw a cluster; the same for the same arguments, in every process. 0.1 s for 279 hosts."""
    recipe = draw.recipe
    rng = stream(f"vm_rescheduling/{draw.name}/{draw.attempt}")
    pms = int(rng.integers(recipe.pms[0], recipe.pms[1] + 1))
    filled = _Filled(rng, pms, rng.uniform(*recipe.load), MULTI if recipe.multi else ((MB_PER_VCPU, 1.0),))
    for _ in range(ROUNDS * len(filled.vms)):
        filled.leave(int(rng.integers(len(filled.vms))))
        filled.refill()
    order = rng.permutation(len(filled.vms))
    cpu, mem_mb, pm, numa = np.array(filled.vms, dtype=np.int64)[order].T.copy()
    group = _groups(rng, pm) if recipe.grouped else np.full(cpu.size, -1)
    total = np.full((pms, 2), NODE_VCPU), np.full((pms, 2), NODE_MB)
    movable = rng.random(cpu.size) >= recipe.pinned
    limit = max(1, round(cpu.size * rng.uniform(*recipe.limit)))
    return Cluster(PMs(filled.cpu, filled.mem, *total), VMs(cpu, mem_mb, pm, numa, group, movable), limit)


class _Filled:
    """A cluster in the making. vms: (cpu, mem_mb, pm, numa) each."""

    def __init__(self, rng: np.random.Generator, pms: int, load: float, memory: tuple[tuple[int, float], ...]) -> None:
        self.rng = rng
        self.cpu = np.full((pms, 2), NODE_VCPU)
        self.mem = np.full((pms, 2), NODE_MB)
        self.vms: list[tuple[int, int, int, int]] = []
        self.most = load * self.cpu.sum()
        self.used = 0
        self.memory = tuple(np.array(column) for column in zip(*memory, strict=True))
        self.refill()

    def leave(self, index: int) -> None:
        cpu, mem, pm, numa = self.vms[index]
        self.vms[index] = self.vms[-1]
        self.vms.pop()
        self._take(-cpu, -mem, pm, numa)

    def refill(self) -> None:
        """Add VMs until the load is reached, or nothing that is drawn finds a place."""
        refused = 0
        while self.used < self.most and refused < 20:
            cpu = FLAVOURS[int(np.searchsorted(_CUMULATED, self.rng.random()))]
            mem = cpu * self._mb_per_vcpu()
            place = self._place(cpu, mem)
            if place is None:
                refused += 1
                continue
            self.vms.append((cpu, mem, *place))
            self._take(cpu, mem, *place)

    def _mb_per_vcpu(self) -> int:
        amounts, shares = self.memory
        return int(amounts[0] if amounts.size == 1 else self.rng.choice(amounts, p=shares))

    def _place(self, cpu: int, mem: int) -> tuple[int, int] | None:
        """Return host and node, by best fit or at random; None where there is no room."""
        two = cpu > NODE_VCPU
        free = self.cpu.min(axis=1) if two else self.cpu.ravel()
        room = self.mem.min(axis=1) if two else self.mem.ravel()
        (fits,) = np.nonzero((free >= (cpu // 2 if two else cpu)) & (room >= (mem // 2 if two else mem)))
        if not fits.size:
            return None
        best = self.rng.random() < BEST_FIT
        chosen = int(fits[free[fits].argmin()] if best else fits[self.rng.integers(fits.size)])
        return (chosen, BOTH) if two else divmod(chosen, 2)

    def _take(self, cpu: int, mem: int, pm: int, numa: int) -> None:
        self.used += cpu
        if numa == BOTH:
            self.cpu[pm] -= cpu // 2
            self.mem[pm] -= mem // 2
        else:
            self.cpu[pm, numa] -= cpu
            self.mem[pm, numa] -= mem


_CUMULATED = np.cumsum(SHARES)[:-1]


def _groups(rng: np.random.Generator, pm: np.ndarray) -> np.ndarray:
    """Return (V,) int: groups of 3 to 8 VMs on different hosts, 5 % of the VMs together; -1 for the others."""
    group = np.full(pm.size, -1)
    order = rng.permutation(pm.size).tolist()
    number = 0
    while order and (group >= 0).mean() < GROUPED:
        wanted, hosts = int(rng.integers(3, 9)), set()
        for vm in list(order[: 4 * wanted]):
            if len(hosts) < wanted and pm[vm] not in hosts:
                hosts.add(pm[vm])
                group[vm] = number
                order.remove(vm)
        number += 1
    return group
