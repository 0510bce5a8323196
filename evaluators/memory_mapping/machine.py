"""The kind `placement`: a program's instructions, its tensors, and how long it takes with some of them in fast memory.

Time is counted in ticks in which main memory moves 512 bytes and fast memory 2560 (614 GB/s and five times that at
1.2 GHz, about a TPUv4i); tensors are multiples of 512 bytes, so that all times are whole. Mechanics:

An instruction takes the longest of its compute time, its bytes from and to main memory / 512 and its bytes from and to
fast memory / 2560, rounded up. One engine copies between the memories, first come first served, with what instructions
leave of main memory's 512 bytes a tick. Before an instruction begins, all waits until the copies have ended that it
needs: those of tensors that it reads, and those that still use addresses where it puts a tensor.

Bound: instruction i takes at least its compute time and its bytes / (512 + 2560); main memory moves every input that is
read and every output once or more. No simpy: the engine's queue is a running sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from evolve.evaluator import Instance, Record

ALIGNMENT = 512
MAIN_RATE = 512
FAST_RATE = 2560
READ, WRITE = 0, 1
"""Kinds of use."""


class Program(Record, frozen=True):
    """What a program of ours sees of the one that it maps; I instructions, T tensors, U uses.

    compute: (I,) int64 ticks.  use_ptr: (I+1,), instruction i has the uses use_ptr[i] to use_ptr[i+1] - 1.
    use_tensor, use_kind: (U,) int64, which tensor; 0 it is read, 1 written. No instruction has a tensor twice.
    bytes: (T,) int64, multiples of 512.  is_input: (T,) bool, in main memory from the start, never written.
    is_output: (T,) bool, has to be in main memory at the end.  main_rate, fast_rate: bytes a tick.
    All that is no input is written by one instruction, before it is read.
    """

    compute: np.ndarray
    use_ptr: np.ndarray
    use_tensor: np.ndarray
    use_kind: np.ndarray
    bytes: np.ndarray
    is_input: np.ndarray
    is_output: np.ndarray
    main_rate: int = MAIN_RATE
    fast_rate: int = FAST_RATE


class Uses(NamedTuple):
    """The uses of a program, by instruction and by tensor.

    reads, writes: I lists of tensors.  producer: (T,) instruction, -1 of an input.  last: (T,) last use, -1: none.
    """

    reads: list[list[int]]
    writes: list[list[int]]
    producer: list[int]
    last: list[int]


class Stay(NamedTuple):
    """A tensor is in fast memory for the instructions first to last, at an offset.

    fetch_at: before which instruction its copy is queued, -1: instruction `first` writes it there.
    """

    tensor: int
    first: int
    last: int
    offset: int
    fetch_at: int

    @property
    def start(self) -> int:
        """Return the instruction from which on it takes room."""
        return self.first if self.fetch_at < 0 else self.fetch_at


@dataclass(frozen=True)
class ProgramInstance(Instance):
    """A program to map. draw: makes it and the size of fast memory, bytes."""

    draw: Callable[[], tuple[Program, int]] = field(repr=False, compare=False)

    @cached_property
    def _drawn(self) -> tuple[Program, int]:
        return self.draw()

    @property
    def program(self) -> Program:
        """Return the program."""
        return self._drawn[0]

    @property
    def fast_bytes(self) -> int:
        """Return the size of fast memory."""
        return self._drawn[1]

    @cached_property
    def uses(self) -> Uses:
        """Return its uses."""
        return uses_of(self.program)


def uses_of(program: Program) -> Uses:
    """Return the uses of a program in lists."""
    ptr, tensors, kinds = program.use_ptr.tolist(), program.use_tensor.tolist(), program.use_kind.tolist()
    found = Uses([], [], [-1] * len(program.bytes), [-1] * len(program.bytes))
    for i in range(len(program.compute)):
        here = range(ptr[i], ptr[i + 1])
        found.reads.append([tensors[u] for u in here if kinds[u] == READ])
        found.writes.append([tensors[u] for u in here if kinds[u] == WRITE])
        for tensor in found.writes[-1]:
            found.producer[tensor] = i
        for tensor in (*found.reads[-1], *found.writes[-1]):
            found.last[tensor] = i
    return found


class Timing(NamedTuple):
    """How long a program takes. ticks: all of it.  stall, took: (I,) ticks that each instruction waits and runs.

    drain: ticks of copies after the last instruction.  copied: bytes that the engine moves.
    """

    ticks: int
    stall: list[int]
    took: list[int]
    drain: int
    copied: int


def run(instance: ProgramInstance, stays: Sequence[Stay]) -> Timing:
    """Return how long the program takes with these stays, which keep to all rules (`plans.checked_plan`)."""
    program, uses = instance.program, instance.uses
    size, compute = program.bytes.tolist(), program.compute.tolist()
    outputs = program.is_output.tolist()
    begins: dict[int, list[Stay]] = {}
    ends: dict[int, list[Stay]] = {}
    fetches: dict[int, list[Stay]] = {}
    for stay in stays:
        begins.setdefault(stay.first, []).append(stay)
        ends.setdefault(stay.last, []).append(stay)
        if stay.fetch_at >= 0:
            fetches.setdefault(stay.fetch_at, []).append(stay)
    fast: set[int] = set()
    arrived: dict[int, int] = {}  # by tensor, how much the engine has to have moved until it is in fast memory,
    saved: dict[int, int] = {}  # or until it is back in main memory
    copies: list[tuple[int, int, int]] = []  # (as above, from address, to address) of copies that may not have ended
    queued = moved = 0  # ticks of copies
    stalls, took = [], []

    def queue(stay: Stay, there: dict[int, int]) -> None:
        nonlocal queued
        queued += size[stay.tensor] // MAIN_RATE
        there[stay.tensor] = queued
        copies.append((queued, stay.offset, stay.offset + size[stay.tensor]))

    for i, compute_ticks in enumerate(compute):
        for stay in fetches.get(i, ()):
            queue(stay, arrived)
        copies = [copy for copy in copies if copy[0] > moved]
        fast.update(stay.tensor for stay in begins.get(i, ()))
        need = max((arrived if t in fast else saved).get(t, 0) for t in uses.reads[i]) if uses.reads[i] else 0
        for stay in begins.get(i, ()):
            if stay.fetch_at < 0:
                top = stay.offset + size[stay.tensor]
                need = max([need, *(end for end, low, high in copies if low < top and stay.offset < high)])
        stalls.append(max(0, need - moved))
        moved += stalls[-1]
        main = near = 0
        for tensor in (*uses.reads[i], *uses.writes[i]):
            if tensor in fast:
                near += size[tensor]
            else:
                main += size[tensor]
        took.append(max(compute_ticks, main // MAIN_RATE, -(-near // FAST_RATE)))
        moved = min(queued, moved + took[-1] - main // MAIN_RATE)
        for stay in ends.get(i, ()):
            fast.discard(stay.tensor)
            if stay.fetch_at < 0 and (outputs[stay.tensor] or uses.last[stay.tensor] > i):
                queue(stay, saved)
    drain = queued - moved
    return Timing(sum(stalls) + sum(took) + drain, stalls, took, drain, queued * MAIN_RATE)


def bound_ticks(instance: ProgramInstance) -> int:
    """Return ticks below which no plan lies, however large fast memory is; see above."""
    program, uses = instance.program, instance.uses
    size = program.bytes.tolist()
    instructions = sum(
        max(compute, -(-sum(size[t] for t in (*reads, *writes)) // (MAIN_RATE + FAST_RATE)))
        for compute, reads, writes in zip(program.compute.tolist(), uses.reads, uses.writes, strict=True)
    )
    read = {tensor for reads in uses.reads for tensor in reads}
    crossing = sum(
        size[t]
        for t, (given, wanted) in enumerate(zip(program.is_input.tolist(), program.is_output.tolist(), strict=True))
        if wanted or (given and t in read)
    )
    return max(instructions, crossing // MAIN_RATE)
