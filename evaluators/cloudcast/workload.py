"""The broadcasts of the splits, drawn on the 71 regions of the public benchmark.

No two splits have a source in common, nor has any of them a source of the public broadcasts. Prices and throughputs
differ from the published ones, in test most. Prices of a region that are equal stay equal, as price lists are. With the
published list in train, where many trees cost the same, train did not order programs as test does: over the 8 seeds
with other numbers that were above its best baseline the rank correlation was -0.70; on 12 or 18 broadcasts with prices
of their own it is 0.83 and 0.98. Destinations, volumes, partitions and VMs of test are within those of train.
An own instance is (split, index, attempt): one on which the naive routing cannot be told from the reference is drawn
again (`reference.py`), and reference.json keeps how often.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.cloudcast.network import Network, bundled_network, provider
from evaluators.cloudcast.public_format import public_broadcasts
from evaluators.cloudcast.transfer import Broadcast
from evaluators.fresh_draws import stream
from evolve.evaluator import Split

VM_LIMITS_GBIT_S: Mapping[str, tuple[float, float]] = {"aws": (10, 5), "gcp": (16, 7), "azure": (16, 16)}
"""Ingress and egress of one VM by cloud, as in the public broadcasts."""

SOURCE_SHARES: Mapping[Split, tuple[float, float]] = {
    Split.TRAIN: (0.0, 0.4),
    Split.VALIDATION: (0.4, 0.6),
    Split.TEST: (0.6, 1.0),
}
"""From where to where in the shuffled regions the sources of a split are."""


@dataclass(frozen=True)
class Recipe:
    """How the broadcasts of a split are drawn; ranges are (least, most).

    Attributes:
        count: how many; the number of clouds goes 1, 2, 3, 1, 2, 3, ...
        destinations: how many of them, both ends included.
        volume_gb: log-uniform.
        partitions: both ends included.
        vms: VMs per region, one of them.
        price_spread: standard deviation of the log factor on each price of a region's list.
        throughput_spread: standard deviation of the log factor on each edge's throughput.
    """

    count: int
    destinations: tuple[int, int]
    volume_gb: tuple[float, float]
    partitions: tuple[int, int]
    vms: tuple[int, ...] = (2,)
    price_spread: float = 0.0
    throughput_spread: float = 0.0


RECIPES: Mapping[Split, Recipe] = {
    Split.TRAIN: Recipe(16, (3, 12), (30, 3000), (1, 20), (1, 2, 4), price_spread=0.2, throughput_spread=0.25),
    Split.VALIDATION: Recipe(30, (3, 12), (30, 3000), (1, 20), (1, 2, 4), price_spread=0.1, throughput_spread=0.1),
    Split.TEST: Recipe(18, (4, 12), (100, 3000), (2, 20), (1, 2, 4), price_spread=0.25, throughput_spread=0.3),
}


@functools.cache
def sources(split: Split) -> tuple[int, ...]:
    """Return the regions that the broadcasts of an own split start from."""
    taken = {broadcast.source for broadcast in public_broadcasts()}
    free = [region for region in range(len(bundled_network().regions)) if region not in taken]
    shuffled = np.random.default_rng([70]).permutation(free).tolist()
    first, end = (round(share * len(shuffled)) for share in SOURCE_SHARES[split])
    return tuple(shuffled[first:end])


def own_broadcast(split: Split, index: int, attempt: int) -> Broadcast:
    """Return an instance of train, validation or test. attempt: counts the redraws; see reference.py."""
    return drawn_broadcast(split, f"{split.value}/{index}", index, attempt)


def drawn_broadcast(split: Split, name: str, index: int, attempt: int) -> Broadcast:
    """Draw a broadcast as that of a split with an index is drawn; the same for the same arguments, in every process.

    name: the random numbers follow from it alone. A program gets all of a broadcast: nothing is hidden from it.
    """
    recipe = RECIPES[split]
    rng = stream(f"cloudcast/{name}/{attempt}")
    clouds = index % 3 + 1
    network = bundled_network()
    own = sources(split)  # each of them once before any of them again
    source = own[(index + attempt * recipe.count) % len(own)]
    destinations = _destinations(rng, network, source, clouds, int(rng.integers(*recipe.destinations, endpoint=True)))
    volume_gb = round(math.exp(rng.uniform(*np.log(recipe.volume_gb))), 1)
    partitions = int(rng.integers(*recipe.partitions, endpoint=True))
    vms = int(rng.choice(recipe.vms))
    if recipe.price_spread or recipe.throughput_spread:
        network = perturbed(network, recipe.price_spread, recipe.throughput_spread, rng)
    limits = [VM_LIMITS_GBIT_S[provider(region)] for region in network.regions]
    return Broadcast(
        name,
        network,
        source,
        destinations,
        volume_gb,
        partitions,
        vms,
        tuple(ingress for ingress, _ in limits),
        tuple(egress for _, egress in limits),
    )


def _destinations(rng: np.random.Generator, network: Network, source: int, clouds: int, count: int) -> tuple[int, ...]:
    """Draw destinations in the source's cloud and in as many further ones as asked for, one at least in each."""
    own = provider(network.regions[source])
    others = sorted({provider(region) for region in network.regions} - {own})
    chosen: Sequence[str] = [own, *rng.permutation(others)[: clouds - 1].tolist()]
    pools = [
        [r for r, name in enumerate(network.regions) if provider(name) == cloud and r != source] for cloud in chosen
    ]
    first = [int(rng.choice(pool)) for pool in pools]
    rest = sorted({region for pool in pools for region in pool} - set(first))
    drawn = [*first, *rng.choice(rest, count - len(first), replace=False).tolist()]
    return tuple(rng.permutation(drawn).tolist())


def perturbed(network: Network, price_spread: float, throughput_spread: float, rng: np.random.Generator) -> Network:
    """Return a network with other prices and throughputs, each the published one times a log-normal factor.

    A price of a region is changed wherever it is asked for alike, and is a multiple of 0.0001 USD/GB, at least that.
    """
    usd_per_gb = network.usd_per_gb.copy()
    for row, published in zip(usd_per_gb, network.usd_per_gb, strict=True):
        for price in np.unique(published[np.isfinite(published)]):
            row[published == price] = max(round(price * math.exp(price_spread * rng.standard_normal()), 4), 0.0001)
    factors = np.exp(throughput_spread * rng.standard_normal(network.bit_s.shape))
    return Network(network.regions, usd_per_gb, np.round(network.bit_s * factors))
