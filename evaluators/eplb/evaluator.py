"""The verifier of eplb: how evenly a placement spreads the next window's tokens, and what it cost to compute.

    x = 1 - balancedness + cpu_weight * log10(CPU time / 1 ms) / 3        less is better

One instance is `calls` calls (3), each in a fresh process of the program with the same input, so that nothing can be
remembered from one call to the next. Every answer is verified and must be the same, or else one call could be quick and
the others good; CPU time is the least of the calls. The parent reads both sides of it from the kernel's clock of the
child, all its threads: it covers reading the input and sending the answer, and running the program's top level: work
there warms caches for the call, which for a program that does it a hundred times over saved a third of the call.
Compiling the text is not in it, since a longer one is no worse; `import_cpu_ms` shows both.

What scores 0 and 100: the naive and the reference placement, each by its balance alone, counted as if it took 1 ms
(CPU term 0). For the reference the specification says so. For the naive one it is what a call costs: in a fresh
process the identity takes 1.1-1.4 ms, nearly all of it the first touch of memory and the wire (0.3 ms when called
again), so it scores within half a point of 0, and the seed, at 2 ms, within one. The alternative, its measured time
kept in reference.json, would tie the zero to the machine that measured it. Nothing is cut off at 1 ms: a program that
gets faster always gains. A machine twice as fast gives every program about 0.7 points more, hence `score` is among the
timed metrics.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.eplb.balance import adrs_score, balancedness, cpu_term, gpu_loads, replica_counts
from evaluators.eplb.files import read_instances, write_instances
from evaluators.eplb.picture import drawn
from evaluators.eplb.scale import figures
from evaluators.eplb.workload import CASES, Cluster, EplbInstance, Windows, drawn_instances, fresh_instance
from evaluators.fresh_draws import drawn_afresh
from evaluators.kept_figures import LEAST_GAP
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Infeasible,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    UsageError,
    index_array,
    relative_score,
)


class EplbOptions(BaseModel):
    """Options of eplb, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: int = Field(3, ge=1, le=20, description="fresh processes per instance; the least CPU time of them counts")
    cpu_weight: float = Field(
        0.05, ge=0, le=1, description="what 1 s of CPU time costs against 1 ms, in balancedness; 0: balance only"
    )
    replicas: int = Field(288, ge=1, description="slots of a layer on which the experts of a --data file are placed")
    groups: int = Field(8, ge=1, description="expert groups of a --data file")
    nodes: int = Field(4, ge=1, description="nodes for a --data file")
    gpus: int = Field(32, ge=1, description="GPUs for a --data file; divides replicas")


class Eplb(Evaluator):
    """Expert placement for mixture-of-experts serving (DeepSeek EPLB)."""

    name = "eplb"
    summary = "Replicate and place the experts of a mixture-of-experts model so that every GPU gets as many tokens"
    defines = ("rebalance",)
    limits = Limits(cpu_s=6.0, memory_mb=1024, answer_mb=16)
    timed_metrics = ("cpu_ms", "import_cpu_ms", "wall_ms", "x", "score", "adrs_score")
    Options: ClassVar[type[BaseModel]] = EplbOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        assert isinstance(self.options, EplbOptions)
        self._options = self.options

    def instances(self, split: Split) -> Sequence[EplbInstance]:
        """Return the drawn instances of a split; the windows are drawn when an instance is evaluated."""
        if split is Split.PUBLIC:
            raise UsageError(
                "eplb: the public expert loads are not bundled; give the file with --data PATH (JSON with "
                "load_history, each entry with logical_expert_load [58][256])."
            )
        return drawn_instances(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw windows that nobody has seen, for the clusters and with the traffic of a split."""
        return drawn_afresh(split, seed, count, range(len(CASES[split])), functools.partial(fresh_instance, split))

    def load(self, path: Path) -> Sequence[EplbInstance]:
        """Read a file of expert loads, or a folder: of windows i and i + 1, the second is scored. Raises UsageError."""
        o = self._options
        return read_instances(path, Cluster(replicas=o.replicas, groups=o.groups, nodes=o.nodes, gpus=o.gpus))

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a list of two windows per instance, and what their experts are placed on."""
        return write_instances(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Score a program on one instance. Raises Infeasible for an answer that is no placement."""
        assert isinstance(instance, EplbInstance)
        cluster, windows = instance.cluster, instance.windows()
        # The public rule asks for a replica only of experts that get tokens; ours of every one.
        needed = np.ones(windows.seen.shape, dtype=bool) if instance.read is None else windows.scored > 0
        cpu_s, import_cpu_s, wall_s = [], [], []
        placement: np.ndarray | None = None
        for call in range(self._options.calls):
            process = candidate if call == 0 else candidate.fresh()
            answer, cpu, wall = _timed_call(process, windows.seen, cluster)
            slots = checked_slots(answer, cluster, needed)
            if placement is None:
                placement = slots
            elif not np.array_equal(slots, placement):
                raise Infeasible(
                    f"call {call + 1} placed otherwise than call 1 on the same input; the same input must give the "
                    "same answer: seed your random generator"
                )
            cpu_s.append(process.top_level_cpu_s + cpu)
            wall_s.append(wall)
            import_cpu_s.append(process.import_cpu_s)
        assert placement is not None
        balance = balancedness(gpu_loads(placement, windows.scored, cluster.gpus))
        least_cpu_s = min(cpu_s)
        term = cpu_term(least_cpu_s, self._options.cpu_weight)
        x = 1.0 - balance + term
        known = figures(instance)
        naive_x, reference_x = 1.0 - known.naive, 1.0 - known.reference
        span = naive_x - reference_x
        score = relative_score(naive_x, reference_x, x) if span > 0 and span >= LEAST_GAP * naive_x else None
        metrics = {
            "balancedness": balance,
            "x": x,
            "cpu_ms": 1e3 * least_cpu_s,
            "import_cpu_ms": 1e3 * min(import_cpu_s),
            "wall_ms": 1e3 * math.fsum(wall_s) / len(wall_s),
        }
        cost = f", {100 * term / span:.1f} points of the score" if score is not None else ""
        seen = balancedness(gpu_loads(placement, windows.seen, cluster.gpus))
        feedback = (
            f"Balancedness {balance:.4f} (naive {known.naive:.4f}, reference {known.reference:.4f}, which would reach "
            f"{known.foresight:.4f} if it knew this window); on the window that was given {seen:.4f} (reference "
            f"{known.reference_seen:.4f}). {describe(placement, windows, cluster)} "
            f"CPU {metrics['cpu_ms']:.3g} ms is {term:+.4f} of x = {x:.4f}{cost}."
        )
        return Outcome(score, metrics, feedback)

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw the load of the GPUs before and after."""
        assert isinstance(instance, EplbInstance)
        cluster, windows = instance.cluster, instance.windows()
        needed = np.ones(windows.seen.shape, dtype=bool) if instance.read is None else windows.scored > 0
        slots = checked_slots(_timed_call(candidate, windows.seen, cluster)[0], cluster, needed)
        return drawn(instance.id, slots, windows, cluster, figures(instance).reference)

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric; on `public` also `adrs_score`, from mean balancedness and mean wall time."""
        metrics = super().summarise(split, outcomes)
        if split is Split.PUBLIC and metrics:
            metrics["adrs_score"] = adrs_score(metrics["balancedness"], metrics["wall_ms"] / 1e3)
        return metrics


def _timed_call(candidate: Candidate, seen: np.ndarray, cluster: Cluster) -> tuple[Any, float, float]:
    """Ask for a placement. seen: (layers, experts) float64.  Returns the answer, its CPU and its wall seconds."""
    cpu_before, began = candidate.cpu_s, time.perf_counter()
    answer = candidate.call("rebalance", seen, cluster.replicas, cluster.groups, cluster.nodes, cluster.gpus)
    wall_s = time.perf_counter() - began
    return answer, candidate.cpu_s - cpu_before, wall_s


def checked_slots(answer: Any, cluster: Cluster, needed: np.ndarray) -> np.ndarray:
    """Read an answer as a placement.

    needed: (layers, experts) bool, the experts that must have a replica.
    Returns (layers, replicas) int64, the expert in each slot. Only the slots count: replicas and their places are
    counted here. Raises Infeasible that names the layer and the slot or expert.
    """
    slots = index_array(answer, (cluster.layers, cluster.replicas), cluster.experts, "the expert in (layer, slot)")
    missing = needed & (replica_counts(slots, cluster.experts) == 0)
    if missing.any():
        layer, expert = (int(i) for i in np.argwhere(missing)[0])
        raise Infeasible(
            f"layer {layer}: expert {expert} has no replica; every expert needs at least one "
            f"({int(missing.sum())} are missing over all layers)"
        )
    return slots


def describe(slots: np.ndarray, windows: Windows, cluster: Cluster) -> str:
    """Say in a sentence where a placement loses most: the layer, its fullest GPU, and the expert that fills it.

    slots: (layers, replicas) int64.
    """
    tokens = gpu_loads(slots, windows.scored, cluster.gpus)
    # Balancedness sums over layers, so the layer that costs most is the one with the most tokens above its mean.
    layer = int((tokens.max(axis=1) - tokens.mean(axis=1)).argmax())
    gpu = int(tokens[layer].argmax())
    full, mean = float(tokens[layer, gpu]), float(tokens[layer].mean())
    if full <= 0:
        return "No expert has any token."
    room = cluster.replicas // cluster.gpus
    counts = np.bincount(slots[layer], minlength=cluster.experts)
    own = np.bincount(slots[layer, gpu * room : (gpu + 1) * room], minlength=cluster.experts)
    brought = own * windows.scored[layer] / np.maximum(counts, 1)
    expert = int(brought.argmax())
    share_seen, share_scored = (
        float(w[layer, expert]) / max(float(w[layer].sum()), 1.0) for w in (windows.seen, windows.scored)
    )
    return (
        f"Layer {layer} loses most: GPU {gpu} gets {full / mean:.2f} times the mean; "
        f"{100 * brought[expert] / full:.0f} % of that is expert {expert}, which has {counts[expert]} "
        f"replica{'s' if counts[expert] != 1 else ''} ({own[expert]} here) for "
        f"{100 * share_scored:.2f} % of the layer's tokens ({100 * share_seen:.2f} % in the window given)."
    )
