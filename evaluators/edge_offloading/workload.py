"""Our own scenes: servers in a square or at Melbourne's sites, users, fading channels, tasks in bursts.

Channels: 16.6 MHz, 0.2 W, noise of -174 dBm/Hz, path loss d^-3, Rayleigh fading; rate = B log2(1 + SNR). Bits are
lognormal (median 4 Mbit, log-sd .6), cycles per bit uniform in 100 to 1,000. Tasks are Poisson, at twice the usual rate
for a third of the time; the load is of the edges' cycles. Deadlines are 10 to 30 s.
"""

from __future__ import annotations

import csv
import io
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from evaluators.edge_offloading.system import Scene, System
from evaluators.fresh_draws import stream
from evolve.evaluator import Split

DATA = Path(__file__).with_name("data")
BANDWIDTH_HZ = 16.6e6
NOISE_W = 10 ** (-17.4) / 1000 * BANDWIDTH_HZ
SENT_W = 0.2
NEAREST_M, FARTHEST_M = 50.0, 250.0
SQUARE_M = 300.0
METRES_PER_DEGREE = 111_320.0
CLOUD_HZ = 16e9
KAPPA = 1e-28
"""J per cycle and Hz^2, of all servers: slow ones need less energy."""
BURST, QUIET = 1.5, 0.75
"""Rates, times the mean, in a third and in two thirds of the time."""
BURST_S = 10.0


@dataclass(frozen=True)
class Recipe:
    """How a scene is drawn; each pair is a range.

    load: of the edges.  edges: how many.  freq_ghz: of an edge.  tasks: how many.
    walking: whether one user walks, with a channel that changes slowly, in place of many users.
    failing: whether an edge takes no tasks for a tenth of the run.  melbourne: whether places are EUA's.
    """

    load: tuple[float, float] = (0.5, 0.9)
    edges: tuple[int, int] = (5, 8)
    freq_ghz: tuple[float, float] = (2.0, 8.0)
    tasks: int = 300
    walking: bool = False
    failing: bool = False
    melbourne: bool = False


RECIPES: dict[Split, tuple[Recipe, ...]] = {
    Split.TRAIN: (Recipe(), Recipe(), Recipe(load=(0.75, 0.9)), Recipe(failing=True)),
    Split.VALIDATION: (
        *[Recipe()] * 4,
        *[Recipe(load=(0.75, 0.9))] * 3,
        *[Recipe(failing=True)] * 2,
        Recipe(walking=True),
    ),
    Split.TEST: (
        Recipe(edges=(3, 4)),
        Recipe(edges=(10, 14)),
        Recipe(freq_ghz=(1.0, 12.0)),
        Recipe(load=(0.85, 0.95)),
        Recipe(walking=True),
        Recipe(walking=True, failing=True),
        Recipe(melbourne=True),
        Recipe(melbourne=True, failing=True, edges=(8, 10)),
    ),
}


def own_scene(split: Split, index: int, attempt: int) -> Scene:
    """Return one draw of an own scene; the same for the same arguments, in every process."""
    return drawn_scene(split, f"{split}/{index}", index, attempt)


def drawn_scene(split: Split, name: str, slot: int, attempt: int) -> Scene:
    """Return a scene by the recipe of one of a split's own. All chance depends on its name, which is its id."""
    return Scene(name, partial(_drawn, RECIPES[split][slot], f"edge_offloading/{name}/{attempt}"))


@cache
def public_scenes() -> tuple[Scene, ...]:
    """Return scenes at Melbourne's sites. Servers' speeds and tasks are drawn: the data set has places alone."""
    recipe = Recipe(melbourne=True)
    return tuple(
        Scene(f"public/eua-{k}", partial(_drawn, recipe, f"edge_offloading/public/{k}"), generated=False)
        for k in range(6)
    )


@cache
def _drawn(recipe: Recipe, key: str) -> System:
    places = eua_places() if recipe.melbourne else None
    return drawn_system(recipe, key, places)


def drawn_system(recipe: Recipe, key: str, places: tuple[np.ndarray, np.ndarray] | None) -> System:
    """Draw a scene. places: (sites, 2) and (users, 2) metres to choose from; None: anywhere in the square."""
    shown, hidden = stream(f"{key}/servers"), stream(f"{key}/tasks")
    edges = int(shown.integers(recipe.edges[0], recipe.edges[1] + 1))
    freq = np.append(1e9 * shown.uniform(*recipe.freq_ghz, edges), CLOUD_HZ)
    kappa = np.full(edges + 1, KAPPA)
    tasks = recipe.tasks
    # In whole bits, cycles and bit/s: the last digit of exp and log2 depends on the vector unit of the processor.
    bits = np.rint(4e6 * np.exp(hidden.normal(0.0, 0.6, tasks)))
    cycles = np.rint(bits * hidden.uniform(100.0, 1000.0, tasks))
    mean_gap_s = cycles.mean() / (hidden.uniform(*recipe.load) * freq[:-1].sum())
    arrival = _arrivals(hidden, tasks, mean_gap_s)
    servers, users = _places(hidden, recipe, edges, places)
    distance = np.clip(np.linalg.norm(users[:, None] - servers[None], axis=2), NEAREST_M, FARTHEST_M)
    distance = np.column_stack([distance, distance.min(axis=1)])  # the cloud is reached through the nearest edge
    gain = _fading(hidden, tasks, edges + 1, recipe.walking)
    rate = np.rint(BANDWIDTH_HZ * np.log2(1 + SENT_W * gain * distance**-3.0 / NOISE_W))
    failed = np.zeros((tasks, edges + 1), dtype=bool)
    if recipe.failing:
        first = int(hidden.integers(0, tasks - tasks // 10 + 1))
        failed[first : first + tasks // 10, int(freq[:-1].argmax())] = True
    return System(arrival, bits, cycles, hidden.uniform(10.0, 30.0, tasks), rate, freq, kappa, failed)


def _arrivals(rng: np.random.Generator, tasks: int, mean_gap_s: float) -> np.ndarray:
    """Draw (tasks,) s: Poisson, with bursts of BURST_S seconds in every three times as long."""
    now, found = 0.0, []
    while len(found) < tasks:
        level = BURST if now % (3 * BURST_S) < BURST_S else QUIET
        now += rng.exponential(mean_gap_s / level)
        found.append(now)
    return np.array(found)


def _places(
    rng: np.random.Generator, recipe: Recipe, edges: int, places: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return (edges, 2) and (tasks, 2) metres: where servers are, and where each task is sent from."""
    if places is None:
        servers, users = rng.uniform(0, SQUARE_M, (edges, 2)), rng.uniform(0, SQUARE_M, (recipe.tasks, 2))
        if recipe.walking:
            steps = np.cumsum(rng.normal(0.0, 6.0, (recipe.tasks, 2)), axis=0)
            users = np.abs((users[0] + steps + SQUARE_M) % (2 * SQUARE_M) - SQUARE_M)
        return servers, users
    sites, people = places
    centre = people[int(rng.integers(len(people)))]
    servers = sites[np.argsort(np.linalg.norm(sites - centre, axis=1), kind="stable")[:edges]]
    near = people[np.argsort(np.linalg.norm(people - centre, axis=1), kind="stable")[:60]]
    return servers, near[rng.integers(0, len(near), recipe.tasks)]


def _fading(rng: np.random.Generator, tasks: int, servers: int, slow: bool) -> np.ndarray:
    """Return (tasks, servers) power gains with a mean of 1: independent, or with a correlation of .95 in amplitude."""
    fresh = rng.normal(size=(tasks, servers, 2)) / np.sqrt(2.0)
    if slow:
        for task in range(1, tasks):
            fresh[task] = 0.95 * fresh[task - 1] + np.sqrt(1 - 0.95**2) * fresh[task]
    return np.maximum((fresh**2).sum(axis=2), 1e-3)


@cache
def eua_places() -> tuple[np.ndarray, np.ndarray]:
    """Return the bundled sites and users of Melbourne, metres."""
    texts = [lzma.decompress((DATA / f"{name}.csv.xz").read_bytes()).decode() for name in SITES_AND_USERS]
    return in_metres(*(read_places(text) for text in texts))


SITES_AND_USERS = ("site-optus-melbCBD", "users-melbcbd-generated")


def read_places(text: str) -> list[tuple[float, float]]:
    """Return (latitude, longitude) of each line. Raises ValueError that names line and column."""
    rows = csv.reader(io.StringIO(text))
    heading = [name.strip().lower() for name in next(rows, [])]
    for name in ("latitude", "longitude"):
        if name not in heading:
            raise ValueError(f"line 1: no column {name!r}; expected a heading with LATITUDE and LONGITUDE")
    found = []
    for row in rows:
        if not row:
            continue
        degrees = []
        for name, most in (("latitude", 90.0), ("longitude", 180.0)):
            word = row[heading.index(name)] if len(row) > heading.index(name) else ""
            try:
                degrees.append(float(word))
            except ValueError:
                degrees.append(np.nan)
            if not abs(degrees[-1]) <= most:
                raise ValueError(f"line {rows.line_num}: {name} is {word!r:.40}; expected degrees within {most:g}")
        found.append((degrees[0], degrees[1]))
    if not found:
        raise ValueError("has no places")
    return found


def in_metres(
    sites: Sequence[tuple[float, float]], users: Sequence[tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return both as (n, 2) metres east and north of the first site."""
    origin = np.array(sites[0])
    scale = METRES_PER_DEGREE * np.array([1.0, np.cos(np.radians(origin[0]))])
    east_north = [((np.array(places) - origin) * scale)[:, ::-1] for places in (sites, users)]
    return east_north[0], east_north[1]
