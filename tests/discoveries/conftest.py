"""A problem with one discovery, made of a run by the command."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve
from loop_parts import HashModel, QuickPool, configured

from evolve import loop
from evolve.registry import load_problem

FINISHED = 8


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Have the trivial problem scored in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("evolve.loop.session", "evolve.measure"):
            patch.setattr(f"{module}.make_pool", lambda *_: QuickPool())
        yield


@pytest.fixture(scope="session")
def made(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a problem with a discovery `found`, made of the run in `run` beside it."""
    top = tmp_path_factory.mktemp("discoveries")
    folder = top / "trivial"
    shutil.copytree(TRIVIAL, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "baselines").mkdir()
    (folder / "baselines" / "twenty.py").write_text("X = 20.0\n\n\ndef answer() -> float:\n    return X\n")
    config = configured(FINISHED, seed=3, model__names=("m", "n"))
    models = {"m": HashModel(3, cost_usd=None), "n": HashModel(4, values=90, cost_usd=None)}
    asyncio.run(loop.run(top / "run", config, load_problem(str(folder)), clients=models))
    said = evolve(
        *("discoveries", "--add", top / "run", "--name", "found", "--summary", "Says a number near 42"),
        *("--fresh", 8, "--fresh-seed", 5, "--problem", folder),
    )
    assert said.code == 0, said.err
    return folder
