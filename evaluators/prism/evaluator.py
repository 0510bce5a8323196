"""The verifier of prism: the highest pressure of any GPU, from the candidate's placement and our own models."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.fresh_draws import drawn_afresh
from evaluators.prism.feedback import explain, few
from evaluators.prism.figures import figures_of, stored, tells
from evaluators.prism.picture import drawn
from evaluators.prism.pressure import GPU_GB, Gpu, case_score, loaded, pressure_bound, round_robin_pressure
from evaluators.prism.public_format import public_cases, read_cases, write_cases
from evaluators.prism.workload import RECIPES, Case, drawn_case, own_case
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Infeasible,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    index_array,
    relative_score,
)


class Prism(Evaluator):
    """Place models on GPUs so that the hardest pressed GPU has the most memory for its KV cache per demand."""

    name = "prism"
    summary = "Place language models on GPUs so that the highest KV-cache pressure is low"
    defines = ("place",)
    limits = Limits(cpu_s=5.0, memory_mb=512, answer_mb=4)
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the cases of a split."""
        return _instances(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw cases that nobody has seen, as those of a split are drawn."""
        draw = functools.partial(drawn_case, split)
        return drawn_afresh(
            split, seed, count, range(len(RECIPES[split])), draw, lambda case: tells(case, figures_of(case))
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a JSON list of cases, or a folder of them."""
        return read_cases(path, "data")

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write one JSON list of cases."""
        return write_cases(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for the placement of one case and score its highest pressure."""
        assert isinstance(instance, Case)
        answer = candidate.call("place", instance.num_gpus, list(instance.models))
        gpus = checked_gpus(answer, instance)
        highest = max(gpu.pressure for gpu in gpus)
        figures = figures_of(instance)
        score = None
        if figures.tells:
            assert figures.naive is not None and figures.reference is not None
            score = relative_score(figures.naive, figures.reference, highest)
        bound = pressure_bound(instance.models, instance.num_gpus)
        metrics = {"pressure_rps_per_gb": highest, "bound_rps_per_gb": bound}
        if not is_own(instance):
            round_robin = round_robin_pressure(instance.models, instance.num_gpus)
            metrics["case_score"] = case_score(round_robin, bound, highest)
        return Outcome(score, metrics, explain(instance, gpus, figures, bound))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw the memory of every GPU, and the pressure on it."""
        assert isinstance(instance, Case)
        answer = candidate.call("place", instance.num_gpus, list(instance.models))
        return drawn(instance, checked_gpus(answer, instance), figures_of(instance))

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric; on the public cases the mean case score is the published score."""
        metrics = super().summarise(split, outcomes)
        if split is Split.PUBLIC and "case_score" in metrics:
            metrics["adrs_score"] = metrics["case_score"]
        return metrics


@functools.cache
def _instances(split: Split) -> tuple[Case, ...]:
    if split is Split.PUBLIC:
        return public_cases()
    return tuple(own_case(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))


def is_own(case: Case) -> bool:
    """Return whether a case is one of ours: a public one or a user's has a published score too."""
    return case.id.partition("/")[0] in set(RECIPES)


def checked_gpus(answer: Any, case: Case) -> list[Gpu]:
    """Read an answer as the GPU of each model, and return what every GPU then carries.

    Raises Infeasible that names the model or the GPU. A GPU filled to the last GB is allowed, and has FULL_PRESSURE.
    """
    if isinstance(answer, list):
        for model, gpu in enumerate(answer):
            # numpy would take True for 1 in a list that also holds whole numbers, and 2**63 for a float.
            if type(gpu) is not int or not 0 <= gpu < case.num_gpus:
                raise Infeasible(
                    f"the GPU of model {model} is {gpu!r:.40} ({type(gpu).__name__}), "
                    f"expected a whole number (int) in 0..{case.num_gpus - 1}"
                )
    gpu_of = index_array(answer, (len(case.models),), case.num_gpus, "the GPU of model")
    gpus = loaded(case.models, gpu_of.tolist(), case.num_gpus)
    over = [number for number, gpu in enumerate(gpus) if gpu.used_gb > GPU_GB]
    if over:
        worst = max(over, key=lambda number: gpus[number].used_gb)
        raise Infeasible(
            f"GPU {worst} holds {gpus[worst].used_gb:g} GB of models, capacity {GPU_GB} GB "
            f"(models {few(gpus[worst].models)}; {len(over)} of {len(gpus)} GPUs are over)"
        )
    return gpus
