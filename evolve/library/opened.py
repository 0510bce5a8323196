"""A run as facts: what was tried, scored and asked; as data frames where pandas or polars is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evolve.archive import Program, RunStatus, Store
from evolve.config import RunConfig, from_text
from evolve.evaluator import Split
from evolve.report.chain import ancestors
from evolve.report.damaged import explained
from evolve.report.places import find_run


class Run:
    """A run folder, read anew at every question, so that it may still be running.

    Attributes:
        folder: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def status(self) -> RunStatus:
        """Whether it is running, finished, stopped (it can be resumed) or was interrupted (its process was killed)."""
        with self._open() as store:
            return store.summary().status

    @property
    def config(self) -> RunConfig:
        """Everything as it was set."""
        with self._open() as store:
            return from_text(store.config())

    @property
    def best(self) -> Program | None:
        """The winner, or the best on train while there is none; None before the seed is scored."""
        with self._open() as store:
            return store.best() or store.best_on_train()

    def program(self, program_id: int) -> Program | None:
        """Return a program with its source: 0 is the seed, a child's number is its step, baselines are negative."""
        with self._open() as store:
            return store.program(program_id)

    def lineage(self, program_id: int | None = None) -> list[Program]:
        """Return a program's ancestors, the seed first, and itself. Default: the best program."""
        with self._open() as store:
            at = store.program(program_id) if program_id is not None else store.best() or store.best_on_train()
            return [] if at is None else ancestors(store, at)

    def curve(self) -> list[tuple[int, float | None]]:
        """Return (step, train score) of the seed and the children in their order; None: it has no score."""
        with self._open() as store:
            return store.curve()

    def programs(self) -> Any:
        """Return a row for each program: the fields of `evolve.archive.Program`. `scores`: one per train instance."""
        with self._open() as store:
            return frame([asdict(program) for program in store.programs()])

    def evaluations(self, *splits: str) -> Any:
        """Return a row for each program and instance: program_id, split, and the fields of an `InstanceResult`.

        splits: which ones, e.g. "train". Default: all that were evaluated.
        """
        wanted = [Split(split) for split in splits] or list(Split)
        with self._open() as store:
            return frame(
                [
                    {"program_id": program.id, "split": split.value, **asdict(result)}
                    for program in store.programs()
                    for split in wanted
                    for result in store.evaluations(program.id, split)
                ]
            )

    def calls(self) -> Any:
        """Return a row for each model call: the fields of `evolve.archive.ModelCall`, with prompt and answer."""
        with self._open() as store:
            return frame([asdict(call) for call in store.model_calls()])

    @contextmanager
    def _open(self) -> Iterator[Store]:
        with explained(self.folder), Store.open(self.folder) as store:
            yield store


def open_run(run: str | Path) -> Run:
    """Return a run: a folder's path, its name in `runs/`, or "last". Raises UsageError when there is none."""
    folder = find_run(str(run))
    with explained(folder), Store.open(folder):
        return Run(folder)


def frame(records: Sequence[dict[str, Any]]) -> Any:
    """Return records as a pandas data frame, else as one of polars, else as they are: whichever is installed."""
    for library in ("pandas", "polars"):
        if importlib.util.find_spec(library) is not None:
            return importlib.import_module(library).DataFrame(list(records))
    return list(records)
