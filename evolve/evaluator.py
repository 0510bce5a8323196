"""The plug-in contract: what a problem domain gives, and what it is given.

A domain is one folder with `evaluator.py` (one `Evaluator` subclass), `problem.md`, `seed.py` and, if it likes,
`baselines/`. It needs nothing else of evolve than this module, and `evolve.picture` if it draws pictures.

`evaluate` is given a `Candidate`: the program, in a sandboxed process that is fresh for each instance.

    candidate.call("order", jobs_s)            an answer of a function that the program defines at its top level
    run = candidate.new("Policy", info)        a `Run`: an object of a class of the program, which keeps its own state
    run.call("decide", observation)            an answer of a method of it
    run.offers("finished")                     whether it has a method that it may leave out
    candidate.map(runs, "decide", observations)  the answers of many objects in one message; they share a process, so
                                               no observation may tell what is another's future
    candidate.fresh()                          one more process of the program, which knows nothing of the first

Arguments and answers are numbers, strings, None, lists, tuples, dicts, numpy arrays and, as arguments, `Record`s:
`class Queue(Record)` with annotated fields, made by position, `Queue(now_s, waiting_s)`; the program sees an object
with the same attributes. Answers come as plain values and may be anything: check each, and raise `Infeasible` for what
breaks a rule (`index_array` reads whole numbers). A call raises a `CandidateFailure` when the program raises, crashes
or uses up a limit; let it pass. Whatever else `evaluate` raises, or returns instead of an `Outcome` with finite
metrics, is recorded as a failure of the verifier, and so is an evaluation that takes longer than `evaluation_s`.

`evaluate` and `summarise` run in worker processes. What an evaluator starts there is its own affair: threads, child
processes, a GPU. It may use all cores, unless its score depends on time ("score" in `timed_metrics`), where a worker
keeps to one. All of it is ended with the evaluation; a thread that is left over costs a new worker. What it prints goes
to stderr, under its name.
"""

from __future__ import annotations

import inspect
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from evolve.errors import UsageError
from evolve.objectives import Objective
from evolve.picture import Picture
from sandbox import BadAnswer, Candidate, CandidateFailure, Limits, Record, Run, pack

__all__ = [
    "BadAnswer",
    "Candidate",
    "CandidateFailure",
    "Evaluator",
    "Infeasible",
    "Instance",
    "Limits",
    "NoOptions",
    "Objective",
    "Outcome",
    "Picture",
    "Record",
    "Run",
    "Split",
    "UsageError",
    "fresh_id",
    "index_array",
    "pack",
    "relative_score",
]

WORST_SCORE = -100.0
"""Floor of an instance's score: one disaster must not outweigh all other instances."""


class Split(StrEnum):
    """Which instances: what the search sees, what picks the winner, what is scored once, what was published."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    PUBLIC = "public"


class Infeasible(Exception):
    """The candidate's answer breaks a rule of the problem. Recorded; its text reaches the next prompt.

    Name the offending item and the amount: `Infeasible("GPU 3 holds 96 GB of models, capacity 80 GB")`.
    """


@dataclass(frozen=True)
class Instance:
    """One case of a problem. Subclass it with what the verifier needs; the candidate never sees the object.

    id: unique within its evaluator over all splits, e.g. "train/3", and the same in every process and run.
    generated: whether chance alone made it, so that `Evaluator.fresh` can draw others of its kind; False for one that
        is cut from bundled data. What a program scores on fresh instances is compared with the generated ones.
    """

    id: str
    generated: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class Outcome:
    """What a verifier found out about one candidate on one instance.

    score: 0 = the naive baseline, 100 = the reference, higher is better, not clamped above, at least -100;
        None for an instance of a public set on which the two do not differ (it then counts in `metrics` only).
    metrics: raw figures, the unit in each name (`cost_usd`, `makespan_ticks`).
    feedback: the sentence that would help a person to improve the program.
    """

    score: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    feedback: str = ""

    def __post_init__(self) -> None:
        if self.score is None:
            return
        if not math.isfinite(self.score):
            raise Infeasible(f"the score of this answer is not a finite number ({self.score})")
        object.__setattr__(self, "score", max(WORST_SCORE, float(self.score)))


class NoOptions(BaseModel):
    """The options of an evaluator that has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Evaluator(ABC):
    """A problem domain: its instances and the verifier that scores a candidate on one of them.

    Give the class attributes `name`, `summary`, `defines` and the two abstract methods; the rest has a default.
    """

    name: ClassVar[str]
    """What a user types: `evolve run NAME`."""
    summary: ClassVar[str]
    """One line for `evolve list`."""
    defines: tuple[str, ...]
    """What a candidate must define at its top level: ("place",) or ("Policy",). Where that depends on an option, the
    constructor sets it anew; the seed and the baselines then define all of it, or there is a seed of its own."""
    seed_variant: str = ""
    """Where an option asks for another seed, the constructor sets this to what stands in the name of its file:
    "online" for seed_online.py. A folder baselines/online, where there is one, then takes the place of baselines."""
    language: ClassVar[str] = "python"
    """What programs are written in: "python", "c", "cpp", "go", "java", "javascript", "julia", "rust", "sql", or "text"
    for anything else. Of all but Python `defines` is left out and nothing is run in the sandbox: `evaluate` reads
    `candidate.source` and does with it what it likes. Files end in .cpp and the like, of "text" in .txt; the problem's
    folder `prompts/` may say better what a model is to write."""
    in_sandbox: ClassVar[bool] = True
    """Whether programs are loaded into the sandbox. False: `evaluate` reads `candidate.source`, too, where that is
    Python, and whoever runs it sees to its isolation."""
    limits: ClassVar[Limits] = Limits()
    libraries: ClassVar[tuple[str, ...]] = ()
    """What a candidate may import beyond the standard library and numpy; imported in the zygote, before the fork."""
    timed_metrics: ClassVar[tuple[str, ...]] = ()
    """Metrics that depend on measured time: compared with a tolerance wherever figures are checked again.
    Name "score" here too when the score depends on measured time."""
    objectives: ClassVar[tuple[Objective, ...]] = ()
    """Figures that weigh against each other, e.g. (Objective("score", "max"), Objective("cost_usd", "min", "USD")):
    `--search pareto` then keeps all programs that none beats in all of them, and the report shows these."""
    splits: tuple[Split, ...] = (Split.TRAIN, Split.VALIDATION, Split.TEST)
    """The splits that `instances` can give without `--data`; the constructor may set it anew, as `defines`."""
    score_means: ClassVar[str] = ""
    """What a model reads of the scores, where 0 is not the naive baseline and 100 not the reference."""
    evaluation_s: ClassVar[float | None] = None
    """Wall seconds after which one evaluation is ended with all that it started, and recorded as a failure of the
    verifier: a backstop against one that loops for ever. Default: many times what the seed takes, a minute at least."""
    cpus: ClassVar[float] = 1.0
    memory_gb: ClassVar[float] = 0.0
    gpus: ClassVar[float] = 0.0
    """What one evaluation needs of a cluster's node: cores, memory in GiB (0: no demand), GPUs. `--engine ray` and
    `slurm` ask for it; on this machine nobody does."""
    Options: ClassVar[type[BaseModel]] = NoOptions
    """Frozen pydantic model; `--set evaluator.key=value`."""

    def __init__(self, options: BaseModel | None = None) -> None:
        self.options = self.Options() if options is None else options

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if inspect.isabstract(cls):
            return
        for attribute, example in (
            ("name", 'name = "bin_packing"'),
            ("summary", 'summary = "Pack items of known sizes into the fewest bins"'),
            ("defines", 'defines = ("pack",)'),
        ):
            if attribute == "defines" and cls.language != "python":
                cls.defines = ()
            elif not getattr(cls, attribute, None):
                raise TypeError(f"{cls.__module__}.{cls.__qualname__} needs a class attribute, e.g. {example}")
        wrong = _misshapen(cls)
        if wrong:
            raise TypeError(f"{cls.__module__}.{cls.__qualname__}: {wrong}")

    @abstractmethod
    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the instances of a split, in the order in which they are evaluated.

        The same in every process. Cheap: heavy data is made when an instance is evaluated.
        All of a split count alike, so that each should have enough between 0 and 100 for a trifle to decide nothing:
        the bundled problems draw an own instance again on which the naive program and the reference differ by less
        than a tenth of what the naive one pays.
        Raises UsageError for `Split.PUBLIC` where no public data is bundled, saying which file to give with --data.
        """

    @abstractmethod
    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Score a candidate, which runs in a fresh sandboxed process, on one instance.

        Every figure is computed here from the candidate's decisions. Raises Infeasible when an answer breaks a rule;
        a `CandidateFailure` from `candidate.call` and its kin is left to pass through.
        """

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw instances that nobody has seen, as the generated ones of an own split are drawn (`--fresh N`).

        seed: 0 to 2**63 - 1. Others give other instances; nothing that a candidate sees of one tells the seed, nor
        what it is not shown: draw what is visible and what is hidden from streams of chance of their own.
        Returns instances named by `fresh_id`, in every process the same, the first ones whatever the count. An
        instance on which naive and reference hardly differ is drawn again here, however long that takes; what its
        score depends on is computed here or at its first evaluation. Default: the problem draws none.
        """
        raise UsageError(f"{self.name} draws no fresh instances: its evaluator has no method `fresh`; leave it out.")

    def load(self, path: Path) -> Sequence[Instance]:
        """Read instances in the problem's public file format (`--data PATH`), scored by the public rules.

        Raises UsageError that names the file and the line or key. Default: the problem reads no files.
        """
        raise UsageError(f"{self.name} reads no data files (got --data {path}); leave --data out.")

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write instances in the problem's public file format, into a folder that is there and empty (`evolve data`).

        `load(folder)` reads the same problem data back, under ids of its own. Returns the files written.
        Raises UsageError for an instance that the format has no place for. Default: the problem writes no files.
        """
        raise UsageError(f"{self.name} writes no data files: it has no public file format.")

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Run a candidate on an instance as `evaluate` does, and return what it did as a picture (`evolve.picture`).

        Raises what `evaluate` raises. Default: the problem draws no pictures.
        """
        raise UsageError(f"{self.name} draws no pictures: its evaluator has no method `picture`.")

    def kind_of(self, instance: Instance) -> str:
        """Return in a word or two what sort of instance one is, where there are several: prompts tell it of train.

        Default: nothing.
        """
        return ""

    def remark(self, split: Split) -> str:
        """Return what a reader of a split's figures should know of its rules: shown by `evolve audit` and `score`.

        Default: nothing.
        """
        return ""

    def summarise(self, split: Split, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the figures of a whole split from its outcomes, all of them feasible, in the order of `instances`.

        Default: the mean of every metric. A domain with a published benchmark adds `adrs_score` on `public`.
        """
        names = dict.fromkeys(name for outcome in outcomes for name in outcome.metrics)
        return {name: mean([o.metrics[name] for o in outcomes if name in o.metrics]) for name in names}


def _misshapen(cls: type[Evaluator]) -> str:
    """Return what is wrong with the class attributes of an evaluator, and how to write it; empty when nothing is."""
    if not (isinstance(cls.name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", cls.name)):
        return f'name = {cls.name!r}: letters, digits, _ and - only, e.g. name = "bin_packing"'
    if not isinstance(cls.summary, str) or "\n" in cls.summary:
        return "summary is not one line of text"
    for attribute in ("defines", "libraries", "timed_metrics"):
        value = getattr(cls, attribute)
        if isinstance(value, str):
            return f'{attribute} = "{value}" is a string; write {attribute} = ("{value}",)'
        if not (isinstance(value, tuple) and all(isinstance(name, str) for name in value)):
            return f'{attribute} = {value!r}: expected a tuple of strings, e.g. {attribute} = ("pack",)'
    for function in cls.defines:
        if not function.isidentifier():
            return f"defines names {function!r}, which no program can define"
    if not (isinstance(cls.objectives, tuple) and all(isinstance(one, Objective) for one in cls.objectives)):
        return f'objectives = {cls.objectives!r}: expected a tuple, e.g. (Objective("cost_usd", "min", "USD"),)'
    if not (isinstance(cls.splits, tuple) and cls.splits and all(isinstance(split, Split) for split in cls.splits)):
        return f"splits = {cls.splits!r}: expected a tuple of Split, e.g. splits = (Split.TRAIN, Split.TEST)"
    if not isinstance(cls.limits, Limits):
        return f"limits = {cls.limits!r}: expected Limits, e.g. limits = Limits(cpu_s=10.0)"
    for attribute in ("cpus", "memory_gb", "gpus"):
        amount = getattr(cls, attribute)
        if isinstance(amount, bool) or not (isinstance(amount, int | float) and 0 <= amount < math.inf):
            return f"{attribute} = {amount!r}: expected a number, 0 or more"
    limit_s = cls.evaluation_s
    if limit_s is not None and not (isinstance(limit_s, int | float) and 0 < limit_s < math.inf):
        return f"evaluation_s = {limit_s!r}: expected seconds, above 0"
    return ""


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value, rounded once; finite whenever they are."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def fresh_id(split: Split, seed: int, index: int) -> str:
    """Return the id of an instance that is drawn anew: its split, and what it is drawn from."""
    return f"{split}/fresh-{seed}-{index}"


def relative_score(naive: float, reference: float, x: float) -> float:
    """Return 100 * (naive - x) / (naive - reference), at least -100: 0 = naive, 100 = reference; less x is better.

    Raises ValueError when naive and reference coincide.
    """
    if naive == reference:
        raise ValueError(f"naive and reference are both {naive}: redraw the instance")
    return max(WORST_SCORE, 100.0 * (naive - x) / (naive - reference))


def _array_of_lists(answer: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Read nested lists of int, the innermost perhaps arrays, of exactly this shape. Raises Infeasible.

    numpy itself would take a bool for a number, and for one long text among the numbers as much memory as for all
    numbers to be as long.
    """
    level = [answer]
    for axis, length in enumerate(shape):
        for part in level:
            rows = isinstance(part, np.ndarray) and part.ndim == len(shape) - axis and part.dtype.kind in "iu"
            if not rows and not isinstance(part, list):
                raise Infeasible(f"the answer holds {type(part).__name__}, expected whole numbers of shape {shape}")
            if len(part) != length:
                raise Infeasible(
                    f"the answer holds a list of {len(part)} where {length} belong, expected shape {shape}"
                )
        level = [x for part in level for x in (part.tolist() if isinstance(part, np.ndarray) else part)]
    for number, x in enumerate(level):
        if type(x) is not int:
            value = f" {x!r:.40}" if isinstance(x, float | str) else ""
            said = f"{type(x).__name__}{value} (number {number} of {len(level)})"
            raise Infeasible(f"the answer holds {said}, expected whole numbers (int)")
    if level and not -(2**63) <= min(level) <= max(level) < 2**63:
        raise Infeasible("the answer holds a number beyond 64 bits")
    return np.array(level, dtype=np.int64).reshape(shape)


def index_array(answer: Any, shape: tuple[int, ...], upper: int, what: str) -> np.ndarray:
    """Read a candidate's answer as whole numbers in 0..upper-1.

    answer: nested lists of int, or an integer array, as they came over the wire.  what: "slot", for the messages.
    Returns (shape) int64. Raises Infeasible that names the first wrong place: a float, a bool, a wrong shape, a number
    out of range.
    """
    array = answer if isinstance(answer, np.ndarray) else _array_of_lists(answer, shape)
    if array.shape != shape:
        raise Infeasible(f"the answer has shape {array.shape}, expected {shape}")
    if array.dtype.kind not in "iu":
        raise Infeasible(f"the answer holds {array.dtype.name}, expected whole numbers (int)")
    wrong = (array < 0) | (array >= upper)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise Infeasible(f"{what} {place if len(place) > 1 else place[0]} is {array[place]}, expected 0..{upper - 1}")
    return array.astype(np.int64)
