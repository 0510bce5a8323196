"""Compute the figures of the built-in cases: `python -m evaluators.llm_routing.reference` (half a minute).

Run it when a recipe, the engines, the gateway, the naive or the reference program changes. An own case on which naive
and reference differ by less than 1 % of naive is redrawn; the file keeps how often.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import count

from evaluators.llm_routing.cluster import Case
from evaluators.llm_routing.figures import STORED, Figures, compute, digest
from evaluators.llm_routing.public_format import public_cases
from evaluators.llm_routing.workload import RECIPES, own_case
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Case, Figures]:
    """Return the first draw of an own case that tells programs apart, how many came before it, and its figures."""
    for attempt in count():
        case = own_case(split, index, attempt)
        found = compute(case)
        if found.tells:
            return attempt, case, found
    raise AssertionError("count() ended")


def main() -> None:
    """Write reference.json."""
    attempts: dict[str, list[int]] = {}
    rows: list[tuple[Case, Figures]] = []
    for split, recipe in RECIPES.items():
        drawn = [accepted(split, index) for index in range(recipe.count)]
        attempts[split.value] = [attempt for attempt, _, _ in drawn]
        rows += [(case, found) for _, case, found in drawn]
        print(f"{split.value}: {len(drawn)} cases, redrawn {attempts[split.value]}", flush=True)
    rows += [(case, compute(case)) for case in public_cases()]
    lines = [f"  {json.dumps(c.id)}: {json.dumps({'digest': digest(c), **asdict(found)})}" for c, found in rows]
    STORED.write_text(
        f'{{"attempts": {json.dumps(attempts)},\n"cases": {{\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8"
    )
    print(f"wrote {STORED.name}: {len(lines)} cases")


if __name__ == "__main__":
    main()
