"""The shapes of graphs: which task follows which. Each returns (number of tasks, arcs), tasks in topological order.

Sources: Topcuoglu, Hariri & Wu 2002 (IEEE TPDS 13(3), section 5: random graphs, Gaussian elimination, FFT); tiled
Cholesky factorisation (Buttari et al. 2009, Parallel Computing 35); Montage (Bharathi et al. 2008, WORKS).
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

Arcs = list[tuple[int, int]]


def layered(rng: np.random.Generator, tasks: int, alpha: float, most_out: int) -> tuple[int, Arcs]:
    """Return a random graph: sqrt(tasks) / alpha layers, each task followed by 1 to `most_out` of later layers."""
    height = max(2, min(tasks, round(math.sqrt(tasks) / alpha)))
    cuts = np.sort(rng.choice(np.arange(1, tasks), height - 1, replace=False)).tolist()
    layers = [list(range(a, b)) for a, b in zip([0, *cuts], [*cuts, tasks], strict=True)]
    arcs: set[tuple[int, int]] = set()
    for above, layer in pairwise(layers):
        for task in layer:  # each has a task of the layer above before it
            arcs.add((int(rng.choice(above)), task))
    for number, layer in enumerate(layers[:-1]):
        later = range(layers[number + 1][0], tasks)
        for task in layer:
            wanted = int(rng.integers(1, most_out + 1)) - sum(1 for one, _ in arcs if one == task)
            for other in rng.choice(later, min(max(0, wanted), len(later)), replace=False).tolist():
                arcs.add((task, other))
    return tasks, sorted(arcs)


def gaussian(size: int) -> tuple[int, Arcs]:
    """Return Gaussian elimination of a size x size matrix: (size^2 + size - 2) / 2 tasks."""
    number: dict[tuple[int, int], int] = {}
    for k in range(size - 1):
        for j in range(k, size):
            number[k, j] = len(number)
    arcs = []
    for k in range(size - 1):
        arcs += [(number[k, k], number[k, j]) for j in range(k + 1, size)]
        if k + 2 < size:
            arcs += [(number[k, j], number[k + 1, j]) for j in range(k + 1, size)]
    return len(number), sorted(arcs)


def fft(points: int) -> tuple[int, Arcs]:
    """Return the fast Fourier transform of a power of two of points: 2 p - 1 recursive calls, p log2 p butterflies."""
    calls = 2 * points - 1
    arcs = [((child - 1) // 2, child) for child in range(1, calls)]
    above = list(range(points - 1, calls))
    tasks = calls
    for level in range(int(math.log2(points))):
        row = list(range(tasks, tasks + points))
        tasks += points
        for k in range(points):
            arcs += [(above[k], row[k]), (above[k ^ (1 << level)], row[k])]
        above = row
    return tasks, sorted(arcs)


def cholesky(tiles: int) -> tuple[int, Arcs]:
    """Return the Cholesky factorisation of tiles x tiles blocks: tiles (tiles + 1) (tiles + 2) / 6 tasks."""
    writer: dict[tuple[int, int], int] = {}
    arcs: Arcs = []
    tasks = 0

    def task(reads: list[tuple[int, int]], writes: tuple[int, int]) -> None:
        nonlocal tasks
        arcs.extend((one, tasks) for one in sorted({writer[tile] for tile in [*reads, writes] if tile in writer}))
        writer[writes] = tasks
        tasks += 1

    for k in range(tiles):
        task([], (k, k))
        for i in range(k + 1, tiles):
            task([(k, k)], (i, k))
        for i in range(k + 1, tiles):
            for j in range(k + 1, i + 1):
                task([(i, k), (j, k)], (i, j))
    return tasks, sorted(arcs)


def montage(images: int) -> tuple[int, Arcs]:
    """Return a sky mosaic of 4 images or more: project each, compare neighbours, fit, correct each, add up."""
    arcs: Arcs = []
    pairs = [(k, k + step) for step in (1, 3) for k in range(images - step)]
    fit = images + len(pairs)  # concatenate, then model
    for place, (one, other) in enumerate(pairs, images):
        arcs += [(one, place), (other, place), (place, fit)]
    arcs.append((fit, fit + 1))
    correct, table = fit + 2, fit + 2 + images
    for k in range(images):
        arcs += [(k, correct + k), (fit + 1, correct + k), (correct + k, table), (correct + k, table + 1)]
    arcs += [(table, table + 1), (table + 1, table + 2), (table + 2, table + 3)]  # add, shrink, picture
    return table + 4, sorted(arcs)
