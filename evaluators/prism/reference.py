"""Compute the figures of the built-in cases: `python -m evaluators.prism.reference` (some ten seconds).

Run it when a recipe, the naive or the reference program changes. The file keeps how often a case was redrawn.
"""

from __future__ import annotations

import json
from itertools import count

from evaluators.prism.figures import STORED, compute, digest, programs_digest
from evaluators.prism.pressure import GPU_GB, pressure_bound
from evaluators.prism.public_format import public_cases
from evaluators.prism.workload import RECIPES, Case, own_case
from evolve.evaluator import Split

MOST_NAIVE = 6.0
"""A case is redrawn when naive is at more than so many times the bound: it has all but filled some GPU, and then any
other placement looks as good as the reference."""
LEAST_OVER_HOTTEST = 1.001
"""A case is redrawn when the reference is at less than so many times the pressure of the hottest model on a GPU of its
own: nothing is left to decide."""


def tells(case: Case) -> bool:
    """Return whether a drawn case tells programs apart."""
    found = compute(case.num_gpus, case.models)
    if not found.tells or found.naive is None or found.reference is None:
        return False
    hottest = max(m.rate / m.slo / (GPU_GB - m.size_gb) for m in case.models)
    return (
        found.naive <= MOST_NAIVE * pressure_bound(case.models, case.num_gpus)
        and found.reference >= LEAST_OVER_HOTTEST * hottest
    )


def accepted(split: Split, index: int) -> tuple[int, Case]:
    """Return the first draw of an own case that tells programs apart, and how many came before it."""
    for attempt in count():
        case = own_case(split, index, attempt)
        if tells(case):
            return attempt, case
    raise AssertionError("count() ended")


def main() -> None:
    """Write reference.json."""
    attempts: dict[str, list[int]] = {}
    cases: list[Case] = []
    for split, recipes in RECIPES.items():
        drawn = [accepted(split, index) for index in range(len(recipes))]
        attempts[split.value] = [attempt for attempt, _ in drawn]
        cases += [case for _, case in drawn]
        print(f"{split.value}: {len(drawn)} cases, redrawn {attempts[split.value]}", flush=True)
    cases += public_cases()
    rows = []
    for case in cases:
        found = compute(case.num_gpus, case.models)
        row = {"digest": digest(case), "naive": found.naive, "reference": found.reference}
        rows.append(f"  {json.dumps(case.id)}: {json.dumps(row)}")
    head = f'{{"programs": {json.dumps(programs_digest())},\n"attempts": {json.dumps(attempts)},\n"cases": {{\n'
    STORED.write_text(head + ",\n".join(rows) + "\n}}\n", encoding="utf-8")
    print(f"wrote {STORED.name}: {len(rows)} cases")


if __name__ == "__main__":
    main()
