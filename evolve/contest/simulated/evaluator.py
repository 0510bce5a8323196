"""The problem "simulated": a program is its genes, and what they are worth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from evolve.evaluator import Candidate, Evaluator, Infeasible, Instance, Limits, Outcome, Split, fresh_id

from . import landscape

COUNTS = {Split.TRAIN: 12, Split.VALIDATION: 12, Split.TEST: 24}


class SimulatedOptions(BaseModel):
    """Which landscape."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rugged", "deceptive", "parts", "opposed"] = Field(default="rugged", description="which landscape")
    wish_points: float = Field(
        default=landscape.WISH_POINTS,
        ge=0,
        le=100,
        description="what an instance's own wish for one gene is worth: the more, the better train can be fitted",
    )


@dataclass(frozen=True)
class Case(Instance):
    """An instance. group: which half it belongs to."""

    group: int


class Simulated(Evaluator):
    """Scores 32 genes by a landscape of known structure."""

    name = "simulated"
    summary = "Find the 32 bits that a known landscape likes best (for comparing strategies)"
    defines = ("genes",)
    limits = Limits(call_s=2.0, cpu_s=2.0, memory_mb=256)
    Options: ClassVar[type[BaseModel]] = SimulatedOptions

    def instances(self, split: Split) -> Sequence[Case]:
        """Return the instances of a split, the two groups in turn."""
        return [Case(f"{split}/{number}", group=number % 2) for number in range(COUNTS.get(split, 0))]

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Case]:
        """Return instances with other wishes."""
        return [Case(fresh_id(split, seed, number), group=number % 2) for number in range(count)]

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for the genes. Raises Infeasible when they are none."""
        assert isinstance(instance, Case) and isinstance(self.options, SimulatedOptions)
        genes = candidate.call("genes")
        if not isinstance(genes, list | tuple) or len(genes) != landscape.GENES or any(g not in (0, 1) for g in genes):
            raise Infeasible(f"genes() returned {genes!r:.80}, expected {landscape.GENES} of 0 and 1")
        kind, wish_points = self.options.kind, self.options.wish_points
        score = landscape.score(kind, tuple(map(int, genes)), instance.id, instance.group, wish_points)
        return Outcome(score, {"ones": float(sum(genes))}, f"{score:.1f} points")
