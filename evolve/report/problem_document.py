"""A problem as a person meets it before a run: statement, options, splits, limits, baselines, files."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Console
from rich.text import Text

from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Split
from evolve.registry import Problem
from evolve.report.tables import facts_table, plain_table
from evolve.safe_text import one_line, visible


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return the facts of `evolve list PROBLEM`."""
    evaluator = problem.evaluator
    return {
        "name": evaluator.name,
        "summary": evaluator.summary,
        "folder": problem.folder,
        "defines": evaluator.defines,
        "libraries": evaluator.libraries,
        "timed_metrics": evaluator.timed_metrics,
        "splits": {split.value: _size(problem, split) for split in Split},
        "options": [
            {
                "key": f"evaluator.{name}",
                "default": field.get_default(call_default_factory=True),
                "type": str(getattr(field.annotation, "__name__", field.annotation)),
                "description": field.description or "",
            }
            for name, field in type(evaluator.options).model_fields.items()
        ],
        "limits": dataclasses.asdict(evaluator.limits),
        "baselines": list(problem.baselines),
        "reads_files": _own_words(evaluator, "load"),
        "writes_files": _own_words(evaluator, "write"),
        "draws_fresh_instances": type(evaluator).fresh is not Evaluator.fresh,
        "statement": problem.statement,
    }


def _size(problem: Problem, split: Split) -> int | None:
    """Return how many instances a split has; None where it has none without files of `--data`."""
    try:
        return len(problem.instances(split))
    except UsageError:
        return None


def _own_words(evaluator: Evaluator, method: str) -> str | None:
    """Return the first sentence of what an evaluator says of its file format; None when it has none."""
    own = getattr(type(evaluator), method)
    if own is getattr(Evaluator, method):
        return None
    return one_line((own.__doc__ or "yes").split("\n\n")[0])


def print_problem(console: Console, facts: dict[str, Any]) -> None:
    """Print them, the statement last."""
    console.print(Text.assemble((one_line(facts["name"]), "bold"), f"  {one_line(facts['summary'])}"))
    sizes = {name: "with --data" if size is None else str(size) for name, size in facts["splits"].items()}
    name = facts["name"]
    rows = {
        "folder": str(facts["folder"]),
        "a program defines": ", ".join(facts["defines"]),
        "may import": ", ".join(["the standard library", "numpy", *facts["libraries"]]),
        "instances": ", ".join(f"{split} {size}" for split, size in sizes.items()),
        "limits": ", ".join(f"{key} {value:g}" for key, value in facts["limits"].items() if _is_figure(value)),
        "baselines": ", ".join(facts["baselines"]) or "none",
        "reads files": facts["reads_files"] or "no",
        "writes files": facts["writes_files"] or "no",
        "fresh instances": f"evolve score {name} PROGRAM.py --fresh N" if facts["draws_fresh_instances"] else "no",
    }
    if facts["timed_metrics"]:
        rows["measured time in"] = ", ".join(facts["timed_metrics"])
    console.print(facts_table(rows))
    if facts["options"]:
        table = plain_table("Options: --set KEY=VALUE")
        table.add_column("key", no_wrap=True)
        table.add_column("default", overflow="fold")
        table.add_column("what", overflow="fold")
        for option in facts["options"]:
            table.add_row(one_line(option["key"]), one_line(str(option["default"])), one_line(option["description"]))
        console.print()
        console.print(table)
    console.print(Text("Statement, as the model reads it", style="bold"))
    console.print(visible(facts["statement"]).rstrip(), soft_wrap=True)


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
