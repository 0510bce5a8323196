"""Compute the figures of the built-in windows: `python -m evaluators.spot_single.reference` (about a minute).

Run it when a recipe, the mechanics, the optimum or the naive baseline changes. An own window with a run on which naive
and optimum differ by less than 1 % of naive, under either set of rules, is redrawn; the file keeps how often.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any, get_args

from evaluators.spot_single.figures import STORED, Figures, compute, digest
from evaluators.spot_single.mechanics import Rules, Window
from evaluators.spot_single.workload import RECIPES, own_window, public_instances
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Window]:
    """Return the first draw of an own window on which every run tells policies apart, and how many came before it."""
    for attempt in count():
        window = own_window(split, index, attempt)
        if all(compute(window, rules).tells(run) for rules in get_args(Rules) for run in range(len(window.runs))):
            return attempt, window
    raise AssertionError("count() ended")


def _entry(window: Window, figures: dict[str, Figures]) -> dict[str, Any]:
    return {"digest": digest(window)} | {
        rules: {"naive_usd": list(f.naive_usd), "optimum_usd": list(f.optimum_usd)} for rules, f in figures.items()
    }


def main() -> None:
    """Write reference.json."""
    attempts: dict[str, list[int]] = {}
    entries: dict[str, dict[str, Any]] = {}
    for split, recipe in RECIPES.items():
        attempts[split.value] = []
        for index in range(recipe.count):
            attempt, window = accepted(split, index)
            attempts[split.value].append(attempt)
            entries[window.id] = _entry(window, {rules: compute(window, rules) for rules in get_args(Rules)})
        print(f"{split.value}: {recipe.count} windows, redrawn {attempts[split.value]}", flush=True)
    public = public_instances()
    for window in public:
        entries[window.id] = _entry(window, {"public": compute(window, "public")})
    print(f"public: {len(public)} windows", flush=True)
    lines = ",\n".join(f"  {json.dumps(id_)}: {json.dumps(entry)}" for id_, entry in entries.items())
    STORED.write_text(f'{{"attempts": {json.dumps(attempts)},\n"windows": {{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
