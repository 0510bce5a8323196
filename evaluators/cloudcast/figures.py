"""The figures that a score hangs on, per broadcast: what the naive and the reference routing cost, and a bound.

Naive: `baselines/direct.py`. Reference: `baselines/steiner_search.py`, which reads no clock, so the figure is the same
on every machine. Bound: the cheapest directed Steiner tree times the volume, up to 12 destinations: egress costs at
least that. Those of the built-in broadcasts are kept in reference.json, written by `python -m
evaluators.cloudcast.reference`; those of a user's are found when they are first needed, at most about 1 s each on 71
regions, and kept in the user's cache folder.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from evaluators.cloudcast.answer import checked_paths
from evaluators.cloudcast.baselines import direct, steiner_search
from evaluators.cloudcast.steiner import MOST_DESTINATIONS, cheapest_tree_usd_per_gb
from evaluators.cloudcast.transfer import VM_USD_PER_H, Broadcast, bill
from evaluators.kept_figures import keep, recall
from evolve.evaluator import Split

STORED = Path(__file__).with_name("reference.json")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / name for name in ("direct.py", "steiner_search.py"))

LEAST_GAP = 0.01
"""A broadcast on which naive and reference differ by less than this share of naive says nothing and has no score."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figures:
    """What a broadcast costs, USD.

    Attributes:
        naive_usd: over direct paths.
        reference_usd: by the reference program.
        bound_usd: less than which nobody pays; None where there are too many destinations to find it.
    """

    naive_usd: float
    reference_usd: float
    bound_usd: float | None

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the broadcast to have a score."""
        return self.naive_usd - self.reference_usd >= LEAST_GAP * self.naive_usd > 0


@dataclass(frozen=True)
class Stored:
    """What reference.json holds.

    programs: hash of the naive and the reference program.  attempts: of every own split, how often each of its
    broadcasts was redrawn.  digests, figures: by instance id, the hash of the broadcast that the figures belong to, and
    the figures.
    """

    programs: str
    attempts: dict[Split, tuple[int, ...]]
    digests: dict[str, str]
    figures: dict[str, Figures]


@functools.cache
def stored() -> Stored:
    """Return the figures of the built-in broadcasts."""
    content = json.loads(STORED.read_text(encoding="utf-8"))
    rows = content["broadcasts"]
    return Stored(
        content["programs"],
        {Split(split): tuple(attempts) for split, attempts in content["attempts"].items()},
        {id_: row["digest"] for id_, row in rows.items()},
        {id_: Figures(row["naive_usd"], row["reference_usd"], row["bound_usd"]) for id_, row in rows.items()},
    )


def digest(broadcast: Broadcast) -> str:
    """Return a hash of all facts that a broadcast's figures are computed from."""
    facts = (
        broadcast.network.fingerprint,
        broadcast.source,
        broadcast.destinations,
        float(broadcast.volume_gb),
        broadcast.partitions,
        broadcast.vms,
        [float(limit) for limit in (*broadcast.vm_ingress_gbit_s, *broadcast.vm_egress_gbit_s)],
        VM_USD_PER_H,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@functools.cache
def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in PROGRAMS)).hexdigest()[:16]


@functools.lru_cache(maxsize=4096)
def figures_of(broadcast: Broadcast) -> Figures:
    """Return the figures of a broadcast: kept ones where there are, else found now and kept in the cache folder."""
    known = stored().figures.get(broadcast.id)
    if known is not None:
        return known
    own = digest(broadcast)
    for id_, kept in stored().digests.items():
        if kept == own:  # one of ours, written by `evolve data`
            return stored().figures[id_]
    key = f"{own}-{programs_digest()}"
    known = _cached(key)
    if known is None:
        began = time.perf_counter()
        known = compute(broadcast)
        _log.info("cloudcast: reference of %s computed in %.1f s", broadcast.id, time.perf_counter() - began)
        keep("cloudcast", key, asdict(known))
    return known


def compute(broadcast: Broadcast) -> Figures:
    """Find the figures of a broadcast."""
    bound_usd = None
    if len(broadcast.destinations) <= MOST_DESTINATIONS:
        tree = cheapest_tree_usd_per_gb(broadcast.network.usd_per_gb, broadcast.source, broadcast.destinations)
        bound_usd = tree * broadcast.volume_gb
    return Figures(cost_usd(direct, broadcast), cost_usd(steiner_search, broadcast), bound_usd)


def cost_usd(program: ModuleType, broadcast: Broadcast) -> float:
    """Return what a program of ours pays, run in this process: only its cost is asked for, not a score."""
    names = broadcast.network.regions
    answer = program.route(
        names[broadcast.source],
        [names[destination] for destination in broadcast.destinations],
        broadcast.graph(),
        broadcast.partitions,
    )
    return bill(broadcast, checked_paths(answer, broadcast)).cost_usd


def _cached(key: str) -> Figures | None:
    facts = recall("cloudcast", key) or {}
    try:
        bound = facts["bound_usd"]
        return Figures(
            float(facts["naive_usd"]), float(facts["reference_usd"]), None if bound is None else float(bound)
        )
    except (KeyError, TypeError, ValueError):
        return None
