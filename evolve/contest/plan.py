"""What a contest runs: every arm on every problem with every seed, all with the same budget."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evolve.config import RunConfig, resolve, to_toml
from evolve.contest.simulated.landscape import KINDS
from evolve.errors import UsageError, pick
from evolve.registry import Problem, load_problem

PLAN = "contest.json"
"""The file of an output folder that says what its runs have in common."""
USUAL = ("deterministic=true",)
"""What every run of a contest is set to first, so that the same command gives the same table anywhere."""


SIMULATED = "simulated_"
"""Before the name of a landscape: the problem of the simulated model."""
SIMULATED_MODEL = "simulated"
"""The name of the model that answers on those problems."""


@dataclass(frozen=True)
class Arm:
    """One of what is compared. sets: "key=value" texts, as of --set."""

    label: str
    sets: tuple[str, ...]

    @property
    def slug(self) -> str:
        """The label as the name of a folder, another one for every other label."""
        plain = re.sub(r"[^A-Za-z0-9_.=-]+", "-", self.label).strip("-.")
        return plain if plain == self.label else f"{plain[:60]}-{hashlib.sha256(self.label.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Cell:
    """One run of a contest. folder: where it is, or will be."""

    problem: str
    arm: Arm
    seed: int
    config: RunConfig
    folder: Path


@dataclass(frozen=True)
class Contest:
    """A whole contest.

    Attributes:
        problems: by the name that stands in tables.
        cells: all runs, seed by seed, so that one which is cut short has compared all arms as often.
        unit: what a budget counts, and the curves' axis: "evaluations", "calls" or "cost_usd".
        budget: how many of these each run has.
    """

    out: Path
    problems: dict[str, Problem]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...] = field(repr=False)
    unit: str = "evaluations"
    budget: float = 0.0


def make_contest(
    out: Path,
    problems: Sequence[str],
    searches: Sequence[str],
    varied: Sequence[str],
    seeds: int,
    file: Path | None = None,
    sets: Sequence[str] = (),
    flags: Mapping[str, Any] = MappingProxyType({}),
) -> Contest:
    """Return the contest, and note in its folder what all runs have in common.

    searches: names of strategies.  varied: "KEY=a,b,c" texts; each arm has one of the values of each.
    file, sets, flags: what all runs have in common, as `evolve.config.resolve` takes them.
    Raises UsageError for whatever cannot be run, and where the folder holds a contest with another setting.
    """
    arms = _arms(searches, varied)
    if len(arms) < 2:
        raise UsageError("there is nothing to compare: give two strategies (--search A,B) or values (--vary KEY=a,b).")
    loaded: dict[str, Problem] = {}
    cells: list[Cell] = []
    common: RunConfig | None = None
    for seed in range(seeds):
        for ref in problems:
            for arm in arms:
                found, own = _found(ref)
                config = resolve(file, [*USUAL, *own, *sets, *arm.sets], {**flags, "problem": found, "seed": seed})
                problem = loaded.get(ref) or load_problem(config.problem, config.evaluator)
                loaded[ref] = problem
                name = _name(ref, problem)
                _require_sense(name, config)
                folder = out / "runs" / name / arm.slug / f"seed-{seed}"
                cells.append(Cell(name, arm, seed, config, folder))
                common = common or resolve(file, [*USUAL, *sets], {**flags, "seed": 0})
    assert common is not None
    by_name = {_name(ref, problem): problem for ref, problem in loaded.items()}
    if len(by_name) < len(loaded):
        raise UsageError("two of the problems have the same name: their runs would lie in one folder.")
    unit, budget = _budget(common)
    _note(out, common)
    return Contest(out, by_name, arms, tuple(range(seeds)), tuple(cells), unit, budget)


def _found(ref: str) -> tuple[str, list[str]]:
    """Return what `load_problem` finds a problem by, and the settings that it brings, as of --set.

    A simulated one brings its landscape, and its model, unless another is given.
    """
    if not ref.startswith(SIMULATED):
        return ref, []
    kind = pick("problem", ref, {f"{SIMULATED}{kind}": kind for kind in KINDS})
    return str(Path(__file__).parent / "simulated"), [f"evaluator.kind={kind}", f"model.names={SIMULATED_MODEL}"]


def _name(ref: str, problem: Problem) -> str:
    return ref if ref.startswith(SIMULATED) else problem.evaluator.name


def _require_sense(name: str, config: RunConfig) -> None:
    """Raises UsageError where the simulated model is asked with others, or on a problem that it does not know."""
    if not any(model.name == SIMULATED_MODEL for model in config.models):
        return
    if not name.startswith(SIMULATED):
        known = ", ".join(f"{SIMULATED}{kind}" for kind in KINDS)
        raise UsageError(f"the model 'simulated' knows its own problems only: {known}.")
    if len(config.models) > 1:
        raise UsageError("the model 'simulated' is asked alone: its programs are read, those of others are run.")


def _arms(searches: Sequence[str], varied: Sequence[str]) -> tuple[Arm, ...]:
    axes: list[list[str]] = []
    if searches:
        axes.append([f"search.strategy={name}" for name in dict.fromkeys(searches)])
    for text in varied:
        key, equals, values = text.partition("=")
        parts = [value.strip() for value in values.split(",")]
        if not equals or not key.strip() or not all(parts):
            raise UsageError(f"--vary {text}: expected KEY=a,b,c, e.g. --vary search.plateau=5,15,45")
        axes.append([f"{key.strip()}={value}" for value in dict.fromkeys(parts)])
    if not axes:
        return ()
    chosen = itertools.product(*axes)
    return tuple(Arm(", ".join(text.removeprefix("search.strategy=") for text in sets), sets) for sets in chosen)


def _budget(config: RunConfig) -> tuple[str, float]:
    for unit in ("evaluations", "calls", "cost_usd"):
        total = getattr(config.budget, unit)
        if total:
            return unit, float(total)
    raise UsageError("runs are compared at equal budgets: give --evaluations, --calls or --cost-usd.")


def _note(out: Path, common: RunConfig) -> None:
    """Write down what the runs have in common. Raises UsageError where the folder holds runs of another setting."""
    facts = {"config": to_toml(common.model_copy(update={"workers": 1}))}
    path = out / PLAN
    try:
        if path.is_file():
            if json.loads(path.read_text(encoding="utf-8")) != facts:
                raise UsageError(
                    f"{out} holds runs of a contest with another budget or other settings; only problems, --search, "
                    "--vary, --seeds and --workers may differ. Give another --out."
                )
            return
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise UsageError(f"{path} cannot be used: {reason}.") from None
