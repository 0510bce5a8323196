"""Trees of TOML: read from a file, set by dotted keys, freed of what TOML cannot say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from evolve.errors import UsageError


def read(file: Path) -> dict[str, Any]:
    """Return what a TOML file holds. Raises UsageError for one that cannot be read or is no TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not TOML: {error}.") from None


def value_of(text: str) -> Any:
    """Return a text as a TOML value, or as it is where it is none."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def put(tree: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set a dotted key. Raises UsageError where a part of it is a value. where: what a person gave."""
    *parents, last = key.split(".")
    node = tree
    for depth, parent in enumerate(parents):
        below = node.setdefault(parent, {})
        if not isinstance(below, dict):
            raise UsageError(f"{where}: '{'.'.join(parents[: depth + 1])}' is a value, it has no keys of its own.")
        node = below
    node[last] = value


def without_none(tree: Any) -> Any:
    """Return a tree without keys that have no value: TOML has no word for it."""
    if isinstance(tree, list):
        return [without_none(value) for value in tree]
    if isinstance(tree, dict):
        return {key: without_none(value) for key, value in tree.items() if value is not None}
    return tree
