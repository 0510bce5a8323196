"""What scores 0 and 100 on an instance.

`offsets`, bytes. Naive: `baselines/by_size.py`. Reference: the largest load, a bound; our own instances reach it.
`placement`, ticks. Naive: nothing in fast memory. Reference: the bound of machine.py, which need not be reached.
rival: what another simple rule gets, by start (`baselines/first_come.py`), or best fit (`baselines/best_fit.py`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from evaluators.kept_figures import computed_once, digest_of, digest_of_files, far_apart
from evaluators.memory_mapping.baselines import best_fit, by_size, first_come
from evaluators.memory_mapping.buffers import Buffers, BuffersInstance, peak_bytes
from evaluators.memory_mapping.machine import bound_ticks, run
from evaluators.memory_mapping.plans import checked_plan
from evaluators.memory_mapping.workload import Kind, Mapped
from evaluators.reference_file import Stored, read_reference

STORED = Path(__file__).with_name("reference.json")
STORED_PLACEMENT = Path(__file__).with_name("reference_placement.json")
PROGRAMS = tuple(Path(str(module.__file__)) for module in (by_size, first_come, best_fit))


@dataclass(frozen=True)
class Figures:
    """Bytes or ticks; see above."""

    naive: int
    reference: int
    rival: int


@functools.cache
def stored(kind: Kind = "offsets") -> Stored[Figures]:
    """Return the figures of the built-in instances of a kind."""
    return read_reference(STORED if kind == "offsets" else STORED_PLACEMENT, "instances", Figures)


def digest(instance: Mapped) -> str:
    """Return a hash of what the figures are computed from."""
    if isinstance(instance, BuffersInstance):
        one = instance.buffers
        return digest_of((one.lower, one.upper, one.size))
    program = instance.program
    columns = [getattr(program, name).tolist() for name in program.__struct_fields__[:-2]]
    return digest_of((columns, instance.fast_bytes))


def programs_digest() -> str:
    """Return a hash of the programs that the figures are computed by."""
    return digest_of_files(PROGRAMS)


def figures_of(instance: Mapped) -> Figures:
    """Return the figures of an instance: kept ones where there are, else found now."""
    kind: Kind = "offsets" if isinstance(instance, BuffersInstance) else "placement"
    kept = stored(kind).figures.get(instance.id)
    return kept if kept is not None else _found(digest(instance), kind, instance)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process, by digest: an id says which instance was meant, not which draw or file of it."""


def _found(key: str, kind: Kind, instance: Mapped) -> Figures:
    if key not in _FOUND:
        kept = stored(kind).with_digest(key)
        _FOUND[key] = kept or computed_once(
            "memory_mapping", f"{key}-{programs_digest()}", Figures, instance.id, lambda: compute(instance)
        )
    return _FOUND[key]


def tells_apart(_: Mapped, found: Figures) -> bool:
    """Return whether a drawn instance tells programs apart: it is drawn again where it does not."""
    return far_apart(found.naive, found.reference)


def compute(instance: Mapped) -> Figures:
    """Find the figures of an instance."""
    if isinstance(instance, BuffersInstance):
        buffers = instance.buffers
        return Figures(_peak(buffers, by_size), buffers.max_load, _peak(buffers, first_come))
    plan = [list(stay) for stay in best_fit.plan(instance.program, instance.fast_bytes)]
    rival = run(instance, checked_plan(plan, instance)).ticks
    return Figures(run(instance, []).ticks, bound_ticks(instance), rival)


def _peak(buffers: Buffers, rule: object) -> int:
    return peak_bytes(buffers, rule.allocate(*buffers.arrays()))  # type: ignore[attr-defined]
