"""What a run's model calls cost and what they brought: by model, by kind of mutation, per improvement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from evolve.archive import Fate, StepEnd, Store
from evolve.report.figures import usd_text
from evolve.report.tables import plain_table

COLUMNS = ("calls", "lost", "programs", "best", "points", "tokens", "cost", "per\npoint")


@dataclass(frozen=True)
class Share:
    """The steps of one model or kind.

    Attributes:
        failed: calls without an answer.  unread: answers that gave no new program.
        programs: children that were evaluated; sound: of these, with a score.
        improvements: children that were the best so far; gain: by how many points on train, added up.
        cost_usd: None where a price is not known.
    """

    name: str
    steps: int
    calls: int
    failed: int
    unread: int
    programs: int
    sound: int
    improvements: int
    gain: float
    tokens: int
    cost_usd: float | None

    @property
    def usd_per_point(self) -> float | None:
        """Dollars for a point on train; None without a price or a gain."""
        return None if self.cost_usd is None or self.gain <= 0 else self.cost_usd / self.gain


@dataclass(frozen=True)
class Step:
    """One improvement. gain: points above the best before; cost_usd: spent since the one before; total_usd: by then."""

    id: int
    mutator: str
    kind: str
    score: float
    gain: float
    cost_usd: float
    total_usd: float


@dataclass(frozen=True)
class Costs:
    """All of it. cost_known: every call has a price."""

    by_model: tuple[Share, ...]
    by_kind: tuple[Share, ...]
    improvements: tuple[Step, ...]
    cost_known: bool


def costs(store: Store) -> Costs:
    """Count the steps of a run, in the order in which the search heard of them."""
    ends = [*store.step_ends(heard=True), *store.step_ends(heard=False)]
    seed = store.program(0)
    best = seed.score if seed is not None and seed.score is not None else float("-inf")
    gains: dict[int, float] = {}
    improvements: list[Step] = []
    total = before = 0.0
    for end in ends:
        total += end.cost_usd or 0.0
        if end.score is not None and end.score > best:
            step, gain = end.selection.step, end.score - best
            gains[step] = gain
            improvements.append(Step(step, end.selection.mutator, end.kind, end.score, gain, total - before, total))
            best, before = end.score, total
    return Costs(
        _shares(ends, gains, lambda end: end.selection.mutator),
        _shares(ends, gains, lambda end: end.selection.kind or end.kind or "none"),
        tuple(improvements),
        all(end.cost_usd is not None for end in ends if end.answered),
    )


def _shares(ends: Iterable[StepEnd], gains: dict[int, float], name: Callable[[StepEnd], str]) -> tuple[Share, ...]:
    groups: dict[str, list[StepEnd]] = {}
    for end in ends:
        groups.setdefault(name(end), []).append(end)
    shares = [
        _share(of, group, [gains[end.selection.step] for end in group if end.selection.step in gains])
        for of, group in groups.items()
    ]
    return tuple(sorted(shares, key=lambda share: (-share.gain, share.name)))


def _share(name: str, ends: Sequence[StepEnd], gains: Sequence[float]) -> Share:
    answered = [end for end in ends if end.answered]
    return Share(
        name=name,
        steps=len(ends),
        calls=sum(end.called for end in ends),
        failed=sum(end.called and not end.answered for end in ends),
        unread=sum(not end.is_scored and end.selection.fate is not Fate.INSIGHT for end in answered),
        programs=sum(end.is_scored for end in ends),
        sound=sum(end.score is not None for end in ends),
        improvements=len(gains),
        gain=sum(gains),
        tokens=sum(end.tokens for end in ends),
        cost_usd=None if any(end.cost_usd is None for end in answered) else sum(e.cost_usd or 0.0 for e in ends),
    )


def costs_document(found: Costs) -> dict[str, Any]:
    """Return the facts as JSON takes them."""
    return {
        "cost_known": found.cost_known,
        "by_model": [vars(share) | {"usd_per_point": share.usd_per_point} for share in found.by_model],
        "by_kind": [vars(share) | {"usd_per_point": share.usd_per_point} for share in found.by_kind],
        "improvements": [vars(step) for step in found.improvements],
    }


def print_costs(console: Console, found: Costs) -> None:
    """Print the three tables."""
    for title, shares in (("by model", found.by_model), ("by kind of mutation", found.by_kind)):
        table = plain_table(title)
        table.padding = (0, 1)
        table.add_column("", no_wrap=True)
        for column in COLUMNS:
            table.add_column(column, justify="right", no_wrap=True)
        for one in shares:
            counts = (one.calls, one.failed + one.unread, one.programs, one.improvements)
            table.add_row(
                one.name,
                *map(str, counts),
                f"{one.gain:.2f}",
                str(one.tokens),
                _usd(one.cost_usd),
                _usd(one.usd_per_point),
            )
        console.print(table)
    table = plain_table("per improvement")
    for column in ("program", "train", "points", "cost", "in all"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("made by", no_wrap=True)
    for step in found.improvements:
        money = (_usd(step.cost_usd), _usd(step.total_usd)) if found.cost_known else ("-", "-")
        table.add_row(str(step.id), f"{step.score:.2f}", f"{step.gain:.2f}", *money, f"{step.mutator}, {step.kind}")
    console.print(table)
    if not found.cost_known:
        console.print("Prices are not known (usd_per_mtok_in, usd_per_mtok_out).", highlight=False)


def _usd(amount: float | None) -> str:
    return "-" if amount is None else usd_text(amount)
