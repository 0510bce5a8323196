"""What came of a replay, for a person and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from evolve.archive import Difference, Store
from evolve.safe_text import one_line
from evolve.words import counted

if TYPE_CHECKING:
    from rich.console import Console


def replay_document(
    recorded: Store, replayed: Store, found: Sequence[Difference], fresh: bool, came_apart: str
) -> dict[str, Any]:
    """Return the facts of a replay. fresh: programs were evaluated again.  came_apart: why it ended early, or empty."""
    summary = recorded.summary()
    return {
        "run": recorded.folder.resolve(),
        "replay": replayed.folder.resolve(),
        "same": not found and not came_apart,
        "steps": summary.steps,
        "programs": summary.evaluations,
        "model_calls": summary.calls.calls,
        "scores": "evaluated again" if fresh else "as recorded",
        "came_apart": came_apart,
        "differences": [{"what": one.what, "recorded": one.recorded, "replayed": one.replayed} for one in found],
    }


def discovery_document(ref: str, replayed: Store, found: Sequence[Difference]) -> dict[str, Any]:
    """Return the facts of a replay of a discovery's record."""
    return {**replay_document(replayed, replayed, found, True, ""), "run": ref}


def print_replay(console: Console, facts: dict[str, Any], most: int) -> None:
    """Print it, with the first `most` differences."""
    what = (
        f"{counted(facts['steps'], 'step')}, {counted(facts['programs'], 'program')}, "
        f"{counted(facts['model_calls'], 'answer')} from the record, "
        f"scores {facts['scores']}"
    )
    if facts["same"]:
        console.print(Text.assemble(("The replay is the run", "green"), f": {what}."), soft_wrap=True)
        return
    console.print(Text.assemble(("The replay is not the run", "red"), f": {what}."), soft_wrap=True)
    if facts["came_apart"]:
        console.print(one_line(facts["came_apart"]), soft_wrap=True)
    for one in facts["differences"][:most]:
        line = f"  {one['what']}: recorded {one['recorded']!r:.200}, replayed {one['replayed']!r:.200}"
        console.print(line, soft_wrap=True)
    if len(facts["differences"]) > most:
        console.print(f"  ... and {len(facts['differences']) - most} more (--json has them all)")
