"""What racing saves and what it costs: children of real runs without racing, raced again from their archived scores.

Run: python tests/benchmarks/racing.py [PROBLEM ...] [--evaluations 300] [--seed 0]
or:  python tests/benchmarks/racing.py --runs FOLDER ...   (of runs made with --set racing.enabled=false)

Every child of such a run has its score and CPU time on every instance, so that it is known what a child that a race
would have stopped would have come to: nothing is estimated. Each child meets the bar that its choice would have named.
A child is bad when it scores less than its bar, and clearly so when by more than 5 points. Wrongly stopped is a child
that is stopped and scores more than its bar: it would have been an elite. Of those there are few in one run, hence the
last column: the same rule on pairs of programs drawn from the run at random, of which the first is the better one.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evolve.archive import Role, Store
from evolve.config import RacingConfig, from_text
from evolve.evaluator import Split
from evolve.racing import RaceOrder, make_race
from evolve.registry import load_problem
from evolve.scoring import InstanceResult, Status
from evolve.search import make_strategy
from evolve.trial import Trial

CLEAR_POINTS = 5.0
PAIRS = 3000

Scores = tuple[float, ...]


@dataclass(frozen=True)
class Raced:
    """A child that has a bar. stopped: after how many instances; all of them when it is not.  best: score so far."""

    ahead: float
    score: float
    best: float
    cpu_s: tuple[float, ...]
    stopped: int

    @property
    def saved_s(self) -> float:
        """CPU seconds of the instances that are left out."""
        return sum(self.cpu_s[self.stopped :])


def stop_after(scores: Scores, bar: Scores, racing: RacingConfig, is_timed: bool) -> int:
    """Return after how many instances a program is stopped."""
    race = make_race(bar, racing, is_timed)
    lost = (k for k in range(1, len(scores)) if race is not None and race.is_lost(scores[:k]))
    return next(lost, len(scores))


def mean(scores: Sequence[float]) -> float:
    """Return the mean."""
    return sum(scores) / len(scores)


def read(folder: Path, racing: RacingConfig) -> tuple[str, int, list[Raced], list[Scores], bool]:
    """Return a run's problem, instances, children with a bar, scores of all sound programs, whether it is timed."""
    with Store.open(folder) as store:
        config, history = from_text(store.config()), list(store.history())
        sound = [p.id for p in store.programs() if p.status is Status.OK and p.role is not Role.BASELINE]
        results = {id: store.evaluations(id, Split.TRAIN) for id in sound}
    if config.racing.enabled:
        raise SystemExit(f"{folder} was run with racing: whatever it stopped has no score. Run it without.")
    problem = load_problem(config.problem, config.evaluator)
    is_timed = "score" in problem.evaluator.timed_metrics
    scores = {id: _scores(results[id], range(len(results[id]))) for id in results}
    order = RaceOrder(len(scores[0]))
    strategy, best = make_strategy(config.search.strategy, config.search.options), float("-inf")
    raced = []
    for selection in history:
        if isinstance(selection, Trial):
            strategy.tell(selection)
            best = max(best, selection.score if selection.score is not None else best)
            if selection.score is not None:
                order.tell(selection.scores)
            continue
        bar = strategy.ask(random.Random(f"{config.seed}/ask/{selection.step}")).bar
        if bar is None or selection.step not in scores:
            continue
        own, against = (_scores(results[id], order.current) for id in (selection.step, bar))
        stopped = stop_after(own, against, racing, is_timed)
        cpu_s = tuple(results[selection.step][place].cpu_s for place in order.current)
        raced.append(Raced(mean(own) - mean(against), mean(own), best, cpu_s, stopped))
    all_raced = [_scores(of, order.current) for of in results.values()]
    return problem.evaluator.name, len(scores[0]), raced, all_raced, is_timed


def _scores(results: Sequence[InstanceResult], order: Iterable[int]) -> Scores:
    return tuple(score for place in order if (score := results[place].score) is not None)


def share_saved(raced: Sequence[Raced]) -> str:
    """Return the CPU time that is saved on some children, in percent of what they took."""
    spent = sum(sum(one.cpu_s) for one in raced)
    return "-" if spent == 0 else f"{100 * sum(one.saved_s for one in raced) / spent:.0f} %"


def wrong_pairs(scores: Sequence[Scores], racing: RacingConfig, is_timed: bool) -> str:
    """Return how many pairs were drawn, and in what share of them the better program is stopped."""
    rng = random.Random(0)
    pairs = [sorted(rng.sample(scores, 2), key=mean) for _ in range(PAIRS)]
    unequal = [(better, worse) for worse, better in pairs if mean(better) > mean(worse)]
    wrong = sum(stop_after(better, worse, racing, is_timed) < len(better) for better, worse in unequal)
    return f"{wrong} of {len(unequal)} ({100 * wrong / max(1, len(unequal)):.1f} %)"


def main() -> None:
    """Make the runs where none are given, race their children, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("problems", nargs="*", default=["spot_single", "txn_scheduling", "cloudcast"])
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, nargs="+", default=[])
    parser.add_argument("--standard-errors", type=float, default=RacingConfig().standard_errors)
    parser.add_argument("--min-instances", type=int, default=RacingConfig().min_instances)
    asked = parser.parse_args()
    racing = RacingConfig(standard_errors=asked.standard_errors, min_instances=asked.min_instances)
    table = Table(
        title=f"racing: {racing.standard_errors:g} standard errors, at least {racing.min_instances} instances"
    )
    table.add_column("problem", no_wrap=True)
    for column in ("instances", "with a bar", "bad", "saved on bad", "clearly bad"):
        table.add_column(column, justify="right")
    for column in ("saved on those", "saved on all", "wrongly stopped", "points lost", "best stopped", "wrong pairs"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as scratch:
        for folder in asked.runs or [Path(scratch) / name for name in asked.problems]:
            if not asked.runs:
                command = [sys.executable, "-m", "evolve", "run", folder.name, "--run", str(folder), "--deterministic"]
                command += ["--evaluations", str(asked.evaluations), "--seed", str(asked.seed)]
                subprocess.run([*command, "--set", "racing.enabled=false"], check=True, stdout=subprocess.DEVNULL)
            name, instances, raced, scores, is_timed = read(folder, racing)
            bad = [one for one in raced if one.ahead < 0]
            clear = [one for one in bad if one.ahead < -CLEAR_POINTS]
            wrong = [one for one in raced if one.ahead > 0 and one.stopped < instances]
            table.add_row(
                name,
                str(instances),
                str(len(raced)),
                str(len(bad)),
                share_saved(bad),
                str(len(clear)),
                share_saved(clear),
                share_saved(raced),
                str(len(wrong)),
                f"{max((one.ahead for one in wrong), default=0.0):.2f}",
                str(sum(one.score > one.best for one in wrong)),
                wrong_pairs(scores, racing, is_timed),
            )
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
