"""Settings as keyword arguments, and problems in whatever form a caller has them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evolve.errors import UsageError
from evolve.evaluator import Evaluator
from evolve.registry import Problem, is_installed, load_problem


def flags(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys from nested ones: {"search": {"plateau": 30}} gives {"search.plateau": 30}.

    The options of the evaluator stay one mapping's keys: {"evaluator": {"kind": "x"}} gives {"evaluator.kind": "x"}.
    """
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": given for inner, given in flags(value).items()}
        else:
            flat[key] = str(value) if isinstance(value, Path) else value
    return flat


def model_flags(model: str | Sequence[str] | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is said of models in the configuration.

    model: a name, several, or the part `model`, e.g. {"names": ["my-model"], "base_url": "http://127.0.0.1:8000/v1"}.
    """
    if model is None:
        return {}
    if isinstance(model, Mapping):
        return flags({"model": model})
    return {"model.names": [model] if isinstance(model, str) else list(model)}


def find_problem(problem: str | Path | type[Evaluator] | Problem, options: Mapping[str, Any]) -> Problem:
    """Return a problem from its name, its folder, or its evaluator's class, which lies in its folder or is installed.

    Raises UsageError for what is none of these; for a class without a folder, `evolve.optimize` says what to do.
    """
    if isinstance(problem, Problem):
        return problem
    if isinstance(problem, str | Path):
        return load_problem(str(problem) if isinstance(problem, str) else str(problem.absolute()), options)
    if isinstance(problem, type) and issubclass(problem, Evaluator):
        if is_installed(problem.name) and type(load_problem(problem.name).evaluator) is problem:
            return load_problem(problem.name, options)
        folder = _folder(problem)
        if folder is not None and (folder / "problem.md").is_file():
            return load_problem(str(folder), options)
        raise UsageError(
            f"{problem.__name__} has no folder with problem.md and seed.py beside it: give program=SOURCE, where the "
            "search starts, and statement=TEXT, what a model reads; or its folder (`evolve new NAME` writes one)."
        )
    raise UsageError(
        f"a problem is a name, a folder or an Evaluator's class, not {type(problem).__name__}; "
        "a plain function goes to evolve.optimize(seed_source, score_fn, inputs)."
    )


def _folder(cls: type[Evaluator]) -> Path | None:
    try:
        return Path(inspect.getfile(cls)).resolve().parent
    except (TypeError, OSError):  # it was written in a notebook
        return None
