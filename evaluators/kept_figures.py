"""Figures that belong to a user's own data files: computed on first use, then kept in the user's cache folder."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


def folder_of(domain: str) -> Path:
    """Return the folder of a domain's figures: under $XDG_CACHE_HOME, else ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # a user without a home: nothing is kept
        base = Path(os.devnull)
    return base / "evolve" / domain


def recall(domain: str, key: str) -> dict[str, Any] | None:
    """Return what was kept under a key, or None: nothing was, or it cannot be read."""
    try:
        facts = json.loads((folder_of(domain) / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def keep(domain: str, key: str, facts: dict[str, Any]) -> None:
    """Keep facts under a key, where the folder can be written; else they are computed again next time."""
    folder = folder_of(domain)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: several workers may compute the same figure at once.
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8") as file:
            json.dump(facts, file)
        Path(file.name).replace(folder / f"{key}.json")
    except OSError as error:
        _log.info("%s: %s is not writable (%s): the figure is computed again next time", domain, folder, error)
