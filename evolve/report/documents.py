"""Facts as JSON: one document, and no number that JSON does not have."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any


def to_json(facts: Any) -> str:
    """Return a JSON text of nested facts: dataclasses become objects, NaN and infinities become null."""
    return json.dumps(plain(facts), indent=2, allow_nan=False)


def to_json_line(facts: Any) -> str:
    """Return the same in one line."""
    return json.dumps(plain(facts), separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """Return nested facts as what JSON knows: dict, list, str, int, finite float, bool, None."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no form in JSON: {value!r:.80}")
