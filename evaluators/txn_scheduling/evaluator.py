"""The verifier of txn_scheduling: the makespan of the candidate's order, computed here from our own transactions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from evaluators.fresh_draws import drawn_afresh
from evaluators.orders import checked_order
from evaluators.txn_scheduling.feedback import explain
from evaluators.txn_scheduling.figures import bound_of, figures_of, stored, tells_enough
from evaluators.txn_scheduling.mechanics import schedule
from evaluators.txn_scheduling.picture import drawn
from evaluators.txn_scheduling.public_format import public_workloads, read_workloads, write_workloads
from evaluators.txn_scheduling.workload import RECIPES, Workload, drawn_workload, own_workload
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    relative_score,
)

PUBLISHED_WORST_TICKS, PUBLISHED_BEST_TICKS = 537.0, 95.1
"""The ends of the published scale, ticks over the three workloads: as given, and a bound of the benchmark's authors."""


class TxnScheduling(Evaluator):
    """Order conflicting transactions so that the last of them ends early."""

    name = "txn_scheduling"
    summary = "Order transactions that lock the same keys so that all of them are done early"
    defines = ("schedule",)
    limits = Limits(cpu_s=20.0, memory_mb=512, answer_mb=4)
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.PUBLIC)

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the workloads of a split; transactions are drawn when an instance is evaluated."""
        return _instances(split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw workloads that nobody has seen, as those of a split are drawn."""
        draw = functools.partial(drawn_workload, split)
        return drawn_afresh(split, seed, count, range(len(RECIPES[split])), draw, tells_enough)

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a JSON file of transactions, or a folder of them."""
        return read_workloads(path, "data")

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write one JSON file of transactions per workload."""
        return write_workloads(instances, folder)

    def kind_of(self, instance: Instance) -> str:
        """Return which family its transactions are of."""
        assert isinstance(instance, Workload)
        return "" if instance.recipe is None else instance.recipe.family

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for the order of one workload and score its makespan."""
        assert isinstance(instance, Workload)
        transactions = instance.transactions
        answer = candidate.call("schedule", list(transactions))
        placed = schedule(transactions, checked_order(answer, len(transactions), "transaction"))
        ticks = max(one.end for one in placed)
        figures = figures_of(instance)
        bound, why = bound_of(instance)
        score = relative_score(figures.naive, figures.reference, ticks) if figures.tells else None
        known = f"as given {figures.naive}, reference {figures.reference}, no order is below {bound}: {why}"
        metrics = {"makespan_ticks": ticks, "as_given_ticks": figures.naive, "bound_ticks": bound}
        return Outcome(score, metrics, explain(placed, known, figures.reference_did))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw the transactions and the keys they touch, by tick."""
        assert isinstance(instance, Workload)
        transactions = instance.transactions
        order = checked_order(candidate.call("schedule", list(transactions)), len(transactions), "transaction")
        reference = figures_of(instance).reference
        return drawn(instance.id, transactions, schedule(transactions, order), reference)

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the mean of every metric; on the three public workloads also their sum and the published score."""
        metrics = super().summarise(split, outcomes)
        as_given = sum(outcome.metrics["as_given_ticks"] for outcome in outcomes)
        if split is Split.PUBLIC and len(outcomes) == 3 and as_given == PUBLISHED_WORST_TICKS:
            total = sum(outcome.metrics["makespan_ticks"] for outcome in outcomes)
            metrics |= {"total_makespan_ticks": total, "adrs_score": adrs_score(total)}
        return metrics


def adrs_score(total_ticks: float) -> float:
    """Return the published score of a makespan summed over the three workloads, 0 to 100."""
    share = (PUBLISHED_WORST_TICKS - total_ticks) / (PUBLISHED_WORST_TICKS - PUBLISHED_BEST_TICKS)
    return 100.0 * min(max(share, 0.0), 1.0)


@functools.cache
def _instances(split: Split) -> tuple[Workload, ...]:
    if split is Split.PUBLIC:
        return public_workloads()
    return tuple(own_workload(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
