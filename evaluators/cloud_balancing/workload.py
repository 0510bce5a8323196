"""The instances: days of a cloud, with the CPU use of the PlanetLab days that the literature takes.

Fitted to ten public days of 1,033 to 1,516 VMs, which are not bundled: the mean use of a VM is lognormal (2.04, 1.0 in
log %), its deviation 0.76 of that, one tick tells next to nothing of the next (lag-1 autocorrelation 0.05), 15 % of the
ticks are zero. In test, use is correlated and has a daily course, and crowds come at once.
What a VM asks for is hidden until its tick; it is drawn from a stream of chance of its own.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluators.cloud_balancing.cloud import G4, G5, HISTORY, VM_MIPS, VM_RAM_MB, Cloud, Info
from evaluators.fresh_draws import stream
from evolve.evaluator import Instance, Split

TICKS = 288
HOST_RAM_MB = 32_768
ZEROS = 0.25
"""Share of the ticks that are zero of a VM that hardly does anything; of busier ones less, 15 % of all."""
SPREAD = 0.6
"""Deviation of the log of use of a VM that hardly does anything; of busier ones less."""
BUSY_PCT = 18.0
HOSTS_PER_VM = 0.4


@dataclass(frozen=True)
class Recipe:
    """How a day is drawn.

    vms: range.  memory: range of the autocorrelation of use.  daily: how far use rises and falls over the day.
    crowds: how often a day 20 % of the VMs go to 90 % for 6 ticks.  ram: what the RAM of VMs is multiplied by.
    """

    vms: tuple[int, int]
    memory: tuple[float, float] = (0.0, 0.1)
    daily: float = 0.0
    crowds: int = 0
    ram: int = 1


RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (
        Recipe((50, 60)),
        Recipe((70, 80), (0.0, 0.4)),
        Recipe((60, 80), (0.3, 0.8), daily=0.3),
        Recipe((50, 60), crowds=2),
    ),
    Split.VALIDATION: (
        *[Recipe((50, 90))] * 3,
        *[Recipe((50, 90), (0.0, 0.6), daily=0.2)] * 3,
        *[Recipe((50, 90), (0.3, 0.9), daily=0.4)] * 2,
        *[Recipe((50, 90), crowds=3)] * 2,
    ),
    # Larger clouds with a daily course, crowds, and VMs with more memory to copy.
    Split.TEST: (
        Recipe((140, 150)),
        *[Recipe((80, 120), (0.85, 0.95), daily=0.4)] * 2,
        *[Recipe((80, 120), crowds=4)] * 2,
        Recipe((80, 120), (0.85, 0.95), daily=0.4, crowds=2, ram=3),
    ),
}


@dataclass(frozen=True)
class Draw:
    """What a drawn day depends on. name: what chance hangs on."""

    name: str
    recipe: Recipe
    attempt: int


@dataclass(frozen=True)
class Case(Instance):
    """One day. source: the day, or what it is drawn from when it is first needed."""

    source: Draw | Cloud

    @cached_property
    def cloud(self) -> Cloud:
        """Return hosts, VMs and what is asked."""
        return self.source if isinstance(self.source, Cloud) else drawn(self.source)


def own_case(split: Split, index: int, attempt: int) -> Case:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_case(split, f"{split.value}/{index}", index, attempt)


def drawn_case(split: Split, name: str, index: int, attempt: int) -> Case:
    """Return a day drawn as that of a split with an index."""
    return Case(name, Draw(name, RECIPES[split][index], attempt))


@functools.lru_cache(maxsize=64)
def drawn(draw: Draw) -> Cloud:
    """Draw a day; the same for the same arguments, in every process."""
    recipe = draw.recipe
    seen, hidden = (stream(f"cloud_balancing/{draw.name}/{draw.attempt}/{what}") for what in ("seen", "hidden"))
    vms = int(seen.integers(recipe.vms[0], recipe.vms[1] + 1))
    info = equipped(seen, vms, round(HOSTS_PER_VM * vms), recipe.ram)
    before, asked = np.split(used_pct(hidden, vms, recipe), [HISTORY])
    return Cloud(info, asked, before, placed_by_peak(info))


def equipped(rng: np.random.Generator, vms: int, hosts: int, ram: int = 1) -> Info:
    """Return VMs and hosts of the types that there are, in turn."""
    kind = np.arange(vms) % len(VM_MIPS)
    types = (G4, G5)
    return Info(
        TICKS,
        np.array(VM_MIPS)[kind],
        ram * np.array(VM_RAM_MB)[kind],
        rng.integers(10, 200, vms),
        np.array([types[host % 2][0] for host in range(hosts)]),
        np.full(hosts, HOST_RAM_MB),
        np.array([types[host % 2][1] for host in range(hosts)]),
    )


def used_pct(rng: np.random.Generator, vms: int, recipe: Recipe) -> np.ndarray:
    """Return (12 + ticks, V) int, % of its most that each VM asks for."""
    ticks = HISTORY + TICKS
    mean = np.minimum(np.exp(rng.normal(2.04, 1.0, vms)), 70.0)
    memory = rng.uniform(*recipe.memory, vms)
    noise = rng.normal(size=(ticks, vms))
    state = noise.copy()
    for tick in range(1, ticks):
        state[tick] = memory * state[tick - 1] + np.sqrt(1 - memory**2) * noise[tick]
    zeros, spread = ZEROS * np.exp(-mean / BUSY_PCT), SPREAD * np.exp(-mean / 80)
    zero = rng.random((ticks, vms)) < zeros
    course = 1 + recipe.daily * np.sin(2 * np.pi * (np.arange(ticks)[:, None] / TICKS + rng.uniform(0, 1)))
    level = mean * np.exp(spread * state - spread**2 / 2) / (1 - zeros) * course
    use = np.where(zero, 0, np.clip(np.rint(level), 0, 100)).astype(np.int64)
    for _ in range(recipe.crowds):
        start = HISTORY + int(rng.integers(0, TICKS - 6))
        use[start : start + 6, rng.permutation(vms)[: vms // 5]] = 90
    return use


def placed_by_peak(info: Info) -> np.ndarray:
    """Return (V,) int: VMs by the most that they may ask, first fit, so that no host can be overloaded.

    Hosts that need least power for what they have come first.
    """
    order = np.argsort(info.host_power_w[:, -1] / info.host_mips, kind="stable").tolist()
    free, ram = info.host_mips.astype(np.int64).copy(), info.host_ram_mb.astype(np.int64).copy()
    at = np.zeros(len(info.vm_max_mips), dtype=np.int64)
    for vm in np.argsort(-info.vm_max_mips, kind="stable").tolist():
        need, mb = int(info.vm_max_mips[vm]), int(info.vm_ram_mb[vm])
        fits = [host for host in order if free[host] >= need and ram[host] >= mb]
        host = fits[0] if fits else max(order, key=lambda host: (ram[host] >= mb, free[host]))
        free[host] -= need
        ram[host] -= mb
        at[vm] = host
    return at
