"""Compute the figures of the built-in instances: `python -m evaluators.llm_sql.reference` (about a minute).

Run it when a recipe, a family of tables, the naive or the reference program or the bound changes. An instance on which
naive and reference differ by less than 1 % of naive's x is redrawn; the file keeps how often.
"""

from __future__ import annotations

import json
from itertools import count

from evaluators.llm_sql.figures import STORED, Figures, compute, programs_digest
from evaluators.llm_sql.workload import RECIPES, TableInstance, own_instance
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, TableInstance, Figures]:
    """Return how many draws were refused, the first draw on which naive and reference differ enough, its figures."""
    for attempt in count():
        instance = own_instance(split, index, attempt)
        found = compute(instance.table)
        if found.tells:
            return attempt, instance, found
    raise AssertionError("count() ended")


def main() -> None:
    """Write reference.json."""
    attempts: dict[str, list[int]] = {}
    rows = []
    for split, recipes in RECIPES.items():
        attempts[split.value] = []
        for index in range(len(recipes)):
            refused, instance, found = accepted(split, index)
            attempts[split.value].append(refused)
            row = {
                "digest": instance.table.digest,
                "naive": found.naive,
                "reference": found.reference,
                "bound": found.bound,
            }
            rows.append(f"  {json.dumps(instance.id)}: {json.dumps(row)}")
            print(
                f"{instance.id}: naive {found.naive:.4f}, reference {found.reference:.4f}, bound {found.bound:.4f}, "
                f"redrawn {refused} times",
                flush=True,
            )
    head = f'{{"programs": {json.dumps(programs_digest())},\n"attempts": {json.dumps(attempts)},\n"instances": {{\n'
    STORED.write_text(head + ",\n".join(rows) + "\n}}\n", encoding="utf-8")
    print(f"wrote {STORED.name}: {len(rows)} instances")


if __name__ == "__main__":
    main()
