"""Where what evolve keeps for a user lies, outside of his runs."""

from __future__ import annotations

import os
from pathlib import Path


def user_state() -> Path:
    """Return $XDG_STATE_HOME/evolve, which may not be there yet. Raises RuntimeError for a user without a home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state) if state.startswith("/") else Path.home() / ".local" / "state") / "evolve"
