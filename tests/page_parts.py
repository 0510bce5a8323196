"""Runs whose pages are tested: of any size, made in this process in a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loop_parts import HashModel, QuickPool, configured, in_a_loop, trivial_problem

from evolve import loop
from evolve.archive import Store
from evolve.report.run_folder import RunFolder


def made_run(folder: Path, evaluations: int, model: HashModel | None = None, **flags: Any) -> Path:
    """Make a run of the trivial problem with its whole folder, the same each time."""
    config = configured(evaluations, **{"seed": 5, "deterministic": True, **flags})
    files = RunFolder()
    in_a_loop(
        loop.run(
            folder,
            config,
            trivial_problem(),
            (files,),
            pool=QuickPool(),
            clients={"m": model or HashModel(values=4000)},
        )
    )
    files.close()
    return folder


def page_of(folder: Path) -> str:
    from evolve.report.page.run_page import report_page

    with Store.open(folder) as store:
        return report_page(store)
