"""The keys of the configuration, and a run's whole configuration as its config.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo
from rich.console import Console

from evolve import config as configuration
from evolve.report.tables import plain_table
from evolve.safe_text import toml

if TYPE_CHECKING:
    from evolve.config import RunConfig
    from evolve.registry import Problem

ROOM_FOR_TEXT = 30


def config_document(fields: Mapping[str, FieldInfo]) -> list[dict[str, Any]]:
    """Return every key with its default (None: there is none) and what it does."""
    return [
        {
            "key": key,
            "default": None if field.is_required() else field.get_default(call_default_factory=True),
            "description": field.description or "",
        }
        for key, field in fields.items()
    ]


def print_config(console: Console, facts: list[dict[str, Any]]) -> None:
    """Print them, a key a line where there is room for the text beside it."""
    defaults = {one["key"]: "" if one["default"] in (None, "", {}) else str(one["default"]) for one in facts}
    wide = max(map(len, defaults)) + max(map(len, defaults.values())) + 6
    table = plain_table()
    table.add_column("key", no_wrap=True)
    if console.width - wide >= ROOM_FOR_TEXT:
        table.add_column("default", no_wrap=True)
        table.add_column("what")
        for one in facts:
            table.add_row(one["key"], defaults[one["key"]], one["description"])
    else:
        table.add_column("what")
        for one in facts:
            default = defaults[one["key"]]
            table.add_row(one["key"], one["description"] + (f" (default: {default})" if default else ""))
    console.print(table)


def whole_config(config: RunConfig, problem: Problem) -> str:
    """Return a run's configuration as TOML, options of the evaluator that were left at their defaults included.

    TOML has no word for "no value": keys without one follow as a comment.
    """
    options = problem.evaluator.options.model_dump(mode="json", exclude_none=True)
    whole = config.model_copy(update={"evaluator": options | dict(config.evaluator)})
    searched = {f"search.{name}" for name in type(config.search).model_fields}
    # What other strategies take is no key of this run.
    keys = [key for key in configuration.known_fields() if not key.startswith("search.") or key in searched]
    unset = [key for key in keys if _value(whole, key) is None]
    note = "# Keys without a value (`evolve config` tells what they do): " + ", ".join(unset) + "\n" if unset else ""
    return note + toml(configuration.to_toml(whole))


def _value(config: RunConfig, key: str) -> Any:
    """Return what a dotted key is set to; of a key of the models, that of the first."""
    if key == "model.names":
        return [model.name for model in config.models]
    found: Any = config.models[0] if key.startswith("model.") else config
    for name in key.removeprefix("model.").split("."):
        found = getattr(found, name)
    return found
