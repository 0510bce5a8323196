"""`evolve.run`: a run of the search from Python."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve import attended
from evolve.archive import Program, Store
from evolve.config import RunConfig, resolve
from evolve.discoveries import start_of
from evolve.errors import UsageError
from evolve.evaluator import Evaluator
from evolve.library.opened import Run
from evolve.library.settings import find_problem, flags, model_flags
from evolve.library.waiting import wait_for
from evolve.library.written import by_value, problem_in
from evolve.loop.stopping import Stop
from evolve.observer import Row
from evolve.registry import Problem
from evolve.report.judgement import verdict
from evolve.report.places import free_folder, new_folder
from evolve.report.progress import display_on
from evolve.report.run_report import describe
from evolve.report.terminal import Terminal

CLASS = "evaluator.dill"
EVALUATOR = f'''"""Made by evolve.run: an evaluator's class that lies in no folder ({CLASS})."""

from pathlib import Path

from evolve.library.written import read


class Given(read(Path(__file__).resolve().parent, "{CLASS}")):
    pass
'''


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        best: the winner, with its `source`, `id` and train score; the seed when no child beat it.
        rows: the seed, the baselines and the winner, with their score on train, validation and test.
        verdict: the claim in words, e.g. whether the winner beats the best baseline on the test split.
        reason: what ended it.  interrupted: it was stopped early and can be continued (`evolve resume`).
        run: all else: programs, evaluations and calls as data frames, lineage, curve.
    """

    best: Program
    rows: tuple[Row, ...]
    verdict: str
    reason: str
    interrupted: bool
    run: Run

    def __str__(self) -> str:
        return f"{self.reason}\n{self.verdict}\nrun folder: {self.run.folder}"

    def _repr_markdown_(self) -> str:
        """Return the table, as a notebook shows it."""
        cells = [(row.name, row.train, row.validation, row.test) for row in self.rows]
        lines = [
            f"| {name} | " + " | ".join("" if score is None else f"{score:.2f}" for score in scores) + " |"
            for name, *scores in cells
        ]
        return "\n".join(
            ["| program | train | validation | test |", "|---|---|---|---|", *lines, "", self.verdict, "", self.reason]
        )


def run(
    problem: str | Path | type[Evaluator] | Problem,
    *,
    model: str | Sequence[str] | Mapping[str, Any] | None = None,
    evaluations: int | None = None,
    start: str | Path = "",
    program: str = "",
    statement: str = "",
    folder: str | Path | None = None,
    config: str | Path | None = None,
    quiet: bool = False,
    **settings: Any,
) -> Result:
    """Improve the seed of a problem, as `evolve run` does, and return what came of it.

    problem: a name from `evolve list`, a problem's folder, or an evaluator's class. For a class that lies in no such
        folder, `program` is the source of the seed and `statement` what a model reads; it is pickled into the run
        folder. A plain function goes to `evolve.optimize`.
    model: a model's name, several, or `{"names": ["NAME"], "base_url": "http://127.0.0.1:8000/v1"}`; default: the
        built-in mutator, which asks nobody.
    evaluations: programs to score; default 200 when no budget is given.
    start: what to start from in the place of the seed: "best", the best of the problem's discoveries; the path of a
        program; or a run, whose winner it is.
    folder: of the run, not there yet; default: runs/PROBLEM-DATE-ID in the working folder.
    config: a TOML file; arguments win over it.
    quiet: show no progress.
    settings: any other key of the configuration (`evolve config`), parts as mappings, e.g. `workers=4, seed=1,
        budget={"cost_usd": 2.0}, search={"strategy": "pareto"}, evaluator={"kind": "online"}`.
    Ctrl-C stops it cleanly: the result then says `interrupted`, and nothing is lost.
    Raises UsageError for whatever a person must put right.
    """
    with _found(problem, program, statement, folder) as (where, place):
        begun = _Begun(where, model, evaluations, start, place, config, settings)
        return wait_for(lambda stop: begun.work(quiet, stop))


async def run_async(
    problem: str | Path | type[Evaluator] | Problem,
    *,
    model: str | Sequence[str] | Mapping[str, Any] | None = None,
    evaluations: int | None = None,
    start: str | Path = "",
    program: str = "",
    statement: str = "",
    folder: str | Path | None = None,
    config: str | Path | None = None,
    quiet: bool = True,
    **settings: Any,
) -> Result:
    """As `run`, for code that has an event loop. A cancelled run can be resumed."""
    with _found(problem, program, statement, folder) as (where, place):
        return await _Begun(where, model, evaluations, start, place, config, settings).work(quiet, Stop())


@contextmanager
def _found(
    problem: str | Path | type[Evaluator] | Problem, program: str, statement: str, folder: str | Path | None
) -> Iterator[tuple[str | Path | type[Evaluator] | Problem, str | Path | None]]:
    """Give the problem and the run's folder; an evaluator that lies nowhere is written into it."""
    if not program:
        yield problem, folder
        return
    if not (isinstance(problem, type) and issubclass(problem, Evaluator)):
        raise UsageError("program= is the seed of an Evaluator's class; a problem's folder has its own, seed.py.")
    place = (new_folder(problem.name) if folder is None else free_folder(Path(folder))).absolute()
    text = statement or inspect.getdoc(problem) or problem.summary
    files: dict[str, str | bytes] = {
        "evaluator.py": EVALUATOR,
        CLASS: by_value(problem),
        "seed.py": program,
        "problem.md": text,
    }
    with problem_in(place, files) as written:
        yield written, place


class _Begun:
    """A run whose problem, configuration and folder are known to be sound."""

    def __init__(
        self,
        problem: str | Path | type[Evaluator] | Problem,
        model: str | Sequence[str] | Mapping[str, Any] | None,
        evaluations: int | None,
        start: str | Path,
        folder: str | Path | None,
        config: str | Path | None,
        settings: dict[str, Any],
    ) -> None:
        given = flags(settings) | model_flags(model) | {"budget.evaluations": evaluations}
        options = {key.removeprefix("evaluator."): x for key, x in given.items() if key.startswith("evaluator.")}
        self.problem = find_problem(problem, options)
        file = None if config is None else Path(config)
        self.config: RunConfig = resolve(file, (), {**given, "problem": self.problem.ref})
        if self.config.evaluator != options:  # the file has options, too
            self.problem = find_problem(problem, self.config.evaluator)
        if start:
            self.config = self.config.model_copy(update={"start": start_of(self.problem, str(start))})
        name = self.problem.evaluator.name
        self.folder = (new_folder(name) if folder is None else free_folder(Path(folder))).absolute()

    async def work(self, quiet: bool, stop: Stop) -> Result:
        """Run it."""
        display = None if quiet else display_on(Terminal(stderr=True, goes_on=True))
        ended, troubles = await attended.run(self.folder, self.config, self.problem, display, stop=stop)
        for trouble in troubles:
            warnings.warn(trouble, stacklevel=2)
        with Store.open(self.folder) as store:
            best = store.program(ended.best_id)
            claim = verdict(describe(store))
        assert best is not None, "the seed is scored before a run has a result"
        return Result(best, tuple(ended.rows), claim, ended.reason, ended.interrupted, Run(self.folder))
