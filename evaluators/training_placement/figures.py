"""What scores 0 and 100 on a case: hours per 1e9 tokens.

Naive: `baselines/megatron.py`. Reference: the best of all programs of ours, and of a run that takes at every event the
plan of that program of ours which trains most until the next event: it knows when that is. `ideal` is a bound: all
FLOPs on the GPUs that are there, at half their peak, and nothing else.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from evaluators.kept_figures import computed_once, differ, digest_of_files, far_apart
from evaluators.reference_file import Stored, read_reference
from evaluators.training_placement.baselines import elaswave, grid, holmes, megatron, oobleck, torchft
from evaluators.training_placement.cluster import EFFICIENCY, GPUS, Case, digest, step_flops
from evaluators.training_placement.plan import Plan, checked
from evaluators.training_placement.training import Progress, Run, train
from evolve.evaluator import Infeasible

STORED = Path(__file__).with_name("reference.json")
RULES: tuple[ModuleType, ...] = (megatron, holmes, grid, torchft, oobleck, elaswave)
PROGRAMS = tuple(Path(str(module.__file__)) for module in RULES)


@dataclass(frozen=True)
class Figures:
    """Hours per 1e9 tokens."""

    naive: float
    reference: float
    ideal: float

    @property
    def tells(self) -> bool:
        """Return whether naive and reference differ enough for the case to have a score."""
        return differ(self.naive, self.reference)


def worth_drawing(_: Case, found: Figures) -> bool:
    """Return whether a drawn case tells programs apart: it is drawn again where it does not."""
    return far_apart(found.naive, found.reference)


@functools.cache
def stored() -> Stored[Figures]:
    """Return the figures of the built-in cases."""
    return read_reference(STORED, "cases", Figures)


def programs_digest() -> str:
    """Return a hash of the programs that the figures are computed by."""
    return digest_of_files(PROGRAMS)


def figures_of(case: Case) -> Figures:
    """Return the figures of a case: kept ones where there are, else found now."""
    kept = stored().figures.get(case.id)
    return kept if kept is not None else _found(digest(case), case)


_FOUND: dict[str, Figures] = {}
"""Figures found in this process, by digest: an id says which case was meant, not which draw or file of it."""


def _found(key: str, case: Case) -> Figures:
    if key not in _FOUND:
        kept = stored().with_digest(key)
        _FOUND[key] = kept or computed_once(
            "training_placement", f"{key}-{programs_digest()}", Figures, case.id, lambda: compute(case)
        )
    return _FOUND[key]


def compute(case: Case) -> Figures:
    """Find the figures of a case. Raises Infeasible where a program of ours finds no plan."""
    runs = [run_by(case, program) for program in RULES]
    best = min(run.hours_per_billion for run in [*runs, greedy(case)])
    return Figures(runs[0].hours_per_billion, best, ideal(case))


def run_by(case: Case, program: ModuleType) -> Run:
    """Run a case with a program of ours, in this process: only its figures are asked for, not a score."""
    policy = program.Policy(case.job)
    return train(case, policy.place, policy.replan)


def greedy(case: Case) -> Run:
    """Run a case with the plan, among those of our programs, that trains most until the next event."""
    policies = [program.Policy(case.job) for program in RULES]
    progress = Progress(case)
    plans = [checked(policy.place(progress.seen()), case) for policy in policies]
    while True:
        progress = max((_after(progress, plan) for plan in dict.fromkeys(plans)), key=lambda one: one.steps)
        if len(progress.segments) > len(case.events):
            return Run(case, tuple(progress.segments), progress.steps)
        assert progress.plan is not None
        shown, seen, change = progress.plan.shown(), progress.seen(), progress.change()
        answers = [policy.replan(seen, shown, change) for policy in policies]
        answers.append(_new(case, progress))
        plans = [progress.plan, *(plan for answer in answers if (plan := _sound(answer, case)) is not None)]


def _new(case: Case, progress: Progress) -> Any:
    """Return the best plan of the grid for what is there now."""
    found = grid.best_of_grid(grid.Model(case.job), progress.seen()) if any(progress.alive) else None
    return found and found[1]


def _sound(answer: Any, case: Case) -> Plan | None:
    try:
        return checked(answer, case)
    except Infeasible:
        return None


def _after(progress: Progress, plan: Plan) -> Progress:
    other = progress.copy()
    other.go(plan)
    return other


def ideal(case: Case) -> float:
    """Return a bound that no plan gets below: half the peak of all GPUs that are there, all the time."""
    alive, speed = [True] * len(case.nodes), [1.0] * len(case.nodes)
    ends = [*(event.at_s for event in case.events), case.horizon_s]
    flops, start = 0.0, 0
    for number, end in enumerate(ends):
        rates = [node.tflops * v for node, there, v in zip(case.nodes, alive, speed, strict=True) if there]
        flops += 1e12 * EFFICIENCY * GPUS * sum(rates) * (end - start)
        start = end
        if number < len(case.events):
            event = case.events[number]
            for node in event.lost:
                alive[node] = False
            for node in event.returned:
                alive[node] = True
            for node, factor in event.speed:
                speed[node] = factor
    tokens = flops / step_flops(case.job) * case.job.global_batch * case.job.seq
    return case.horizon_s / 3600 / (max(tokens, 1.0) / 1e9)
