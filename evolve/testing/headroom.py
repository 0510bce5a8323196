"""Whether a search can find anything: small changes of the seed show in the score, and the splits agree."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping

from evolve.bench import Bench
from evolve.evaluator import Split, mean
from evolve.mutate.builtin.mutator import BuiltinMutator
from evolve.mutate.mutation import Example, Request
from evolve.registry import Problem

CHANGES = 2
"""Changed seeds that are scored at a time, of at most TRIES times as many."""
TRIES = 50
SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


def changed_seeds(problem: Problem) -> list[str]:
    """Return programs that the built-in mutator makes of the seed, always the same ones."""
    rng = random.Random(0)
    mutator, parent = BuiltinMutator(), Example(0, problem.seed, "ok", 0.0)
    name, defines = problem.evaluator.name, problem.evaluator.defines
    requests = (Request(n, name, problem.statement, defines, parent, (), rng) for n in range(CHANGES * TRIES))
    sources = [mutator.propose(request).source for request in requests]
    return list(dict.fromkeys(source for source in sources if source is not None))


def is_moved_by_changes(problem: Problem, bench: Bench) -> bool:
    """Return whether one of a hundred small changes of the seed is feasible with another score on train's first."""
    (seed,) = bench.evaluate(problem, [problem.seed])
    sources = changed_seeds(problem)
    for begin in range(0, len(sources), CHANGES):
        results = bench.evaluate(problem, sources[begin : begin + CHANGES])
        if any(result.score not in (None, seed.score) for result in results):
            return True
    return False


def order_of_baselines(problem: Problem, bench: Bench, split_s: float = math.inf) -> str:
    """Return in a sentence what seed and baselines score on each split, and where two splits order them otherwise.

    split_s: seconds that a split may take, by the time of the seed on its first instance. Where all instances take
    longer, the first ones stand for a split, and the sentence says how many.
    """
    programs = {"seed": problem.seed, **problem.baselines}
    if len(programs) == 1:
        return "there are none: put published heuristics into baselines/, one with a score near 100"
    counts = {split: _affordable(problem, bench, split, split_s / len(programs)) for split in SPLITS}
    scores = {split: _means(problem, bench, programs, split, counts[split]) for split in SPLITS}
    failing = sorted({name for means in scores.values() for name, score in means.items() if score is None})
    if failing:
        return f"{', '.join(failing)}: not feasible everywhere; `evolve baselines {problem.ref}` says why"
    best = {split: max(means, key=lambda name: means[name] or 0.0) for split, means in scores.items()}
    said = "; ".join(
        f"{split}{_of_all(problem, split, counts[split])}: best {name} {scores[split][name]:.2f}"
        for split, name in best.items()
    )
    turned = _turned(scores)
    if turned:
        return f"{said}. The splits do not order them alike: {turned}. More instances make a split say more"
    return f"{said}. All splits order them alike"


def _affordable(problem: Problem, bench: Bench, split: Split, program_s: float) -> int:
    """Return how many instances of a split take a program that long, by the seed on the first; 1 at least."""
    count = len(problem.instances(split))
    if math.isinf(program_s):
        return count
    (first,) = bench.evaluate(problem, [problem.seed], split)
    return max(1, min(count, int(program_s / max(first.wall_s, 1e-6))))


def _of_all(problem: Problem, split: Split, count: int) -> str:
    total = len(problem.instances(split))
    return "" if count == total else f" (first {count} of {total} instances, for the time they take)"


def _means(
    problem: Problem, bench: Bench, programs: Mapping[str, str], split: Split, count: int
) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, source in programs.items():
        scores = [result.score for result in bench.evaluate(problem, [source], split, count)]
        known = [score for score in scores if score is not None]
        found[name] = mean(known) if len(known) == count else None
    return found


def _turned(scores: Mapping[Split, Mapping[str, float | None]]) -> str:
    """Return the pair of programs whose order on train is turned most on another split; empty when none is."""
    pairs: list[tuple[float, str]] = []
    train = scores[Split.TRAIN]
    for split in SPLITS[1:]:
        there = scores[split]
        for one, other in itertools.combinations(train, 2):
            here = (train[one] or 0.0) - (train[other] or 0.0)
            gap = (there[one] or 0.0) - (there[other] or 0.0)
            if here * gap < 0:
                figures = f"{one} {train[one]:.2f} and {other} {train[other]:.2f} on train"
                pairs.append(
                    (min(abs(here), abs(gap)), f"{figures}, {there[one]:.2f} and {there[other]:.2f} on {split}")
                )
    return max(pairs)[1] if pairs else ""
