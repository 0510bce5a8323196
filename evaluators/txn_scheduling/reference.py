"""Compute the figures of the built-in instances: `python -m evaluators.txn_scheduling.reference` (about two minutes).

Run it when a recipe, the mechanics, the naive or the reference program changes. An own instance on which naive and
reference differ by less than 1 % of naive is redrawn; the file keeps how often.
"""

from __future__ import annotations

import json
from itertools import count

from evaluators.txn_scheduling.figures import STORED, Figures, compute, digest, programs_digest
from evaluators.txn_scheduling.public_format import public_workloads
from evaluators.txn_scheduling.workload import RECIPES, Workload, own_workload
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Workload, Figures]:
    """Return how many draws were refused, the first draw on which naive and reference differ enough, its figures."""
    for attempt in count():
        workload = own_workload(split, index, attempt)
        found = compute(workload.transactions)
        if found.tells:
            return attempt, workload, found
    raise AssertionError("count() ended")


def main() -> None:
    """Write reference.json."""
    attempts: dict[str, list[int]] = {}
    known: list[tuple[Workload, Figures]] = []
    for split, recipes in RECIPES.items():
        drawn = [accepted(split, index) for index in range(len(recipes))]
        attempts[split.value] = [attempt for attempt, _, _ in drawn]
        known += [(workload, found) for _, workload, found in drawn]
        print(f"{split.value}: {len(drawn)} instances, redrawn {attempts[split.value]}", flush=True)
    known += [(workload, compute(workload.transactions)) for workload in public_workloads()]
    rows = []
    for workload, found in known:
        row = {"digest": digest(workload.transactions), "naive": found.naive, "reference": found.reference}
        rows.append(f"  {json.dumps(workload.id)}: {json.dumps(row)}")
    head = f'{{"programs": {json.dumps(programs_digest())},\n"attempts": {json.dumps(attempts)},\n"instances": {{\n'
    STORED.write_text(head + ",\n".join(rows) + "\n}}\n", encoding="utf-8")
    print(f"wrote {STORED.name}: {len(rows)} instances")


if __name__ == "__main__":
    main()
