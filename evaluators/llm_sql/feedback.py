"""The sentence that would help a person to improve an order: which column broke the prefix, and what that cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluators.llm_sql.table import Table

LONGEST_NAME = 22
"""Characters of a column's name."""


def explain(table: Table, row_order: np.ndarray, column_order: np.ndarray, shared: np.ndarray, known: str) -> str:
    """Describe where the rows stop sharing their prefix with others.

    shared: (n,) int64, characters that the row at each place shares with an earlier one in sorted order.
    known: other hit rates of the instance, for comparison.
    """
    characters = table.characters
    hits = int(shared.sum())
    if not characters:
        return "The table holds no character."
    lengths = np.take_along_axis(table.lengths[row_order], column_order, axis=1)
    ends = np.cumsum(lengths, axis=1)
    whole = ends[:, -1]
    facts = [
        f"{len(row_order)} rows, {len(table.columns)} columns: hit rate {hits / characters:.4f} ({known}), "
        f"{characters - hits} of {characters} characters missed"
    ]
    broken = np.flatnonzero(shared < whole)
    if not broken.size:
        return facts[0] + "."
    # The cell in which the shared prefix ends, and what lies behind that cell: lost because of where it stands.
    place = (ends[broken] <= shared[broken, None]).sum(axis=1)
    column = column_order[broken, place]
    count = len(table.columns)
    own = np.bincount(column, ends[broken, place] - shared[broken], count)
    behind = np.bincount(column, whole[broken] - ends[broken, place], count)
    times = np.bincount(column, minlength=count)
    total = own + behind
    facts.append(
        "prefix broken most in "
        + ", ".join(
            f"{named(table, c)} ({times[c]} rows, {total[c]:.0f} lost, {behind[c]:.0f} behind it)"
            for c in np.argsort(-total, kind="stable")[:2].tolist()
            if times[c]
        )
    )
    # Where a column starts in a row, and how much of its cell is shared: which column earns most.
    got = np.clip(shared[:, None] - (ends - lengths), 0, lengths)
    earned = np.bincount(column_order.ravel(), got.ravel(), count)
    held = table.lengths.sum(axis=0)
    best = int(earned.argmax())
    facts.append(f"best {named(table, best)}: {int(earned[best])} of its {int(held[best])} shared")
    repeated = table.repeated
    worst = int((repeated - earned).argmax())
    if repeated[worst] > earned[worst]:
        facts.append(
            f"worst {named(table, worst)}: {int(earned[worst])} shared of {int(repeated[worst])} that earlier rows have"
        )
    return "; ".join(facts) + "."


def beginnings(table: Table, columns: Any, places: int = 2) -> str:
    """Say with which columns rows begin most often, and how often: "'a' (98 %), 'b' (60 %)". columns: (n, columns)."""
    found = []
    for place in np.asarray(columns).T[:places]:
        counts = np.bincount(place, minlength=len(table.columns))
        most = int(counts.argmax())
        found.append(f"{named(table, most)} ({100 * counts[most] / len(place):.0f} %)")
    return ", ".join(found)


def named(table: Table, column: int) -> str:
    """Return the name of a column, cut where it is long."""
    name = table.columns[column]
    return repr(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "...")
