"""A run of another process, followed while it goes on: what is new of it, line by line, until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evolve.archive import RunStatus, Store, Summary
from evolve.errors import UsageError
from evolve.words import counted

LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class Seen:
    """A run at one moment. improved: the best score on train is higher than when it was seen last."""

    status: RunStatus
    reason: str
    evaluations: int
    steps: int
    best_id: int | None
    best_score: float | None
    cost_usd: float
    calls: int
    active_s: float
    improved: bool

    @property
    def is_over(self) -> bool:
        """Whether nobody works on the run any more."""
        return self.status is not RunStatus.RUNNING


def follow(
    folder: Path, pause: Callable[[], None] = lambda: time.sleep(LOOK_EVERY_S), quiet: bool = True
) -> Iterator[Seen]:
    """Yield what a run is like, whenever that has changed, and last how it ended.

    pause: waits between two looks.  quiet: leave out looks at which nothing is new.
    A look at which the archive cannot be read, since its writer is in the middle of it, is tried again; one that
    cannot be read any more ends it with the UsageError.
    """
    before: Seen | None = None
    failures = 0
    while True:
        try:
            with Store.open(folder) as store:
                seen = _seen(store.summary(), before)
            failures = 0
        except UsageError:
            failures += 1
            if before is None or failures > 5:
                raise
            pause()
            continue
        if before is None or not quiet or _differs(seen, before):
            yield seen
        before = seen
        if seen.is_over:
            return
        with suppress(KeyboardInterrupt):
            pause()
            continue
        return


def _seen(summary: Summary, before: Seen | None) -> Seen:
    best = summary.best_score
    improved = best is not None and before is not None and (before.best_score is None or best > before.best_score)
    return Seen(
        summary.status,
        summary.reason,
        summary.evaluations,
        summary.steps,
        summary.best_id,
        best,
        summary.calls.cost_usd,
        summary.calls.calls,
        summary.active_s,
        improved,
    )


def _differs(seen: Seen, before: Seen) -> bool:
    return (seen.status, seen.evaluations, seen.best_id) != (before.status, before.evaluations, before.best_id)


def line_of(seen: Seen) -> str:
    """Return what is seen in one line."""
    best = "nothing scored" if seen.best_score is None else f"best {seen.best_score:.2f} (program {seen.best_id})"
    spent = f", {counted(seen.calls, 'call')}, ${seen.cost_usd:.4f}" if seen.calls else ""
    end = f", {seen.status}{': ' + seen.reason if seen.reason else ''}" if seen.is_over else ""
    return f"{'* ' if seen.improved else '  '}{counted(seen.evaluations, 'evaluation')}, {best}{spent}{end}"
