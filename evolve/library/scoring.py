"""`evolve.score`: a program's score from Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve.audit import new_seed
from evolve.config import resolve
from evolve.evaluator import Evaluator, Split
from evolve.intervals import Interval, mean_interval
from evolve.library.settings import find_problem, flags
from evolve.library.waiting import wait_for
from evolve.measure import measure
from evolve.registry import Problem, read_text
from evolve.scoring import SplitScore
from evolve.workers import Fresh


@dataclass(frozen=True)
class Scores(SplitScore):
    """A program on a split: status, score, metrics, and an `InstanceResult` for each of `instances`.

    `if scores.score is None`: it failed, and `feedback` says on which instance and how.
    """

    @property
    def interval(self) -> Interval | None:
        """The mean score with its 95 % interval over instances; None where there is no score."""
        found = [one.score for one in self.instances if one.score is not None]
        return mean_interval(found) if self.score is not None and found else None


async def score_async(
    problem: str | Path | type[Evaluator] | Problem,
    program: str | Path,
    *,
    split: str = "",
    data: str | Path | None = None,
    fresh: int | None = None,
    fresh_seed: int | None = None,
    **settings: Any,
) -> Scores:
    """As `score`, for code that has an event loop."""
    config = resolve(None, (), flags(settings))
    found = find_problem(problem, config.evaluator)
    source = read_text(program, "the program to score") if isinstance(program, Path) else program
    on = Split(split or ("public" if data else "test" if fresh else "train"))
    drawn = None if fresh is None else Fresh(new_seed() if fresh_seed is None else fresh_seed, fresh)
    (measured,) = await measure(
        found, config, {"program": source}, on, None if data is None else Path(data), fresh=drawn
    )
    score = measured.score
    return Scores(score.split, score.status, score.score, score.metrics, score.instances, score.complete, score.fault)


def score(
    problem: str | Path | type[Evaluator] | Problem,
    program: str | Path,
    *,
    split: str = "",
    data: str | Path | None = None,
    fresh: int | None = None,
    fresh_seed: int | None = None,
    **settings: Any,
) -> Scores:
    """Score a program in the same sandbox and by the same verifier as in a run; nothing is recorded.

    program: its source, or the `Path` of its file.
    split: "train" (default), "validation", "test" or "public"; with `data`, a path, its instances; with `fresh`, that
        many instances drawn now as those of the split (default: test).
    settings: as for `run`, e.g. `workers=2, evaluator={"kind": "online"}`.
    A program that fails is a `Scores` with a status; UsageError is raised for what a person must put right.
    """
    return wait_for(
        lambda _: score_async(problem, program, split=split, data=data, fresh=fresh, fresh_seed=fresh_seed, **settings)
    )
