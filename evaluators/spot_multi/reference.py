"""Compute the figures of the built-in windows: `python -m evaluators.spot_multi.reference` (about a minute).

Run it when a recipe, the mechanics, the optimum or the naive baseline changes. An own window on which naive and
optimum differ by less than 1 % of naive, under either set of rules, is redrawn; the file keeps how often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import count
from typing import Any, get_args

from evaluators.spot_multi.figures import STORED, Figures, compute, digest
from evaluators.spot_multi.mechanics import Rules
from evaluators.spot_multi.public_windows import public_instances
from evaluators.spot_multi.window import Window
from evaluators.spot_multi.workload import RECIPES, own_window
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Window, dict[str, Figures]]:
    """Return the first draw of an own window that tells policies apart, its figures, how many draws came before it."""
    for attempt in count():
        window = own_window(split, index, attempt)
        figures = {rules: compute(window, rules) for rules in get_args(Rules)}
        if all(f.tells for f in figures.values()):
            return attempt, window, figures
    raise AssertionError("count() ended")


def _row(window: Window, figures: Mapping[str, Figures]) -> dict[str, Any]:
    return {"digest": digest(window)} | {rules: asdict(f) for rules, f in figures.items()}


def main() -> None:
    """Write reference.json."""
    attempts: dict[str, list[int]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for split, recipe in RECIPES.items():
        attempts[split.value] = []
        for index in range(recipe.count):
            attempt, window, figures = accepted(split, index)
            attempts[split.value].append(attempt)
            rows[window.id] = _row(window, figures)
        print(f"{split.value}: {recipe.count} windows, redrawn {attempts[split.value]}", flush=True)
    public = public_instances()
    for window in public:
        rows[window.id] = _row(window, {"public": compute(window, "public")})
    print(f"public: {len(public)} windows", flush=True)
    lines = ",\n".join(f"  {json.dumps(id_)}: {json.dumps(row)}" for id_, row in rows.items())
    STORED.write_text(f'{{"attempts": {json.dumps(attempts)},\n"windows": {{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
