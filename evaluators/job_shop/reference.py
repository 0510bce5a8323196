"""Compute the figures of the built-in shops: `python -m evaluators.job_shop.reference [KIND ...]` (some minutes).

Run it when a recipe, the mechanics, a rule or the search changes. The files keep how often a shop was redrawn.
`blocking_public` solves the public shops of the kind blocking anew, a minute each, with ortools.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from evaluators.job_shop.dispatching import dispatched
from evaluators.job_shop.figures import Figures, compute, digest, file_of, programs_digest, worth_drawing
from evaluators.job_shop.public_sets import BLOCKING, DATA, public_shop, public_shops
from evaluators.job_shop.shop import KINDS, Kind, Shop, ShopInstance
from evaluators.job_shop.workload import RECIPES, own_instance
from evaluators.reference_file import first_that_tells, write_reference
from evolve.evaluator import Split

SOLVER_S = 60.0


def accepted(split: Split, index: int, kind: Kind = "jsp") -> tuple[int, ShopInstance, Figures]:
    """Return how many draws were refused, the first draw that tells programs apart, and its figures."""
    return first_that_tells(
        lambda attempt: own_instance(kind, split, index, attempt), compute, lambda _, found: worth_drawing(kind, found)
    )


def public(kind: Kind) -> Iterator[tuple[ShopInstance, Figures]]:
    """Yield all public shops of a kind with their figures."""
    if kind != "dynamic":
        for instance in public_shops(kind, "all"):
            yield instance, compute(instance)


def main(kind: Kind = "jsp", file: Path | None = None) -> None:
    """Write the figures of a kind. file: where, if not where they are read from."""
    write_reference(
        file or file_of(kind),
        "shops",
        {split: len(recipes) for split, recipes in RECIPES[kind].items()},
        lambda split, index: accepted(split, index, kind),
        digest,
        public=public(kind),
        programs=programs_digest(kind),
    )


def solved(shop: Shop, blocking: bool, most_ticks: int, seconds: float = SOLVER_S) -> tuple[int, int]:
    """Return (lower bound, makespan) that CP-SAT finds with one worker; equal where it is proved.

    Model: an optional interval for each operation on each machine that can do it, no two of a machine overlap.
    blocking: the interval lasts until the job's next operation starts; its length is free.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    end = model.new_int_var(0, most_ticks, "")
    on: list[list[cp_model.IntervalVar]] = [[] for _ in range(shop.machines)]
    for job in shop.jobs:
        before = None
        for number, op in enumerate(job.ops):
            start, stop, leave = (model.new_int_var(0, most_ticks, "") for _ in range(3))
            length, stay = model.new_int_var(0, most_ticks, ""), model.new_int_var(0, most_ticks, "")
            chosen = [model.new_bool_var("") for _ in op]
            model.add_exactly_one(chosen)
            model.add(stop == start + length)
            model.add(leave == start + stay)
            model.add(leave >= stop)
            if not blocking or number == len(job.ops) - 1:
                model.add(leave == stop)
            for (machine, ticks), here in zip(op, chosen, strict=True):
                model.add(length == ticks).only_enforce_if(here)
                on[machine].append(model.new_optional_interval_var(start, stay, leave, here, ""))
            if before is not None:
                model.add(start == before) if blocking else model.add(start >= before)
            before = leave
        model.add(end >= before)
    for intervals in on:
        model.add_no_overlap(intervals)
    model.minimize(end)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return 0, most_ticks
    return round(solver.best_objective_bound), round(solver.objective_value)


def blocking_public() -> None:
    """Write data/blocking.csv."""
    with (DATA / "blocking.csv").open("w", encoding="ascii", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["instance", "lower_bound", "upper_bound"])
        for name in BLOCKING:
            shop = public_shop(name, flexible=False)
            known = dispatched(shop, True, lambda floor, options: 0).makespan_ticks
            found = solved(shop, True, known)
            print(name, found, flush=True)
            rows.writerow([name, *found])


if __name__ == "__main__":
    for asked in sys.argv[1:] or KINDS:
        blocking_public() if asked == "blocking_public" else main(asked)  # type: ignore[arg-type]
