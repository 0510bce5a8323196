"""What goes into a mutation and what comes out: the types that every mutator shares."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """What is asked for. The built-in mutator has kinds of its own and is not asked for one.

    EDIT: SEARCH/REPLACE edits of the parent.  REWRITE: the whole program anew.  CROSSOVER: the best of two parents in
    one.  EXPLORE: an idea that no program has yet.  TURN: another approach altogether, since the search has stalled.
    SIMPLIFY: the same with less.  REPAIR: of a program that failed.  INSIGHT: no program, but a line on what worked or
    failed, and why.
    """

    EDIT = "edit"
    REWRITE = "rewrite"
    CROSSOVER = "crossover"
    EXPLORE = "explore"
    TURN = "turn"
    SIMPLIFY = "simplify"
    REPAIR = "repair"
    INSIGHT = "insight"


TUNE = "tune"
"""A step that sets numbers of its parent: no model is asked, and no mutator."""


@dataclass(frozen=True)
class Example:
    """A program as a mutator sees it: with its figures on the train split, never on another.

    status: "ok", "infeasible", "error", "timeout".  score: None unless ok.
    instances: (instance id, score, feedback) of each train instance.
    figures, cpu_s: the metrics of each of them and the CPU seconds that it took, in the same order; may be left out.
    """

    id: int
    source: str
    status: str
    score: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    instances: tuple[tuple[str, float | None, str], ...] = ()
    figures: tuple[Mapping[str, float], ...] = ()
    cpu_s: tuple[float, ...] = ()


class Attempt(NamedTuple):
    """What was tried from a program before, and what came of it.

    id: the step, which is the child's id.  kind: what was done, as in `Proposal.kind`.
    score: the child's on train, None when it failed or there was none.  outcome: "ok", "infeasible", "parse_error", ...
    note: why it failed, one line; empty where it did not.  idea: the model's own words, one line, may be empty.
    parent: the program that it was tried from.  gain: points over the last sound program before it, None without score.
    """

    id: int
    kind: str
    score: float | None
    outcome: str
    note: str = ""
    idea: str = ""
    parent: int = 0
    gain: float | None = None


@dataclass(frozen=True)
class Insight:
    """What a run has learnt.

    id: the step that wrote it down.  subjects: the programs that it is about.  line: always told.
    detail: told where the parent is one of the subjects or descends from one; may be empty.
    """

    id: int
    subjects: tuple[int, ...]
    line: str
    detail: str = ""


@dataclass(frozen=True)
class Request:
    """One step's order: change `parent`, or where that is an empty text, write the first program.

    statement: the domain's problem.md.  defines: what the child must define at its top level.
    language: the name of what it is written in.
    score_means: what a score says, where it is not 0 for the naive baseline and 100 for the reference.
    rng: the step's own source of chance; the only one a mutator may draw from.
    kind: what is asked for; the built-in mutator takes no notice of it.
    show: train instances to tell of first, by index.
    stalled: for TURN, what has come of the search since its last improvement, one line.
    inspirations: other programs, the most useful first. For CROSSOVER the first one is the second parent.
    baselines: the domain's baselines on train, best first, with their figures per instance.
    cpu_limit_s: CPU seconds that a program may take on an instance; None where nothing is told of it.
    cpu_counts: whether scores depend on measured time.
    kinds: train instance -> what sort of instance it is, where the problem has several.
    attempts: what was tried from the parent, the latest last.
    flying: (step, kind) of what is being tried from it now.
    turn: how often the parent was changed before: other instances are shown each time.
    best: (program, score) of the best of this run so far, None where that is not known.
    leaders: train instance -> (program of this run that is best on it, its score there).
    measured: program of this run -> its scores by train instance: of the parent, and of others that are told of.
    insights: what the run has learnt, the latest last.  related: ids of those whose detail concerns the parent.
    taken: attempts that helped and whose programs are the run's best, best first.
    tried: attempts all over the run that failed or brought nothing, the latest last.
    subjects: pairs (program before, program after): for INSIGHT, what the insight is to be about, the most telling
        first; for REPAIR, the last sound ancestor and the parent.
    """

    step: int
    evaluator: str
    statement: str
    defines: tuple[str, ...]
    parent: Example
    inspirations: tuple[Example, ...]
    rng: random.Random
    kind: Kind = Kind.EDIT
    language: str = "python"
    score_means: str = ""
    show: tuple[int, ...] = ()
    stalled: str = ""
    baselines: tuple[tuple[str, Example], ...] = ()
    cpu_limit_s: float | None = None
    cpu_counts: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    flying: tuple[tuple[int, str], ...] = ()
    turn: int = 0
    best: tuple[int, float] | None = None
    leaders: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    measured: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    insights: tuple[Insight, ...] = ()
    related: frozenset[int] = frozenset()
    taken: tuple[Attempt, ...] = ()
    tried: tuple[Attempt, ...] = ()
    subjects: tuple[tuple[Example, Example], ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A child, or why there is none.

    kind: what was done, for the record: "constant", "crossover", "edit", "rewrite".
    source: the child's whole source, a program of the problem; None when `error` says why not.
    idea: the model's own words on its change, one line; empty for the built-in mutator.
    is_declined: there is none on purpose: whoever was asked would change nothing, and `error` has their words.
    """

    kind: str
    source: str | None
    error: str = ""
    idea: str = ""
    is_declined: bool = False


class Mutator(Protocol):
    """Who changes programs by itself, at once and for nothing, where a model would be asked. State: none."""

    @property
    def name(self) -> str:
        """What stands for it where models are named."""

    def propose(self, request: Request) -> Proposal:
        """Return a child of `request.parent`. The same request gives the same child; all chance is `request.rng`."""
