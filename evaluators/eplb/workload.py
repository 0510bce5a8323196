"""The instances: a cluster, and two windows of tokens per expert that follow each other.

Drawn windows: per layer, experts are popular as Zipf says (exponent 0.6-1.2 in train), in an order of the layer's own.
From window to window their log popularity drifts (an AR(1) process), some have a burst, and at times the topic shifts:
5-20 % of a layer's experts swap their popularity. The router's choices are multinomial counts.
Nothing is drawn before it is needed: `instances` is cheap, `EplbInstance.windows` costs some milliseconds.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluators.fresh_draws import stream
from evolve.evaluator import Instance, Split

HISTORY = 24
"""Windows drawn before the two that count, so that drift, bursts and shifts have set in."""


@dataclass(frozen=True)
class Cluster:
    """What the experts are placed on.

    Attributes:
        layers: mixture-of-experts layers, each placed by itself.
        experts: experts of a layer.
        replicas: slots of a layer, over all GPUs; a multiple of gpus, at least experts.
        groups: groups of consecutive experts that the router picks from together (DeepSeek-V3: 8).
        nodes: machines; divides gpus.
        gpus: GPU g holds slots [g * replicas / gpus, (g + 1) * replicas / gpus).
    """

    layers: int = 58
    experts: int = 256
    replicas: int = 288
    groups: int = 8
    nodes: int = 4
    gpus: int = 32

    def problem(self) -> str:
        """Return what is inconsistent, in one sentence; empty when nothing is."""
        if self.replicas < self.experts:
            return f"{self.experts} experts do not fit into {self.replicas} replicas"
        if self.replicas % self.gpus:
            return f"{self.replicas} replicas cannot be shared evenly by {self.gpus} GPUs"
        if self.gpus % self.nodes:
            return f"{self.gpus} GPUs cannot be shared evenly by {self.nodes} nodes"
        return ""


@dataclass(frozen=True)
class Traffic:
    """How tokens choose experts.

    Attributes:
        exponent: range of the Zipf exponent, one per layer.
        rho: correlation of an expert's log popularity from one window to the next.
        spread: standard deviation of the log popularity around its Zipf value.
        burst_chance: chance per expert and window that a burst begins; it multiplies by 2-6 and halves every window.
        shift_chance: chance per layer and window that the topic shifts.
        tokens: tokens of a layer in a window.
    """

    exponent: tuple[float, float] = (0.6, 1.2)
    rho: float = 0.97
    spread: float = 0.3
    burst_chance: float = 0.0002
    shift_chance: float = 0.01
    tokens: int = 400_000


@dataclass(frozen=True, eq=False)
class Windows:
    """The window that the candidate sees and the one it is scored on.

    seen, scored: (layers, experts) float64, tokens per expert, >= 0.
    """

    seen: np.ndarray
    scored: np.ndarray

    def fingerprint(self, cluster: Cluster) -> str:
        """Return a hash of the cluster and of both windows."""
        shape = (cluster.layers, cluster.experts, cluster.replicas, cluster.groups, cluster.nodes, cluster.gpus)
        digest = hashlib.sha256(repr(shape).encode())
        for window in (self.seen, self.scored):
            digest.update(np.ascontiguousarray(window, dtype="<f8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class EplbInstance(Instance):
    """One placement to decide.

    Attributes:
        traffic: what the windows are drawn from; None when `read` holds them.
        read: windows that a file gave; None when they are drawn.
    """

    cluster: Cluster
    traffic: Traffic | None = None
    read: Windows | None = field(default=None, compare=False, repr=False)

    def windows(self) -> Windows:
        """Return the two windows, drawn now unless they were drawn lately or read from a file."""
        if self.read is not None:
            return self.read
        if self.traffic is None:
            raise ValueError(f"instance {self.id} has neither windows nor traffic to draw them from")
        return draw(self.id, self.cluster, self.traffic)


@functools.lru_cache(maxsize=32)
def draw(name: str, cluster: Cluster, traffic: Traffic) -> Windows:
    """Draw two windows that follow each other; the same for the same arguments, in every process.

    name: what chance depends on. What happens after the window that is seen has a stream of its own.
    """
    rng = stream(f"eplb/{name}/seen")
    layers, experts = cluster.layers, cluster.experts
    exponent = rng.uniform(*traffic.exponent, size=(layers, 1))
    rank = np.argsort(rng.random((layers, experts)), axis=1)
    base = -exponent * np.log1p(rank)
    drift = traffic.spread * rng.standard_normal((layers, experts))
    burst = np.zeros((layers, experts))
    innovation = traffic.spread * np.sqrt(1.0 - traffic.rho**2)
    windows = []
    for window in range(HISTORY + 2):
        if window == HISTORY + 1:
            rng = stream(f"eplb/{name}/scored")
        if window:
            drift = traffic.rho * drift + innovation * rng.standard_normal((layers, experts))
            for layer in np.flatnonzero(rng.random(layers) < traffic.shift_chance):
                share = rng.uniform(0.05, 0.2)
                moved = rng.permutation(experts)[: max(2, round(share * experts))]
                base[layer, moved] = base[layer, rng.permutation(moved)]
        begins = rng.random((layers, experts)) < traffic.burst_chance
        height = np.log(rng.uniform(2.0, 6.0, size=(layers, experts)))
        burst = np.where(begins, height, 0.5 * burst)
        if window >= HISTORY:
            popularity = np.exp(base + drift + burst)
            popularity /= popularity.sum(axis=1, keepdims=True)
            windows.append(rng.multinomial(traffic.tokens, popularity).astype(np.float64))
    for array in windows:
        array.setflags(write=False)
    return Windows(*windows)


CASES: dict[Split, list[tuple[Cluster, Traffic]]] = {
    Split.TRAIN: [
        (Cluster(), Traffic(rho=0.99, tokens=1_000_000)),
        (Cluster(), Traffic(rho=0.97)),
        (Cluster(), Traffic(exponent=(0.6, 0.8), rho=0.95, tokens=200_000)),
        (Cluster(), Traffic(exponent=(0.9, 1.2), rho=0.95)),
        (Cluster(), Traffic(rho=0.94, burst_chance=0.0005, shift_chance=0.03, tokens=600_000)),
        (Cluster(58, 256, 320, 8, 8, 64), Traffic(rho=0.97)),
        (Cluster(26, 64, 80, 8, 2, 8), Traffic(rho=0.93, spread=0.4, tokens=100_000)),
        (Cluster(48, 384, 448, 8, 8, 64), Traffic(exponent=(0.6, 1.0), rho=0.96, tokens=800_000)),
        (Cluster(94, 128, 160, 1, 2, 16), Traffic(rho=0.9, burst_chance=0.0006, tokens=250_000)),
        (Cluster(40, 512, 576, 1, 9, 72), Traffic(rho=0.95, spread=0.4, tokens=900_000)),
    ],
    Split.VALIDATION: [
        (Cluster(), Traffic(rho=0.98, tokens=800_000)),
        (Cluster(), Traffic(exponent=(0.6, 0.9), rho=0.94)),
        (Cluster(), Traffic(exponent=(0.8, 1.2), rho=0.96, spread=0.4)),
        (Cluster(), Traffic(rho=0.97, burst_chance=0.0004, shift_chance=0.02, tokens=300_000)),
        (Cluster(58, 256, 320, 8, 4, 40), Traffic(rho=0.97)),
        (Cluster(48, 128, 160, 8, 2, 16), Traffic(rho=0.95, tokens=200_000)),
        (Cluster(), Traffic(rho=0.92, spread=0.4, tokens=250_000)),
        (Cluster(40, 512, 640, 16, 8, 64), Traffic(rho=0.96, tokens=900_000)),
        (Cluster(58, 256, 288, 8, 8, 48), Traffic(rho=0.95, burst_chance=0.0005)),
        (Cluster(30, 96, 128, 8, 2, 16), Traffic(exponent=(0.7, 1.2), rho=0.93, shift_chance=0.03, tokens=150_000)),
        (Cluster(), Traffic(rho=0.95, spread=0.35, tokens=500_000)),
        (Cluster(), Traffic(exponent=(0.9, 1.2), rho=0.93, burst_chance=0.0005, shift_chance=0.02)),
        (Cluster(58, 256, 320, 8, 8, 64), Traffic(exponent=(0.6, 1.0), rho=0.94)),
        (Cluster(27, 64, 96, 8, 2, 8), Traffic(rho=0.95, tokens=120_000)),
        (Cluster(56, 160, 200, 8, 4, 40), Traffic(rho=0.94, spread=0.4, tokens=300_000)),
        (Cluster(60, 384, 448, 1, 8, 64), Traffic(rho=0.96, tokens=900_000)),
        (Cluster(90, 128, 160, 1, 2, 16), Traffic(rho=0.92, tokens=350_000)),
        (Cluster(32, 320, 360, 8, 9, 72), Traffic(rho=0.96, burst_chance=0.0006)),
        (Cluster(58, 256, 360, 8, 9, 72), Traffic(rho=0.97, shift_chance=0.03, tokens=600_000)),
        (Cluster(46, 512, 640, 16, 8, 64), Traffic(exponent=(0.7, 1.1), rho=0.95, tokens=700_000)),
    ],
    # Clusters of published models (DeepSeek-V3, V2, V2-Lite, Qwen3, Kimi K2), most of them unseen, but no larger or
    # smaller than those of train, and no faster drift.
    Split.TEST: [
        (Cluster(), Traffic(rho=0.93, spread=0.4, tokens=250_000)),
        (Cluster(58, 256, 320, 8, 8, 64), Traffic(rho=0.96)),
        (Cluster(26, 64, 72, 8, 2, 8), Traffic(rho=0.94, tokens=100_000)),
        (Cluster(59, 160, 192, 8, 4, 32), Traffic(exponent=(0.7, 1.2), rho=0.95)),
        (Cluster(60, 384, 432, 1, 9, 72), Traffic(rho=0.97, tokens=1_000_000)),
        (Cluster(94, 128, 144, 1, 2, 16), Traffic(rho=0.9, tokens=300_000)),
        (Cluster(48, 512, 576, 16, 8, 64), Traffic(exponent=(0.6, 1.0), rho=0.96, tokens=800_000)),
        (Cluster(58, 256, 288, 8, 9, 72), Traffic(rho=0.95, burst_chance=0.0006, shift_chance=0.03)),
    ],
}


def drawn_instances(split: Split) -> Sequence[EplbInstance]:
    """Return the drawn instances of train, validation or test, their windows not yet drawn."""
    return [EplbInstance(f"{split}/{i}", *case) for i, case in enumerate(CASES[split])]


def fresh_instance(split: Split, name: str, index: int, attempt: int) -> EplbInstance:
    """Return an instance like that of a split with an index, its windows not yet drawn. attempt: always 0."""
    assert not attempt, "naive and reference differ on all traffic of ours"
    return EplbInstance(name, *CASES[split][index])
