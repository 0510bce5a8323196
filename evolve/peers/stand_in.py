"""An evaluator of another tool with the program where it belongs: in the sandbox, and not in the evaluator's process.

Their evaluators load a file and call its functions. The file that they get here is one of ours: each function in it
passes its call on to the program's own process.
"""

from __future__ import annotations

import ast
import math
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve.evaluator import Candidate, CandidateFailure, Infeasible
from evolve.peers import runner

_CURRENT: list[StandIn] = []


class StandIn:
    """Passes calls on to a program. failure: the first that the program had, whatever the evaluator made of it."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._turn = threading.Lock()  # an evaluator may call from a thread, to have a time limit
        self._parameters = parameters_of(candidate.source)
        self.failure: CandidateFailure | TypeError | None = None

    @property
    def functions(self) -> list[str]:
        """The functions that the program defines."""
        return list(self._parameters)

    def call(self, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Call a function of the program, which is given all by position. Raises TypeError where that cannot be."""
        try:
            arguments = self._parameters[name].by_position(name, given, named)
        except TypeError as wrong:
            self.failure = self.failure or wrong
            raise
        with self._turn:
            try:
                return self._candidate.call(name, *arguments)
            except CandidateFailure as failure:
                self.failure = self.failure or failure
                raise


@dataclass(frozen=True)
class Parameters:
    """Those of a function. names: that may be given by position.  defaults: of the last of them, as they are written.

    by_name: those that may be given by name only.
    """

    names: tuple[str, ...]
    defaults: tuple[str, ...] = ()
    by_name: tuple[str, ...] = ()

    def by_position(self, function: str, given: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        """Return the arguments of a call by position: what is left out before a named one is its default."""
        places = {name: place for place, name in enumerate(self.names) if place >= len(given)}
        other = next((name for name in named if name not in places), None)
        if other is not None:
            raise TypeError(f"{function}() cannot be given {other!r} by name here: let it be by position")
        last = max((places[name] for name in named), default=-1)
        rest = range(len(given), last + 1)
        return [
            *given,
            *(
                named[self.names[place]] if self.names[place] in named else self._default(function, place)
                for place in rest
            ),
        ]

    def _default(self, function: str, place: int) -> Any:
        number = place - len(self.names) + len(self.defaults)
        if number < 0:
            raise TypeError(f"{function}() is called without {self.names[place]}")
        try:
            return ast.literal_eval(self.defaults[number])
        except ValueError:
            raise TypeError(f"{function}(): give {self.names[place]} too, whose default is no plain value") from None


def parameters_of(source: str) -> dict[str, Parameters]:
    """Return the functions at the top level of a program, with their parameters."""
    return {
        node.name: Parameters(
            tuple(one.arg for one in (*node.args.posonlyargs, *node.args.args)),
            tuple(ast.unparse(one) for one in node.args.defaults),
            tuple(one.arg for one in node.args.kwonlyargs),
        )
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }


def passed_on(name: str) -> Callable[..., Any]:
    """Return a function that passes its calls on to the program of the evaluation that is under way."""
    stand_in = _CURRENT[-1]

    def function(*given: Any, **named: Any) -> Any:
        return stand_in.call(name, given, named)

    function.__name__ = name
    return function


def evaluated(kind: str, evaluator: Path, candidate: Candidate, thresholds: Sequence[float] = ()) -> Found:
    """Run another tool's evaluator here, with the program in the sandbox.

    kind: "function", a file with `evaluate(program_path)`; "results", a script that writes metrics.json.
    Raises what the program did wrong, and Infeasible for what the evaluator finds wrong.
    """
    stand_in = StandIn(candidate)
    with tempfile.TemporaryDirectory(prefix="evolve-imported-") as name, ExitStack() as after:
        _CURRENT.append(stand_in)
        after.callback(_CURRENT.pop)
        file = Path(name) / "program.py"
        lines = [f"{function} = passed_on({function!r})" for function in stand_in.functions]
        file.write_text(f"from {__name__} import passed_on\n" + "\n".join(lines) + "\n", encoding="utf-8")
        if kind == "results":
            found = runner.by_results(evaluator, str(file), Path(name) / "results")
        else:
            found = runner.by_function(evaluator, str(file), list(thresholds))
    if stand_in.failure is not None:
        raise stand_in.failure
    if found["error"]:
        raise Infeasible(str(found["error"]))
    return Found(found)


class Found:
    """What an evaluator found. metrics: its numbers.  score: combined_score, else their mean.  feedback: its words."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.metrics = {
            str(name): float(x)
            for name, x in found["metrics"].items()
            if isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
        }
        if not self.metrics:
            raise Infeasible(f"the evaluator gave no number as a metric: {str(found['metrics'])[:200]}")
        mean = math.fsum(self.metrics.values()) / len(self.metrics)
        self.score = self.metrics.get("combined_score", mean)
        self.feedback = str(found["feedback"]) or f"score {self.score:.6g}"
