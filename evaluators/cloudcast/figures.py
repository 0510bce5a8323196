"""The figures that a score depends on, per broadcast: what the naive and the reference routing cost, and a bound.

Naive: `baselines/direct.py`. Reference: `baselines/steiner_search.py`, which reads no clock, so the figure is the same
on every machine. Bound: the cheapest directed Steiner tree times the volume, up to 12 destinations: egress costs at
least that. Those of the built-in broadcasts are kept in reference.json, written by `python -m
evaluators.cloudcast.reference`; those of a user's are found when they are first needed, at most about 1 s each on 71
regions, and kept in the user's cache folder.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from evaluators.cloudcast.answer import checked_paths
from evaluators.cloudcast.baselines import direct, steiner_search
from evaluators.cloudcast.steiner import MOST_DESTINATIONS, cheapest_tree_usd_per_gb
from evaluators.cloudcast.transfer import VM_USD_PER_H, Bill, Broadcast, bill
from evaluators.kept_figures import computed_once, differ, digest_of, digest_of_files, far_apart
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / name for name in ("direct.py", "steiner_search.py"))


@dataclass(frozen=True)
class Figures:
    """What a broadcast costs, USD.

    Attributes:
        naive_usd: over direct paths.
        reference_usd: by the reference program.
        bound_usd: less than which nobody pays; None where there are too many destinations to find it.
        reference_did: of what the reference's bill consists, as `parts` says it.
    """

    naive_usd: float
    reference_usd: float
    bound_usd: float | None
    reference_did: str = ""

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the broadcast to have a score."""
        return differ(self.naive_usd, self.reference_usd)

    @property
    def far_apart(self) -> bool:
        """Return whether they differ enough for an instance of our own."""
        return far_apart(self.naive_usd, self.reference_usd)


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in broadcasts."""
    return read_reference(STORED, "broadcasts", Figures)


def digest(broadcast: Broadcast) -> str:
    """Return a hash of all facts that a broadcast's figures are computed from."""
    return digest_of(
        (
            broadcast.network.fingerprint,
            broadcast.source,
            broadcast.destinations,
            float(broadcast.volume_gb),
            broadcast.partitions,
            broadcast.vms,
            [float(limit) for limit in (*broadcast.vm_ingress_gbit_s, *broadcast.vm_egress_gbit_s)],
            VM_USD_PER_H,
        )
    )


def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return digest_of_files(PROGRAMS)


@functools.lru_cache(maxsize=4096)
def figures_of(broadcast: Broadcast) -> Figures:
    """Return the figures of a broadcast: kept ones where there are, else found now and kept in the cache folder."""
    known = stored().figures.get(broadcast.id)
    if known is not None:
        return known
    own = digest(broadcast)
    known = stored().with_digest(own)
    if known is not None:
        return known
    key = f"{own}-{programs_digest()}"
    return computed_once("cloudcast", key, Figures, broadcast.id, lambda: compute(broadcast))


def compute(broadcast: Broadcast) -> Figures:
    """Find the figures of a broadcast."""
    bound_usd = None
    if len(broadcast.destinations) <= MOST_DESTINATIONS:
        tree = cheapest_tree_usd_per_gb(broadcast.network.usd_per_gb, broadcast.source, broadcast.destinations)
        bound_usd = tree * broadcast.volume_gb
    reference = bill_of(steiner_search, broadcast)
    return Figures(bill_of(direct, broadcast).cost_usd, reference.cost_usd, bound_usd, parts(broadcast, reference))


def bill_of(program: ModuleType, broadcast: Broadcast) -> Bill:
    """Return what a program of ours pays, run in this process: only its bill is asked for, not a score."""
    names = broadcast.network.regions
    answer = program.route(
        names[broadcast.source],
        [names[destination] for destination in broadcast.destinations],
        broadcast.graph(),
        broadcast.partitions,
    )
    return bill(broadcast, checked_paths(answer, broadcast))


def parts(broadcast: Broadcast, paid: Bill) -> str:
    """Say of what a bill consists."""
    relays = len(paid.regions) - len(broadcast.destinations) - 1
    return (
        f"egress {paid.egress_usd:.2f}, VMs {paid.vm_usd:.2f} "
        f"({len(paid.regions)} regions, {relays} relays, {paid.time_s:.0f} s)"
    )
