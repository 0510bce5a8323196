"""What goes into a mutation and what comes out: the types that every mutator shares."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Example:
    """A program as a mutator sees it: with its figures on the train split, never on another.

    status: "ok", "infeasible", "error", "timeout".  score: None unless ok.
    instances: (instance id, score, feedback) of each train instance.
    """

    id: int
    source: str
    status: str
    score: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    instances: tuple[tuple[str, float | None, str], ...] = ()


@dataclass(frozen=True)
class Request:
    """One step's order: change `parent`.

    statement: the domain's problem.md.  defines: what the child must define at its top level.
    baselines: (name, train score) of the domain's baselines, best first.
    rng: the step's own source of chance; the only one a mutator may draw from.
    """

    step: int
    evaluator: str
    statement: str
    defines: tuple[str, ...]
    parent: Example
    inspirations: tuple[Example, ...]
    rng: random.Random
    baselines: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A child, or why there is none.

    kind: what was done, for the record: "constant", "crossover", "edit", "rewrite".
    source: the child's whole source, parseable Python that defines what it must; None when `error` says why not.
    """

    kind: str
    source: str | None
    error: str = ""
