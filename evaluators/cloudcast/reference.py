"""Compute the figures of the built-in broadcasts: `python -m evaluators.cloudcast.reference` (about a minute).

Run it when a recipe, the mechanics, the naive or the reference program changes. The file keeps how often a broadcast
was redrawn.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import count

from evaluators.cloudcast.figures import STORED, Figures, compute, digest, programs_digest
from evaluators.cloudcast.public_format import public_broadcasts
from evaluators.cloudcast.transfer import Broadcast
from evaluators.cloudcast.workload import RECIPES, own_broadcast
from evolve.evaluator import Split


def accepted(split: Split, index: int) -> tuple[int, Broadcast, Figures]:
    """Return the first draw of an own broadcast that tells programs apart, how many came before it, and its figures."""
    for attempt in count():
        broadcast = own_broadcast(split, index, attempt)
        found = compute(broadcast)
        if found.tells:
            return attempt, broadcast, found
    raise AssertionError("count() ended")


def main() -> None:
    """Write reference.json."""
    attempts: dict[str, list[int]] = {}
    rows: list[tuple[Broadcast, Figures]] = []
    for split, recipe in RECIPES.items():
        drawn = [accepted(split, index) for index in range(recipe.count)]
        attempts[split.value] = [attempt for attempt, _, _ in drawn]
        rows += [(broadcast, found) for _, broadcast, found in drawn]
        print(f"{split.value}: {len(drawn)} broadcasts, redrawn {attempts[split.value]}", flush=True)
    rows += [(broadcast, compute(broadcast)) for broadcast in public_broadcasts()]
    lines = [f"  {json.dumps(b.id)}: {json.dumps({'digest': digest(b), **asdict(found)})}" for b, found in rows]
    head = f'{{"programs": {json.dumps(programs_digest())},\n"attempts": {json.dumps(attempts)},\n"broadcasts": {{\n'
    STORED.write_text(head + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
    print(f"wrote {STORED.name}: {len(lines)} broadcasts")


if __name__ == "__main__":
    main()
