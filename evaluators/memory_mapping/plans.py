"""What a plan of the kind `placement` must keep to, each breach with the tensor and the amount."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluators.memory_mapping.machine import ALIGNMENT, ProgramInstance, Stay
from evaluators.memory_mapping.rectangles import first_overlap
from evolve.evaluator import Infeasible

FIELDS = ("tensor", "first", "last", "offset", "fetch_at")


def checked_plan(answer: Any, instance: ProgramInstance) -> list[Stay]:
    """Read a list of (tensor, first, last, offset, fetch_at). Raises Infeasible that names what is wrong."""
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "iu" and answer.ndim == 2:
        answer = answer.tolist()
    if not isinstance(answer, list):
        raise Infeasible(f"the plan is {type(answer).__name__}, expected a list of ({', '.join(FIELDS)})")
    most = len(instance.program.use_tensor)
    if len(answer) > most:
        raise Infeasible(f"the plan has {len(answer)} stays, more than there are uses of tensors ({most})")
    stays = [_stay(place, row, instance) for place, row in enumerate(answer)]
    _each_tensor_once(stays)
    size = instance.program.bytes.tolist()
    clash = first_overlap(
        [stay.start for stay in stays],
        [stay.last + 1 for stay in stays],
        [size[stay.tensor] for stay in stays],
        [stay.offset for stay in stays],
    )
    if clash is not None:
        instruction, one, other = clash[0], stays[clash[1]], stays[clash[2]]
        raise Infeasible(
            f"tensors {one.tensor} and {other.tensor} overlap from instruction {instruction} on: bytes "
            f"[{one.offset}, {one.offset + size[one.tensor]}) and [{other.offset}, {other.offset + size[other.tensor]})"
        )
    return stays


def _stay(place: int, row: Any, instance: ProgramInstance) -> Stay:
    if isinstance(row, np.ndarray) and row.dtype.kind in "iu":
        row = row.tolist()
    if not isinstance(row, list) or len(row) != len(FIELDS) or any(type(x) is not int for x in row):
        raise Infeasible(f"entry {place} of the plan is {row!s:.60}, expected 5 whole numbers: {', '.join(FIELDS)}")
    stay = Stay(*row)
    program, uses = instance.program, instance.uses
    tensors, instructions = len(program.bytes), len(program.compute)
    if not 0 <= stay.tensor < tensors:
        raise Infeasible(f"entry {place} of the plan is of tensor {stay.tensor!s:.40}, expected 0..{tensors - 1}")
    name, size = f"tensor {stay.tensor} (entry {place})", int(program.bytes[stay.tensor])
    if not 0 <= stay.first <= stay.last < instructions:
        raise Infeasible(
            f"{name} stays from {stay.first!s:.40} to {stay.last!s:.40}, "
            f"expected 0 <= first <= last <= {instructions - 1}"
        )
    if size > instance.fast_bytes:
        raise Infeasible(f"{name} of {size} bytes is larger than fast memory ({instance.fast_bytes} bytes)")
    if stay.offset % ALIGNMENT or not 0 <= stay.offset <= instance.fast_bytes - size:
        raise Infeasible(
            f"{name} of {size} bytes lies at {stay.offset!s:.40}, expected a multiple of {ALIGNMENT} "
            f"from 0 to {instance.fast_bytes - size}"
        )
    producer = uses.producer[stay.tensor]
    if stay.fetch_at == -1:
        if producer != stay.first:
            by = "is an input" if producer < 0 else f"is written by instruction {producer}"
            raise Infeasible(f"{name} has fetch_at -1 and first {stay.first}, but it {by}")
    elif not producer < stay.fetch_at < stay.first or stay.fetch_at < 0:
        least = max(0, producer + 1)
        raise Infeasible(
            f"{name} has fetch_at {stay.fetch_at!s:.40}, expected {least}..{stay.first - 1}, or -1 where it is written"
        )
    return stay


def _each_tensor_once(stays: list[Stay]) -> None:
    before: Stay | None = None
    for stay in sorted(stays, key=lambda stay: (stay.tensor, stay.start)):
        if before is not None and before.tensor == stay.tensor and stay.start <= before.last:
            raise Infeasible(
                f"tensor {stay.tensor} is in fast memory twice: one stay ends with instruction {before.last}, "
                f"the next begins with {stay.start}"
            )
        before = stay
