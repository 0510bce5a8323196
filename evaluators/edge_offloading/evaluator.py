"""The verifier of edge_offloading: it plays all tasks under each of 11 preferences, each in a process of its own."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from evaluators.edge_offloading.feedback import explain
from evaluators.edge_offloading.figures import Figures, figures_of, stored, tells_apart
from evaluators.edge_offloading.picture import drawn
from evaluators.edge_offloading.public_format import read_scenes
from evaluators.edge_offloading.system import (
    BACKHAUL_BPS,
    BACKHAUL_J_PER_BIT,
    CLOUD_LATENCY_S,
    MOST_MISSED,
    PREFERENCES,
    Info,
    Point,
    Scene,
    Servers,
    System,
    Task,
    covered,
    run,
)
from evaluators.edge_offloading.workload import RECIPES, drawn_scene, own_scene, public_scenes
from evaluators.fresh_draws import drawn_afresh
from evaluators.kept_figures import differ
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Infeasible,
    Instance,
    Limits,
    Objective,
    Outcome,
    Picture,
    Split,
)


class EdgeOffloading(Evaluator):
    """Choose an edge server or the cloud for each task, for any weight of delay against energy."""

    name = "edge_offloading"
    summary = "Which edge server or cloud computes a task, for any weight of delay against energy"
    defines = ("Policy",)
    limits = Limits(cpu_s=2.0, memory_mb=512, answer_mb=1)
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("score", "max"),
        Objective("delay_s", "min", "s"),
        Objective("energy_j", "min", "J"),
    )
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the scenes of a split."""
        return public_scenes() if split is Split.PUBLIC else _own(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw scenes that nobody has seen, by the recipes of a split."""
        draw = functools.partial(drawn_scene, split)
        return drawn_afresh(
            split, seed, count, range(len(RECIPES[split])), draw, lambda scene: tells_apart(scene, figures_of(scene))
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a folder with a file of sites and one of users, as the EUA data set has them."""
        return read_scenes(path)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Play all preferences and score the area that their points cover."""
        assert isinstance(instance, Scene)
        figures = figures_of(instance)
        points = played(candidate, instance.system, figures)
        area = area_of(points, figures)
        count = len(points)
        metrics = {
            "hypervolume_share": area,
            "hypervolume_bound_share": figures.reference,
            "delay_s": sum(point.delay_s for point in points) / count,
            "energy_j": sum(point.energy_j for point in points) / count,
            "missed_pct": 100.0 * sum(point.missed for point in points) / count,
            "round_robin_delay_s": figures.delay_s,
            "round_robin_energy_j": figures.energy_j,
        }
        score = 100.0 * area / figures.reference if differ(1.0, 1.0 - figures.reference) else None
        return Outcome(score, metrics, explain(instance.system, points, area, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw the points, and which server gets what."""
        assert isinstance(instance, Scene)
        figures = figures_of(instance)
        points = played(candidate, instance.system, figures)
        return drawn(instance.id, points, area_of(points, figures), figures)


def area_of(points: Sequence[Point], figures: Figures) -> float:
    """Return the share of the unit square that the points cover, those that miss too many deadlines left out."""
    return covered(
        [
            (point.delay_s / figures.delay_s, point.energy_j / figures.energy_j)
            for point in points
            if point.missed <= MOST_MISSED
        ]
    )


def played(candidate: Candidate, system: System, figures: Figures) -> list[Point]:
    """Return a point for each preference. The process of one run knows nothing of the other runs."""
    points = []
    for number, preference in enumerate(PREFERENCES):
        process = candidate.fresh() if number else candidate
        info = Info(
            preference,
            system.servers,
            system.freq_hz.tolist(),
            system.kappa.tolist(),
            figures.delay_s,
            figures.energy_j,
        )
        points.append(_one(process.new("Policy", info), system, preference))
    return points


def _one(policy: object, system: System, preference: tuple[float, float]) -> Point:
    arrival, bits, cycles = system.arrival_s.tolist(), system.bits.tolist(), system.cycles.tolist()
    deadline, rate, failed = system.deadline_s.tolist(), system.rate_bps.tolist(), system.failed.tolist()
    freq, kappa, none = system.freq_hz.tolist(), system.kappa.tolist(), [0.0] * (system.servers - 1)

    def decide(task: int, free_at: Sequence[float]) -> int:
        now = arrival[task]
        servers = Servers(
            rate[task],
            freq,
            [max(0.0, free - now) for free in free_at],
            kappa,
            [*none, CLOUD_LATENCY_S + bits[task] / BACKHAUL_BPS],
            [*none, BACKHAUL_J_PER_BIT * bits[task]],
            failed[task],
        )
        seen = Task(task, now, bits[task], cycles[task], deadline[task])
        answer = policy.call("offload", seen, servers, preference)  # type: ignore[attr-defined]
        if type(answer) is not int or not 0 <= answer < system.servers:
            raise Infeasible(
                f"task {task}, delay weight {preference[0]:g}: the server is {answer!r:.40}, expected a whole number "
                f"from 0 to {system.servers - 1}"
            )
        if failed[task][answer]:
            raise Infeasible(f"task {task}, delay weight {preference[0]:g}: server {answer} has failed")
        return answer

    return run(system, decide)


@functools.cache
def _own(split: Split) -> tuple[Scene, ...]:
    return tuple(own_scene(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
