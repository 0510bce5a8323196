"""The two figures that a score hangs on, per case: the highest pressure of the naive and of the reference placement.

Naive: `baselines/round_robin.py`. Reference: `baselines/packing_search.py`, which looks at a fixed number of packings
and reads no clock, so the figure is the same on every machine. Those of the built-in cases are kept in reference.json,
which `python -m evaluators.prism.reference` writes; those of a user's file are found when they are first needed, 5 ms
a case of the public size and 0.2 s one of 300 models, and kept for as long as the process lives.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from evaluators.prism.baselines import packing_search, round_robin
from evaluators.prism.pressure import GPU_GB, Model, loaded
from evaluators.prism.workload import Case
from evolve.evaluator import Split

STORED = Path(__file__).with_name("reference.json")
PROGRAMS = tuple(Path(__file__).parent / "baselines" / name for name in ("round_robin.py", "packing_search.py"))

Place: TypeAlias = Callable[[int, Sequence[Model]], list[int]]
_NAIVE: Place = round_robin.place
_REFERENCE: Place = packing_search.place

LEAST_GAP = 0.01
"""A case on which naive and reference differ by less than this share of naive says nothing and has no score."""


@dataclass(frozen=True)
class Figures:
    """Highest pressures, (requests/s)/s per GB; None when the program found no placement that fits the memory."""

    naive: float | None
    reference: float | None

    @property
    def tells(self) -> bool:
        """Return whether the case can be scored: both fit, and they differ enough."""
        if self.naive is None or self.reference is None:
            return False
        return self.naive - self.reference >= LEAST_GAP * self.naive > 0


@dataclass(frozen=True)
class Stored:
    """What reference.json holds.

    programs: hash of the naive and the reference program.  attempts: of every own split, how often each of its cases
    was redrawn.  digests, figures: by instance id, the hash of the case that the figures belong to, and the figures.
    """

    programs: str
    attempts: dict[Split, tuple[int, ...]]
    digests: dict[str, str]
    figures: dict[str, Figures]


@functools.cache
def stored() -> Stored:
    """Return the figures of the built-in cases."""
    content = json.loads(STORED.read_text(encoding="utf-8"))
    cases = content["cases"]
    return Stored(
        content["programs"],
        {Split(split): tuple(attempts) for split, attempts in content["attempts"].items()},
        {id_: row["digest"] for id_, row in cases.items()},
        {id_: Figures(row["naive"], row["reference"]) for id_, row in cases.items()},
    )


def digest(case: Case) -> str:
    """Return a hash of the case that its figures are computed from."""
    facts = (case.num_gpus, [(float(m.size_gb), float(m.rate), float(m.slo)) for m in case.models])
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def programs_digest() -> str:
    """Return a hash of the naive and the reference program."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in PROGRAMS)).hexdigest()[:16]


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now."""
    kept = stored().figures.get(case.id)
    return kept if kept is not None else _of_file(case)


@functools.lru_cache(maxsize=4096)
def _of_file(case: Case) -> Figures:
    own = digest(case)
    for id_, kept in stored().digests.items():
        if kept == own:  # one of ours, written by `evolve data`
            return stored().figures[id_]
    return compute(case.num_gpus, case.models)


def compute(num_gpus: int, models: tuple[Model, ...]) -> Figures:
    """Find the figures of a case."""
    naive = _highest(models, _NAIVE(num_gpus, models), num_gpus)
    reference = _highest(models, _REFERENCE(num_gpus, models), num_gpus)
    return Figures(naive, reference)


def _highest(models: tuple[Model, ...], gpu_of: list[int], num_gpus: int) -> float | None:
    gpus = loaded(models, gpu_of, num_gpus)
    return None if any(gpu.used_gb > GPU_GB for gpu in gpus) else max(gpu.pressure for gpu in gpus)
