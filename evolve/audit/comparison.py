"""What the archive says of a program on a split against what it scores now, figure by figure.

Problems are deterministic: a figure that does not depend on measured time must come out again to the last bit. One
that does (`Evaluator.timed_metrics`) is given a tolerance, and it is enough that the nearest of the repeats is within
it: a busy host disturbs a measurement for a moment, while an invented figure is far from every repeat.

- A timed metric reproduces within SHARE of the larger of the two figures, that is within a factor of two. The CPU and
  wall time of eplb's baseline, a few ms, came out up to 1.5 times as long in one repeat as in another on 2 cores.
- A score that is timed reproduces within POINTS. A factor of two in CPU time moves eplb's score by less than one.

A machine more than twice as fast as that of the run reproduces no timed figure: audit where the run was made.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evolve.evaluator import Split
from evolve.scoring import InstanceResult, SplitScore, Status

SHARE = 0.5
"""Of the larger of two figures: how far a timed metric may be from the archived one."""
POINTS = 2.0
"""How far a timed score may be from the archived one."""

Figure = float | str | None
"""A status is text. None: the figure is not there."""


@dataclass(frozen=True)
class Difference:
    """A figure that does not reproduce.

    Attributes:
        instance: its id; empty for a figure of the whole split.
        figure: "status", "score", "instances" (how many there are), or a metric's name.
        archived: what the archive says.
        repeats: what came out now, once per repeat.
        timed: whether it depends on measured time, and was compared with a tolerance.
        detail: what is said about the failure, where a status differs.
    """

    program: int
    split: Split
    instance: str
    figure: str
    archived: Figure
    repeats: tuple[Figure, ...]
    timed: bool = False
    detail: str = ""

    @property
    def repeats_agree(self) -> bool:
        """Whether the program gave the same figure each time now, whatever the archive says."""
        if self.timed:
            return all(_near(self.figure, self.repeats[0], figure) for figure in self.repeats)
        return all(_same(self.repeats[0], figure) for figure in self.repeats)


class _Key(NamedTuple):
    instance: str
    is_metric: bool
    figure: str


def differences(
    program: int, split: Split, archived: SplitScore | None, repeats: Sequence[SplitScore], timed: Collection[str]
) -> list[Difference]:
    """Return the figures of a program on a split that do not reproduce, those of the whole split first.

    archived: None where the archive has nothing.  repeats: at least one.  timed: as `Evaluator.timed_metrics`.
    Where a status differs, the other figures of that instance, or of the split, follow from it and are left out.
    """
    recorded: Mapping[_Key, Figure] = {} if archived is None else _figures(archived)
    measured = [_figures(score) for score in repeats]
    # A dict for a set with an order: that of the archive, then what only the repeats have.
    keys = dict.fromkeys(key for figures in (recorded, *measured) for key in figures)
    found: list[Difference] = []
    settled: set[str] = set()
    for key in keys:
        now = tuple(figures.get(key) for figures in measured)
        is_timed = key.figure in timed and key.figure != "status"
        if key.instance in settled or _reproduces(key, recorded.get(key), now, is_timed):
            continue
        is_status = key.figure == "status" and not key.is_metric
        detail = _failure(repeats, archived, key.instance) if is_status else ""
        found.append(Difference(program, split, key.instance, key.figure, recorded.get(key), now, is_timed, detail))
        if is_status:
            settled.add(key.instance)
    return found


def _figures(score: SplitScore) -> dict[_Key, Figure]:
    """Return all figures; a status comes before the figures that follow from it."""
    figures: dict[_Key, Figure] = _scope("", score)
    figures[_Key("", False, "instances")] = len(score.instances)
    for result in score.instances:
        figures.update(_scope(result.instance_id, result))
    return figures


def _scope(instance: str, result: SplitScore | InstanceResult) -> dict[_Key, Figure]:
    return {
        _Key(instance, False, "status"): result.status.value,
        _Key(instance, False, "score"): result.score,
        **{_Key(instance, True, name): value for name, value in result.metrics.items()},
    }


def _reproduces(key: _Key, archived: Figure, now: Sequence[Figure], timed: bool) -> bool:
    if timed:
        return any(_near(key.figure, archived, figure) for figure in now)
    return all(_same(archived, figure) for figure in now)


def _same(a: Figure, b: Figure) -> bool:
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return a == b


def _near(name: str, a: Figure, b: Figure) -> bool:
    if isinstance(a, str | None) or isinstance(b, str | None) or not (math.isfinite(a) and math.isfinite(b)):
        return _same(a, b)
    return abs(a - b) <= (POINTS if name == "score" else SHARE * max(abs(a), abs(b)))


def _failure(repeats: Sequence[SplitScore], archived: SplitScore | None, instance: str) -> str:
    """Return what is said about the first failure on an instance, or a split: of a repeat, or else in the archive."""
    for score in (*repeats, *([] if archived is None else [archived])):
        for result in score.instances:
            if result.status is not Status.OK and instance in ("", result.instance_id):
                return result.feedback
    return ""
