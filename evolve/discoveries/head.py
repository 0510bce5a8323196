"""What is known of a discovery, as its discovery.toml holds it: figures, where it is from, what it cost.

Every figure is computed by `evolve discoveries --add`; a person writes `summary` and `public.looks` only.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evolve.config_part import Part
from evolve.evaluator import Split

NAME = "[a-z0-9][a-z0-9_-]*"
"""What a discovery may be called: it is a folder's name."""


class Mean(Part):
    """A mean over instances, and its 95 % interval (`evolve.intervals`)."""

    mean: float
    low: float
    high: float


class OnSplit(Part):
    """The program and the best baseline on the instances of a split.

    Attributes:
        baseline: name of the one with the highest mean there; empty where the problem has none.
        lead: of the program over it, paired over instances.
    """

    instances: int
    program: Mean
    baseline: str = ""
    of_baseline: Mean | None = None
    lead: Mean | None = None


class OnFresh(Part):
    """The program on instances that were drawn when the discovery was made, like those of test.

    Attributes:
        seed: what they were drawn from.  others: names of who was scored beside it.
        leads, drops: over each of these, the lead on the fresh instances, and by how much it is below that on the
            generated instances of test; real traces there are no part of that.
        is_finding: the lead falls beyond chance over everyone (`evolve.audit`).
    """

    seed: int
    instances: int
    program: Mean | None
    others: tuple[str, ...]
    leads: tuple[Mean | None, ...]
    drops: tuple[Mean | None, ...]
    is_finding: bool


class OnPublic(Part):
    """The program on the published set, by the published rules.

    Attributes:
        metrics: of the split, `adrs_score` among them where the benchmark has a score.
        baseline: the best of the problem's there.
        looks: how often a program of the run was scored on it, this time included; more than once is no blind figure.
    """

    instances: int
    score: float
    metrics: dict[str, float]
    baseline: str = ""
    baseline_metrics: dict[str, float] = Field(default_factory=dict)
    looks: int = Field(default=1, ge=1)


class Published(Part):
    """What is known of a problem's published set, as its discoveries/published.toml says.

    Attributes:
        metric: a figure of the public split.  unit: of it.  goal: whether more or less of it is better.
        best, best_by: the best published figure under the published rules, and whose it is.
        limit, limit_is: what no program can pass on the same instances, and why.
    """

    metric: str
    unit: str = ""
    goal: Literal["max", "min"] = "max"
    best: float | None = None
    best_by: str = ""
    limit: float | None = None
    limit_is: str = ""


class Cost(Part):
    """What the run came to. usd: None where no prices are known."""

    calls: int
    failed_calls: int
    evaluations: int
    prompt_tokens: int
    completion_tokens: int
    tokens_are_estimated: bool
    usd: float | None = None

    @property
    def tokens(self) -> int:
        """Of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens


class Head(Part):
    """All of it.

    Attributes:
        summary: in one line, what the program does.
        program: its number in the run.  chosen: whether validation chose it; else a person did.
        started_from: "seed", or what the run was told to start from.
        search: the strategy.  run_seed: of the run's chance.
        splits: train, validation and test, as far as the problem has them.
    """

    format: Literal[1] = 1
    problem: str
    name: str = Field(pattern=f"^{NAME}$")
    summary: str
    program: int
    chosen: bool
    started_from: str
    search: str
    run_seed: int
    models: tuple[str, ...]
    cost: Cost
    splits: dict[Split, OnSplit]
    fresh: OnFresh | None = None
    public: OnPublic | None = None
