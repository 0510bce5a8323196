"""What one run of a contest came to: its curve over the budget, and its winner's scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evolve.archive import Store, Trial
from evolve.contest.plan import Cell
from evolve.evaluator import Split
from evolve.scoring import Status

POINTS = 100
"""Into how many equal parts of the budget a curve is cut."""


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        curve: POINTS + 1 values: the best train score when 0, 1, 2 ... hundredths of the budget were used.
        area: mean of the curve without its first point: the area under it, as a height.
        train, validation, test: of the winner; None where it has no score there.
        seed_test: of the program that the run began with.
        cpu_s: CPU seconds of all programs on train.
        outrun: evaluations that were stopped early.
    """

    problem: str
    arm: str
    seed: int
    folder: Path
    evaluations: int
    calls: int
    cost_usd: float
    curve: tuple[float, ...]
    area: float
    train: float | None
    validation: float | None
    test: float | None
    seed_test: float | None
    winner: int
    outrun: int
    cpu_s: float


def read_result(cell: Cell, unit: str, budget: float) -> Result:
    """Read a finished run. unit, budget: as of `Contest`."""
    with Store.open(cell.folder) as store:
        summary, best = store.summary(), store.best()
        assert best is not None  # it is finished
        splits = {(f.program_id, f.split): f.score for f in summary.splits}
        seed = store.program(0)
        assert seed is not None and seed.score is not None
        trials = store.trials()
        curve = _curve(seed.score, list(_used(trials, unit, budget)))
        return Result(
            problem=cell.problem,
            arm=cell.arm.label,
            seed=cell.seed,
            folder=cell.folder,
            evaluations=summary.evaluations,
            calls=summary.calls.calls,
            cost_usd=summary.calls.cost_usd,
            curve=curve,
            area=sum(curve[1:]) / POINTS,
            train=best.score,
            validation=splits.get((best.id, Split.VALIDATION)),
            test=splits.get((best.id, Split.TEST)),
            seed_test=splits.get((0, Split.TEST)),
            winner=best.id,
            outrun=summary.statuses.get(Status.OUTRUN, 0),
            cpu_s=sum(trial.cpu_s for trial in trials),
        )


def _used(trials: list[Trial], unit: str, budget: float) -> Iterator[tuple[float, float]]:
    """Yield (share of the budget used, score) of every step that has a score."""
    used = 0.0
    for trial in trials:
        if unit == "evaluations":
            used += trial.is_program
        elif unit == "calls":
            used += trial.called
        else:
            used += trial.cost_usd or 0.0
        if trial.score is not None:
            yield used / budget, trial.score


def _curve(start: float, found: list[tuple[float, float]]) -> tuple[float, ...]:
    best, curve, place = start, [], 0
    for point in range(POINTS + 1):
        while place < len(found) and found[place][0] <= point / POINTS + 1e-9:
            best = max(best, found[place][1])
            place += 1
        curve.append(best)
    return tuple(curve)
