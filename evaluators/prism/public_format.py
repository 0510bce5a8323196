"""Cases in the public form: a JSON list of {"gpus": 8, "models": [{"size_gb": 24, "rate": 8, "slo": 9}, ...]}."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evaluators.prism.pressure import GPU_GB, Model
from evaluators.prism.workload import Case
from evolve.evaluator import Instance, UsageError

PUBLIC = Path(__file__).parent / "data" / "cases.json"

MOST_GPUS = 10_000
MOST_MODELS = 100_000


@functools.cache
def public_cases() -> tuple[Case, ...]:
    """Return the 50 cases of the public benchmark."""
    return tuple(read_cases(PUBLIC, "public"))


def read_cases(path: Path, prefix: str) -> list[Case]:
    """Read the cases of a file, or of every *.json of a folder in the order of their names.

    Case i of a file gets the id `prefix/i`, of one file of several `prefix/name/i`.
    Raises UsageError that names the file and the line or key that is wrong.
    """
    if path.is_file():
        return _read(path, prefix)
    files = sorted(path.glob("*.json"))
    if not files:
        what = (
            "has no *.json; expected lists of cases" if path.is_dir() else "does not exist: give a JSON file of cases"
        )
        raise UsageError(f"prism: {path} {what}.")
    if len(files) == 1:
        return _read(files[0], prefix)
    return [case for file in files for case in _read(file, f"{prefix}/{file.stem}")]


def write_cases(cases: Iterable[Instance], folder: Path) -> list[Path]:
    """Write all cases into one file, so that `read_cases` gives the same ones in the same order."""
    file = folder / "cases.json"
    own = [case for case in cases if isinstance(case, Case)]
    file.write_text(written(own) + "\n", encoding="utf-8")
    return [file]


def _read(path: Path, prefix: str) -> list[Case]:
    def wrong(what: str) -> UsageError:
        return UsageError(f"prism: {path}: {what}")

    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise wrong(f"line {error.lineno}: not JSON ({error.msg}).") from None
    except (UnicodeDecodeError, OSError, RecursionError, ValueError) as error:
        raise wrong(f"cannot be read ({error}).") from None
    if not isinstance(content, list) or not content:
        raise wrong("expected a list of cases, each with 'gpus' and 'models'.")
    cases = []
    for number, entry in enumerate(content):
        try:
            cases.append(_case(f"{prefix}/{number}", entry))
        except ValueError as error:
            raise wrong(f"case {number}: {error}") from None
    return cases


def written(cases: Iterable[Case]) -> str:
    """Return cases as the text of a public file; `read_cases` gives the same cases back, but for their ids."""
    return json.dumps(
        [
            {
                "gpus": case.num_gpus,
                "models": [{"size_gb": m.size_gb, "rate": m.rate, "slo": m.slo} for m in case.models],
            }
            for case in cases
        ],
        separators=(",", ":"),
    )


def _case(id_: str, entry: Any) -> Case:
    """Raises ValueError that names the key."""
    if not isinstance(entry, dict):
        raise ValueError(f"is {type(entry).__name__}; expected an object with 'gpus' and 'models'.")
    gpus, listed = entry.get("gpus"), entry.get("models")
    if type(gpus) is not int or not 1 <= gpus <= MOST_GPUS:
        raise ValueError(f"key 'gpus' is {gpus!r:.40}; expected a whole number from 1 to {MOST_GPUS}.")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_MODELS:
        raise ValueError(f"key 'models' is {listed!r:.40}; expected a list of 1 to {MOST_MODELS} models.")
    models = tuple(_model(f"models[{number}]", model) for number, model in enumerate(listed))
    total_gb = math.fsum(model.size_gb for model in models)
    if total_gb > GPU_GB * gpus:
        raise ValueError(f"the models need {total_gb:g} GB; {gpus} GPUs of {GPU_GB} GB have {GPU_GB * gpus} GB.")
    return Case(id_, gpus, models)


def _model(where: str, entry: Any) -> Model:
    if not isinstance(entry, dict):
        raise ValueError(f"{where} is {entry!r:.40}; expected an object with 'size_gb', 'rate' and 'slo'.")

    def number(key: str, low: float, high: float, expected: str) -> float:
        value = entry.get(key)
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not good or (key != "rate" and value == 0):
            raise ValueError(f"key '{where}.{key}' is {value!r:.40}; expected {expected}.")
        assert isinstance(value, int | float)
        return value

    return Model(
        number("size_gb", 0, GPU_GB, f"GB above 0, at most {GPU_GB}"),
        number("rate", 0, 1e12, "requests/s, 0 or more"),
        number("slo", 1e-9, 1e12, "seconds above 0"),
    )
