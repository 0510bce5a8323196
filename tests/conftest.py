"""Pytest puts the folder of a conftest.py on the import path, so that every test finds `model_server`."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Runs of tests are remembered in a folder of the tests' own, not among the user's."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
