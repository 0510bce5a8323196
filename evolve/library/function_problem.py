"""A plain function as the evaluator: what `evolve.optimize` makes of a score function and its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evolve.evaluator import Candidate, Evaluator, Infeasible, Instance, Limits, Outcome, Split

FACTS = "function.dill"
"""Where the facts of an optimisation lie in its problem's folder."""
NOTHING = 1e-9
"""Below this a value of the seed says nothing about what its improvement should be measured in."""


class Program:
    """What a score function is given: the program, in its own sandboxed process.

    `program(*arguments)` calls the function that is evolved, or makes an object of the class that is, and
    `program.call(name, *arguments)` any other function of it. What comes back is plain values: check them.
    """

    def __init__(self, candidate: Candidate, entry: str, is_class: bool) -> None:
        self._candidate, self._entry, self._is_class = candidate, entry, is_class

    @property
    def source(self) -> str:
        """The program's text."""
        return self._candidate.source

    def __str__(self) -> str:
        """Return the program's text."""
        return self.source

    def __call__(self, *arguments: Any) -> Any:
        """Call the function, or make an object of the class, that is evolved."""
        if self._is_class:
            return self._candidate.new(self._entry, *arguments)
        return self._candidate.call(self._entry, *arguments)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function that the program defines at its top level."""
        return self._candidate.call(name, *arguments)


@dataclass(frozen=True)
class Facts:
    """What an optimisation is about.

    Attributes:
        score: (Program, input) -> what `value_of` reads, the higher the better.
        inputs: by split.
        entry: the function, or with is_class the class, that a program must define.
        seed_values: what the seed gets, by split: what an improvement is measured against; empty until it is known.
        held_out: whether validation and test hold inputs that train does not.
        in_list: the score function is made for a list of inputs, and is given one with the one input.
    """

    name: str
    score: Callable[[Program, Any], Any]
    inputs: Mapping[Split, Sequence[Any]]
    entry: str
    is_class: bool
    limits: Limits
    held_out: bool
    seed_values: Mapping[Split, Sequence[float]]
    in_list: bool = False


class Value(NamedTuple):
    """What a program is worth on an input. metrics: further numbers.  feedback: words, may be empty."""

    value: float
    metrics: Mapping[str, float]
    feedback: str


def value_of(facts: Facts, candidate: Candidate, given: Any) -> Value:
    """Return what a program gets on an input. Raises Infeasible.

    A score function returns a number; a mapping with the number as "score", whose other numbers are metrics and whose
    texts are feedback; or (number, feedback), where feedback may be such a mapping, too.
    """
    found = facts.score(Program(candidate, facts.entry, facts.is_class), [given] if facts.in_list else given)
    value: Any
    besides: Any
    value, besides = found if isinstance(found, tuple) and len(found) == 2 else (found, "")
    if isinstance(value, Mapping):
        value, besides = value.get("score"), {name: x for name, x in value.items() if name != "score"}
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(
            f"the score function returned {type(found).__name__}: return a number, (number, feedback), or a mapping "
            'with the number as "score"'
        )
    if not math.isfinite(float(value)):
        raise Infeasible(f"the score is {float(value)}: an answer needs a finite one")
    if not isinstance(besides, Mapping):
        return Value(float(value), {}, str(besides))
    numbers = {
        str(name): float(x)
        for name, x in besides.items()
        if isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
    }
    words = [f"{name}: {x}" for name, x in besides.items() if str(name) not in numbers]
    return Value(float(value), numbers, "\n".join(words))


@dataclass(frozen=True)
class Input(Instance):
    """An input by its place, as it lies in the facts."""

    split: Split = Split.TRAIN
    place: int = 0


class FunctionProblem(Evaluator):
    """Scores in percent: 0 = what the seed gets on an input, 100 = better by as much as that value itself."""

    name = "function"
    summary = "Improve a program by a score function"
    defines = ("program",)
    facts: Facts

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the inputs of a split."""
        return [Input(f"{split}/{place}", split=split, place=place) for place in range(len(self.facts.inputs[split]))]

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Call the score function, and compare with what the seed got."""
        assert isinstance(instance, Input)
        given = self.facts.inputs[instance.split][instance.place]
        seed = self.facts.seed_values[instance.split][instance.place]
        value, metrics, feedback = value_of(self.facts, candidate, given)
        unit = abs(seed) if abs(seed) > NOTHING else 1.0
        text = feedback or f"value {value:.6g}; the first program had {seed:.6g}"
        return Outcome(100.0 * (value - seed) / unit, {**metrics, "value": value, "seed_value": seed}, text)

    def remark(self, split: Split) -> str:
        """Say where a split holds nothing new."""
        if split is Split.TRAIN or self.facts.held_out:
            return ""
        return f"{split} has the inputs of train: with six inputs or more, some are held out"
