"""A plan: which GPUs compute which layers, and the check that an answer is one, down to the memory of each GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluators.training_placement.cluster import (
    GPUS,
    Case,
    Job,
    dense_parameters,
    expert_parameters,
)
from evolve.evaluator import Infeasible

MOST_CHUNKS, MOST_STEPS, MOST_AHEAD = 16, 1_000_000, 4
REQUIRED = ("tp", "microbatch", "recompute", "stages", "microbatches")
OPTIONAL = ("checkpoint_every", "ahead", "zero", "ep", "a2a_chunks")


@dataclass(frozen=True)
class Stage:
    """Layers first..last on one tensor-parallel group of GPUs."""

    first: int
    last: int
    gpus: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A checked plan. pipelines: each a chain of stages.  microbatches: of each pipeline in a step.

    ahead: how many microbatches more than in plain 1F1B a stage may have in flight, for each stage behind it.
    """

    tp: int
    microbatch: int
    recompute: bool
    pipelines: tuple[tuple[Stage, ...], ...]
    microbatches: tuple[int, ...]
    checkpoint_every: int
    ahead: int = 0
    zero: int = 0
    ep: int = 1
    a2a_chunks: tuple[int, int] = (1, 1)

    def gpus(self) -> list[int]:
        """Return all GPUs that are used."""
        return [gpu for pipeline in self.pipelines for stage in pipeline for gpu in stage.gpus]

    def nodes(self) -> set[int]:
        """Return all nodes that are used."""
        return {gpu // GPUS for gpu in self.gpus()}

    def shown(self) -> dict[str, Any]:
        """Return it in the form in which programs answer."""
        return {
            "tp": self.tp,
            "microbatch": self.microbatch,
            "recompute": self.recompute,
            "stages": [[[s.first, s.last, list(s.gpus)] for s in pipeline] for pipeline in self.pipelines],
            "microbatches": list(self.microbatches),
            "checkpoint_every": self.checkpoint_every,
            "ahead": self.ahead,
            "zero": self.zero,
            "ep": self.ep,
            "a2a_chunks": list(self.a2a_chunks),
        }


def checked(answer: Any, case: Case) -> Plan:
    """Read an answer as a plan. Raises Infeasible that names what is wrong, and where."""
    if not isinstance(answer, dict):
        raise Infeasible(f"the plan is {answer!r:.40} ({type(answer).__name__}), expected a dict with {REQUIRED}")
    missing = [key for key in REQUIRED if key not in answer]
    unknown = [key for key in answer if key not in REQUIRED + OPTIONAL]
    if missing or unknown:
        wrong = f"lacks {missing[0]!r}" if missing else f"has {unknown[0]!r:.40}"
        raise Infeasible(f"the plan {wrong}, expected the keys {REQUIRED} and perhaps {OPTIONAL}")
    job = case.job
    tp = _whole(answer["tp"], "tp", 1, GPUS)
    if tp & (tp - 1):
        raise Infeasible(f"tp is {tp}, expected 1, 2, 4 or 8")
    microbatch = _whole(answer["microbatch"], "microbatch", 1, job.global_batch)
    if job.global_batch % microbatch:
        raise Infeasible(f"microbatch {microbatch} does not divide the batch of {job.global_batch} sequences")
    if type(answer["recompute"]) is not bool:
        raise Infeasible(f"recompute is {answer['recompute']!r:.40}, expected True or False")
    pipelines = _pipelines(answer["stages"], case, tp)
    counts = _list(answer["microbatches"], "microbatches", len(pipelines))
    total = job.global_batch // microbatch
    microbatches = tuple(_whole(one, f"microbatches of pipeline {p}", 1, total) for p, one in enumerate(counts))
    if sum(microbatches) != total:
        raise Infeasible(
            f"microbatches sum to {sum(microbatches)}, expected {total}: {job.global_batch} sequences in microbatches "
            f"of {microbatch}"
        )
    chunks = _list(answer.get("a2a_chunks", [1, 1]), "a2a_chunks", 2)
    forward, backward = (_whole(one, f"a2a_chunks[{k}]", 1, MOST_CHUNKS) for k, one in enumerate(chunks))
    plan = Plan(
        tp,
        microbatch,
        answer["recompute"],
        pipelines,
        microbatches,
        _whole(answer.get("checkpoint_every", job.checkpoint_every), "checkpoint_every", 1, MOST_STEPS),
        _whole(answer.get("ahead", 0), "ahead", 0, MOST_AHEAD),
        _whole(answer.get("zero", 0), "zero", 0, 1),
        _whole(answer.get("ep", 1), "ep", 1, max(1, job.experts)),
        (forward, backward),
    )
    _check_experts(plan, job)
    _check_memory(plan, case)
    return plan


def _whole(value: Any, what: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise Infeasible(f"{what} is {value!r:.40} ({type(value).__name__}), expected a whole number {least}..{most}")
    return value


def _list(value: Any, what: str, length: int | None = None) -> list[Any]:
    """Read a list; of numbers perhaps an integer array."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list) or (length is not None and len(value) != length):
        found = f"a list of {len(value)}" if isinstance(value, list) else f"{value!r:.40} ({type(value).__name__})"
        raise Infeasible(f"{what}: {found}, expected a list" + (f" of {length}" if length is not None else ""))
    return value


def _pipelines(answer: Any, case: Case, tp: int) -> tuple[tuple[Stage, ...], ...]:
    """Read the stages: every pipeline has every layer once, in order; no GPU is used twice."""
    listed = _list(answer, "stages")
    if not listed:
        raise Infeasible("stages: no pipeline, expected at least 1")
    gpus = GPUS * len(case.nodes)
    used: dict[int, str] = {}
    pipelines = []
    for p, chain in enumerate(listed):
        stages, next_layer = [], 0
        for s, part in enumerate(_list(chain, f"pipeline {p}")):
            place = f"pipeline {p}, stage {s}"
            first, last, group = _list(part, place, 3)
            if _whole(first, f"{place}: first layer", 0, case.job.layers - 1) != next_layer:
                raise Infeasible(f"{place} begins with layer {first}, expected {next_layer}: each layer once, in order")
            next_layer = _whole(last, f"{place}: last layer", first, case.job.layers - 1) + 1
            group = [_whole(one, f"{place}: GPU", 0, gpus - 1) for one in _list(group, f"{place}: GPUs", tp)]
            for gpu in group:
                if gpu in used:
                    raise Infeasible(f"GPU {gpu} is used twice: in {used[gpu]} and in {place}")
                used[gpu] = place
            if len({gpu // GPUS for gpu in group}) > 1:
                raise Infeasible(
                    f"{place}: GPUs {group} are of nodes {sorted({g // GPUS for g in group})}, expected one"
                )
            stages.append(Stage(first, last, tuple(group)))
        if next_layer != case.job.layers:
            raise Infeasible(f"pipeline {p} has layers 0..{next_layer - 1}, expected 0..{case.job.layers - 1}")
        pipelines.append(tuple(stages))
    return tuple(pipelines)


def _check_experts(plan: Plan, job: Job) -> None:
    """Check that groups of `ep` pipelines, one after the other, can share experts."""
    if plan.ep == 1:
        return
    count = len(plan.pipelines)
    if count % plan.ep or job.experts % plan.ep:
        raise Infeasible(f"ep {plan.ep} divides not both {count} pipelines and {job.experts} experts")
    for p, pipeline in enumerate(plan.pipelines):
        first = plan.pipelines[p - p % plan.ep]
        if [(s.first, s.last) for s in pipeline] != [(s.first, s.last) for s in first]:
            raise Infeasible(f"pipelines {p - p % plan.ep} and {p} share experts (ep {plan.ep}) and differ in layers")


def most_in_flight(depth: int, stage: int, ahead: int) -> int:
    """Return how many microbatches a stage may have in flight, done forward and not yet backward."""
    return 1 + (depth - 1 - stage) * (1 + ahead)


def stage_bytes(job: Job, plan: Plan, pipeline: int, stage: int) -> float:
    """Return what a GPU of a stage holds, bytes: weights, gradients, optimizer and activations.

    Source: 18 B a parameter and 34*s*h*b a layer, Narayanan 2021 and Korthikanti 2022; with recomputation 2*s*h*b are
    kept of each layer and one layer is there in full.
    """
    chain = plan.pipelines[pipeline]
    part, depth = chain[stage], len(chain)
    layers = range(part.first, part.last + 1)
    copies = len(plan.pipelines)
    dense = sum(dense_parameters(job, layer) for layer in layers) / plan.tp
    experts = sum(expert_parameters(job, layer) for layer in layers) / plan.tp / plan.ep
    state = dense * (6 + 12 / copies) + experts * (6 + 12 * plan.ep / copies) if plan.zero else 18 * (dense + experts)
    in_flight = min(most_in_flight(depth, stage, plan.ahead), plan.microbatches[pipeline])
    once = job.seq * job.hidden * plan.microbatch / plan.tp
    kept = (2 * len(layers) * in_flight + 34) if plan.recompute else 34 * len(layers) * in_flight
    return state + kept * once


def _check_memory(plan: Plan, case: Case) -> None:
    for p, pipeline in enumerate(plan.pipelines):
        for s, stage in enumerate(pipeline):
            needs = stage_bytes(case.job, plan, p, s) / 1e9
            node = case.nodes[stage.gpus[0] // GPUS]
            if needs > node.mem_gb:
                raise Infeasible(
                    f"pipeline {p}, stage {s} (layers {stage.first}..{stage.last}) needs {needs:.1f} GB on each GPU, "
                    f"GPU {stage.gpus[0]} has {node.mem_gb:g}"
                )
