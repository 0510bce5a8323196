"""What a run's model calls cost and what they brought: by model, by kind of mutation, per improvement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evolve.archive import Fate, Store, Trial


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
    """Count the steps of a run, in the order in which the search learnt of them."""
    ends = store.trials()
    seed = store.program(0)
    best = seed.score if seed is not None and seed.score is not None else float("-inf")
    gains: dict[int, float] = {}
    improvements: list[Step] = []
    total = before = 0.0
    for end in ends:
        total += end.cost_usd or 0.0
        if end.score is not None and end.score > best:
            step, gain = end.id, end.score - best
            gains[step] = gain
            improvements.append(Step(step, end.model, end.kind, end.score, gain, total - before, total))
            best, before = end.score, total
    return Costs(
        _shares(ends, gains, lambda end: end.model),
        _shares(ends, gains, lambda end: end.asked or end.kind or "none"),
        tuple(improvements),
        all(end.cost_usd is not None for end in ends if end.answered),
    )


def _shares(ends: Iterable[Trial], gains: dict[int, float], name: Callable[[Trial], str]) -> tuple[Share, ...]:
    groups: dict[str, list[Trial]] = {}
    for end in ends:
        groups.setdefault(name(end), []).append(end)
    shares = [_share(of, group, [gains[end.id] for end in group if end.id in gains]) for of, group in groups.items()]
    return tuple(sorted(shares, key=lambda share: (-share.gain, share.name)))


def _share(name: str, ends: Sequence[Trial], gains: Sequence[float]) -> Share:
    answered = [end for end in ends if end.answered]
    return Share(
        name=name,
        steps=len(ends),
        calls=sum(end.called for end in ends),
        failed=sum(end.called and not end.answered for end in ends),
        unread=sum(not end.is_program and end.fate is not Fate.INSIGHT for end in answered),
        programs=sum(end.is_program for end in ends),
        sound=sum(end.score is not None for end in ends),
        improvements=len(gains),
        gain=sum(gains),
        tokens=sum(end.call_tokens for end in ends),
        cost_usd=None if any(end.cost_usd is None for end in answered) else sum(e.cost_usd or 0.0 for e in ends),
    )
