"""Lets the tests of this folder import `tables`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep the figures of small tables out of the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
