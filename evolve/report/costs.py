"""What a run's model calls cost and what they brought: by model, by kind of mutation, per improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evolve.archive import Fate, Improvement, Share, Store, Trial

READ = (Fate.SCORED, Fate.INSIGHT, Fate.NO_CHANGE)
"""How a step ends whose answer was understood, and of use or not."""


@dataclass(frozen=True)
class Part:
    """The steps of one model or kind.

    Attributes:
        failed: calls without an answer.  unread: answers that gave no new program, other than on purpose.
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
class Costs:
    """All of it. cost_known: every call has a price."""

    by_model: tuple[Part, ...]
    by_kind: tuple[Part, ...]
    improvements: tuple[Improvement, ...]
    cost_known: bool


def costs(store: Store, best_so_far: Sequence[Improvement]) -> Costs:
    """Count the steps of a run, and add up what each improvement cost. best_so_far: as of `Store.improvements`."""
    found = tuple(one for one in best_so_far if one.trial.id > 0)
    shares = store.shares()
    return Costs(
        _parts(shares, lambda share: share.mutator, found, lambda trial: trial.model),
        _parts(shares, lambda share: share.kind, found, lambda trial: trial.asked or trial.kind),
        found,
        not any(share.unpriced for share in shares),
    )


def _parts(
    shares: Sequence[Share],
    name: Callable[[Share], str],
    improvements: Sequence[Improvement],
    name_of: Callable[[Trial], str],
) -> tuple[Part, ...]:
    parts = []
    for part in {name(share) for share in shares}:
        gains = [one.gain for one in improvements if name_of(one.trial) == part]
        parts.append(_part(part, [share for share in shares if name(share) == part], gains))
    return tuple(sorted(parts, key=lambda part: (-part.gain, part.name)))


def _part(name: str, shares: Sequence[Share], gains: Sequence[float]) -> Part:
    return Part(
        name=name,
        steps=sum(share.steps for share in shares),
        calls=sum(share.calls for share in shares),
        failed=sum(share.calls - share.answered for share in shares),
        unread=sum(share.answered for share in shares if share.fate not in READ),
        programs=sum(share.steps for share in shares if share.fate is Fate.SCORED),
        sound=sum(share.sound for share in shares),
        improvements=len(gains),
        gain=sum(gains),
        tokens=sum(share.tokens for share in shares),
        cost_usd=None if any(share.unpriced for share in shares) else sum(share.cost_usd for share in shares),
    )
