"""`evolve.optimize`: five lines from a plain function to a better program."""

from __future__ import annotations

import ast
import contextlib
import inspect
import random
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evolve.errors import UsageError
from evolve.evaluator import CandidateFailure, Infeasible, Limits, Split
from evolve.library.function_problem import FACTS, Facts, Program, value_of
from evolve.library.running import Result, run, run_async
from evolve.library.written import by_value, problem_in
from evolve.report.places import free_folder, new_folder
from sandbox import Sandbox

HELD_OUT_FROM = 6
"""Inputs from which on a part of them is held out from the search."""
SHOWN = 600
"""Characters of an example input in the statement."""

EVALUATOR = """\"\"\"Made by evolve.optimize: the score is what a function gives (function.dill).\"\"\"

from pathlib import Path

from evolve.library.function_problem import FACTS, FunctionProblem
from evolve.library.written import read

FOUND = read(Path(__file__).resolve().parent, FACTS)


class Function(FunctionProblem):
    name, summary, defines = FOUND.name, "Improve " + FOUND.entry + " by a score function", (FOUND.entry,)
    limits, facts = FOUND.limits, FOUND
"""


def optimize(
    seed_source: str,
    score_fn: Callable[[Program, Any], Any],
    inputs: Sequence[Any] | Mapping[str, Sequence[Any]],
    *,
    entry: str = "",
    statement: str = "",
    name: str = "",
    cpu_s: float = 10.0,
    folder: str | Path | None = None,
    **settings: Any,
) -> Result:
    """Improve a program by a plain function that scores it.

    seed_source: the program to start from.
    score_fn: called as `score_fn(program, input)` for each input, in a worker process; returns a finite number, the
        higher the better, or (number, feedback), or a mapping with the number as "score". `program(...)` calls the
        evolved function in its sandbox, `str(program)` is its text. A function whose second parameter is called
        `inputs` is given a list, with the one input.
    inputs: what it is scored on: a list, of which half guides the search, a quarter picks the winner and a quarter is
        scored once at the end; or {"train": [...], "validation": [...], "test": [...]}.
    entry: the function or class that a program must define. Default: the last one of the seed.
    statement: what the model reads of the task. Default: the entry's signature, the score function's source, an input.
    cpu_s: CPU seconds that a program has for one input.
    folder, settings: as for `evolve.run`, e.g. `model="my-model", evaluations=100, workers=2`.
    A score of 0 is the seed's value on an input, 100 is better by as much as that value. The problem is written into
    the run folder (`problem/`), so that `evolve show`, `audit` and `resume` work on it; they run the pickled function.
    Raises UsageError for a seed that fails, and whatever else a person must put right.
    """
    with _written(folder, seed_source, score_fn, inputs, entry, statement, name, cpu_s) as problem:
        return run(problem, folder=problem.parent, **settings)


async def optimize_async(
    seed_source: str,
    score_fn: Callable[[Program, Any], Any],
    inputs: Sequence[Any] | Mapping[str, Sequence[Any]],
    *,
    entry: str = "",
    statement: str = "",
    name: str = "",
    cpu_s: float = 10.0,
    folder: str | Path | None = None,
    **settings: Any,
) -> Result:
    """As `optimize`, for code that has an event loop."""
    with _written(folder, seed_source, score_fn, inputs, entry, statement, name, cpu_s) as problem:
        return await run_async(problem, folder=problem.parent, **settings)


@contextlib.contextmanager
def _written(
    folder: str | Path | None,
    seed_source: str,
    score_fn: Callable[[Program, Any], Any],
    inputs: Sequence[Any] | Mapping[str, Sequence[Any]],
    entry: str,
    statement: str,
    name: str,
    cpu_s: float,
) -> Iterator[Path]:
    """Write the problem into the run folder to be, and give its place; take it away again when no run came of it."""
    entry, is_class = _entry(seed_source, entry)
    place = (new_folder(name or entry) if folder is None else free_folder(Path(folder))).absolute()
    splits, held_out = _splits(inputs)
    facts = Facts(
        name=name or entry,
        score=score_fn,
        inputs=splits,
        entry=entry,
        is_class=is_class,
        limits=Limits(cpu_s=cpu_s),
        held_out=held_out,
        seed_values={},
        in_list=_takes_a_list(score_fn),
    )
    facts = replace(facts, seed_values=_seed_values(facts, seed_source))
    text = statement or _statement(facts, seed_source, splits[Split.TRAIN][0])
    files: dict[str, str | bytes] = {
        "evaluator.py": EVALUATOR,
        "seed.py": seed_source,
        "problem.md": text,
        FACTS: by_value(facts),
    }
    with problem_in(place, files) as problem:
        yield problem


def _takes_a_list(score_fn: Callable[[Program, Any], Any]) -> bool:
    try:
        return list(inspect.signature(score_fn).parameters)[1:2] == ["inputs"]
    except (TypeError, ValueError):
        return False


def _entry(seed_source: str, entry: str) -> tuple[str, bool]:
    """Return the name of what is evolved, and whether it is a class. Raises UsageError."""
    try:
        body = ast.parse(seed_source).body
    except SyntaxError as error:
        raise UsageError(f"the seed is no Python: line {error.lineno}: {error.msg}.") from None
    found = {n.name: isinstance(n, ast.ClassDef) for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    if entry and entry not in found:
        raise UsageError(f"the seed defines no {entry!r}. It has: {', '.join(found) or 'no function and no class'}.")
    if not found:
        raise UsageError("the seed defines no function and no class at its top level: there is nothing to call.")
    chosen = entry or list(found)[-1]
    return chosen, found[chosen]


def _splits(inputs: Sequence[Any] | Mapping[str, Sequence[Any]]) -> tuple[dict[Split, Sequence[Any]], bool]:
    """Return the inputs of each split, and whether those of validation and test are held out. Raises UsageError."""
    own = (Split.TRAIN, Split.VALIDATION, Split.TEST)
    if isinstance(inputs, Mapping):
        if set(inputs) != {split.value for split in own} or not all(len(inputs[split]) for split in own):
            raise UsageError(
                'inputs by split need some for each: {"train": [...], "validation": [...], "test": [...]}.'
            )
        return {split: list(inputs[split]) for split in own}, True
    found = list(inputs)
    if not found:
        raise UsageError("inputs is empty: a program needs something to be scored on.")
    if len(found) < HELD_OUT_FROM:
        return dict.fromkeys(own, found), False
    random.Random(0).shuffle(found)  # inputs are often sorted by size
    quarter = len(found) // 4
    return {
        Split.TRAIN: found[2 * quarter :],
        Split.VALIDATION: found[:quarter],
        Split.TEST: found[quarter : 2 * quarter],
    }, True


def _seed_values(facts: Facts, seed_source: str) -> dict[Split, list[float]]:
    """Return what the seed gets on each input. Raises UsageError where it gets nothing."""
    values: dict[Split, list[float]] = {}
    with Sandbox(facts.limits, ()) as sandbox:
        for split, inputs in facts.inputs.items():
            values[split] = []
            for place, given in enumerate(inputs):
                with sandbox.start(seed_source) as candidate:
                    try:
                        values[split].append(value_of(facts, candidate, given).value)
                    except (CandidateFailure, Infeasible) as failed:
                        raise UsageError(
                            f"the seed fails on input {place} of {split}: {str(failed).strip().splitlines()[-1]}"
                        ) from None
    return values


def _statement(facts: Facts, seed_source: str, example: Any) -> str:
    definition = next(node for node in ast.parse(seed_source).body if getattr(node, "name", "") == facts.entry)
    described = ast.get_docstring(definition) if isinstance(definition, ast.FunctionDef | ast.ClassDef) else None
    kind = "class" if facts.is_class else "function"
    try:
        source = textwrap.dedent(inspect.getsource(facts.score))
    except (OSError, TypeError):  # it was typed at a prompt
        source = ""
    shown = repr(example)
    parts = [
        f"# {facts.name}",
        f"Write the {kind} `{facts.entry}`, with the parameters that it has in the program that you are shown.",
        described or "",
        "It is scored by this function, which is called for each input; `program` calls it. The higher, the better:"
        if source
        else (inspect.getdoc(facts.score) or "The higher its score, the better."),
        f"```python\n{source.rstrip()}\n```" if source else "",
        f"An input: `{shown[:SHOWN]}`" + (" ... (cut)" if len(shown) > SHOWN else ""),
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(part for part in parts if part)) + "\n"
