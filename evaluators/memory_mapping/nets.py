"""Programs of the kind `placement`: layered networks, blocks of convolutions or attention with residual edges.

Every instruction reads what came before and perhaps a weight, and writes one tensor. Weights are read once. An
activation is read by the next instruction, often by some more soon after (geometric), and one in twenty far later
(a skip, as between the two halves of a U-net). Bytes are lognormal; compute per byte is log-uniform between 5 and 500
operations, where 225 would just keep main memory busy (138 TFLOP/s over 614 GB/s).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluators.memory_mapping.machine import ALIGNMENT, MAIN_RATE, READ, WRITE, Program
from evaluators.memory_mapping.rectangles import max_load

BALANCE = 225.0
"""Operations per byte at which compute and main memory take as long as each other."""
MEDIAN_BYTES = 1 << 20
LEAST_BYTES, MOST_BYTES = 4 << 10, 48 << 20
SKIP_SHARE = 0.05
OUTPUTS = 2


@dataclass(frozen=True)
class Net:
    """How a program is drawn; each pair is a range.

    instructions: how many.  spread: sd of the log of a tensor's bytes.  reuse: mean number of further readers of an
    activation.  weights: share of the instructions that read one.  operations: per byte.
    fast: size of fast memory, share of the most that all live tensors take.
    """

    instructions: tuple[int, int]
    spread: tuple[float, float] = (1.2, 1.5)
    reuse: tuple[float, float] = (0.5, 1.2)
    weights: tuple[float, float] = (0.3, 0.6)
    operations: tuple[float, float] = (5.0, 500.0)
    fast: tuple[float, float] = (0.15, 0.6)


def drawn_program(rng: np.random.Generator, net: Net) -> tuple[Program, int]:
    """Return a program and the size of fast memory, bytes."""
    instructions = int(rng.integers(net.instructions[0], net.instructions[1] + 1))
    spread, reuse = rng.uniform(*net.spread), rng.uniform(*net.reuse)
    weight_share = rng.uniform(*net.weights)
    reads: list[list[int]] = [[] for _ in range(instructions)]
    sizes, given, producer = [], [], []

    def tensor(is_input: bool, writer: int) -> int:
        drawn = MEDIAN_BYTES * np.exp(rng.normal(0.0, spread))
        sizes.append(int(np.clip(drawn, LEAST_BYTES, MOST_BYTES)) // ALIGNMENT * ALIGNMENT)
        given.append(is_input)
        producer.append(writer)
        return len(sizes) - 1

    reads[0].append(tensor(True, -1))
    written = []
    for i in range(instructions):
        if rng.random() < weight_share:
            reads[i].append(tensor(True, -1))
        written.append(tensor(False, i))
        readers = {i + 1}
        for _ in range(rng.geometric(1 / (1 + reuse)) - 1):
            readers.add(i + 1 + int(rng.geometric(0.25)))
        if rng.random() < SKIP_SHARE:
            readers.add(i + 2 + int(rng.integers(instructions // 2)))
        for reader in readers:
            if reader < instructions:
                reads[reader].append(written[-1])
    program = _packed(rng, net, reads, written, sizes, given)
    last = list(producer)
    for i, wanted in enumerate(reads):
        for t in wanted:
            last[t] = i
    start = [last[t] if given[t] else producer[t] for t in range(len(sizes))]
    most = max_load(start, [end + 1 for end in last], sizes)
    return program, int(rng.uniform(*net.fast) * most) // ALIGNMENT * ALIGNMENT


def _packed(
    rng: np.random.Generator, net: Net, reads: list[list[int]], written: list[int], sizes: list[int], given: list[bool]
) -> Program:
    """Return the program with its tensors numbered at random."""
    names = rng.permutation(len(sizes)).tolist()
    order = sorted(range(len(sizes)), key=names.__getitem__)
    tensors, kinds, ptr = [], [], [0]
    for wanted, out in zip(reads, written, strict=True):
        tensors += [*sorted(names[t] for t in wanted), names[out]]
        kinds += [READ] * len(wanted) + [WRITE]
        ptr.append(len(tensors))
    moved = np.array([sum(sizes[t] for t in (*wanted, out)) for wanted, out in zip(reads, written, strict=True)])
    operations = np.exp(rng.uniform(np.log(net.operations[0]), np.log(net.operations[1]), len(written)))
    outputs = {names[t] for t in written[-OUTPUTS:]}
    return Program(
        np.ceil(moved / MAIN_RATE * operations / BALANCE).astype(np.int64),
        np.array(ptr),
        np.array(tensors),
        np.array(kinds),
        np.array([sizes[t] for t in order]),
        np.array([given[t] for t in order]),
        np.array([t in outputs for t in range(len(sizes))]),
    )
