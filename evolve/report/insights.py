"""What a run has learnt, as it was written down on the way."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from evolve.archive import Store
from evolve.safe_text import one_line, visible


def insights_document(store: Store) -> list[dict[str, Any]]:
    """Return the insights in the order in which they were written down, those left out in which nothing is said."""
    return [
        {"step": s.step, "by": s.mutator, "programs": list(s.inspirations), "line": line, "detail": detail}
        for s, line, detail in store.insights()
        if line
    ]


def print_insights(console: Console, insights: list[dict[str, Any]]) -> None:
    """Print them, each with the programs that it is about."""
    if not insights:
        console.print("Nothing is written down yet: an insight follows after every few improvements.")
    for one in insights:
        about = ", ".join(str(id) for id in one["programs"])
        who = "a rule" if one["by"] == "builtin" else one_line(one["by"])
        console.print(Text.assemble((f"step {one['step']}", "bold"), f" by {who}, on programs {about}"), soft_wrap=True)
        console.print("  " + one_line(one["line"]), soft_wrap=True)
        for line in visible(one["detail"]).splitlines():
            console.print(Text("    " + line, style="dim"), soft_wrap=True)
