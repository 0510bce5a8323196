"""Which of a run's finalists wins: by validation, and by length where validation sees no difference that matters.

The leader has the highest mean on validation. Another finalist is level with it when both hold:

- the 95 % interval of the mean paired difference holds 0: a bootstrap over instances, 10,000 seeded draws, as
  `evolve.intervals` describes. With fewer than six instances no difference is taken to be certain, see `Lead`;
- the difference is at most LEVEL_POINTS.

Of the leader and those level with it, the shortest wins, of equally long ones the best on train: a seed whose numbers
were changed to no effect is not worth what it lost there.

Why the second condition: an interval over a dozen instances is wide, and "not told apart" alone would give away points
that are there to be had. Simulated (12 finalists whose true scores are spread by 5 points, 16 instances, 15 points of
noise on a paired difference): the shortest of all that cannot be told apart is truly worse than the plain leader by
more than a point in 61 % of runs and better in 12 %. With the second condition it is 2 % and 3 %, the mean true score
is the same, and a copy with less in it still wins. `tests/test_winner.py` repeats the simulation.

The leader's own mean is too high, as the best of several always is (winner's curse). That is why a run reports test,
which is scored once, for the winner. No interval is widened for the number of finalists: a wider one could only let
more of them be level, of which the second condition leaves none that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.intervals import Lead, paired_lead
from evolve.scoring import InstanceResult, Status

LEVEL_POINTS = 0.5
"""How far behind the leader a shorter program may be: what a score that depends on measured time varies by."""


@dataclass(frozen=True)
class Finalist:
    """A program that may win.

    Attributes:
        score: mean on validation.  scores: by instance, at least one.
        tokens: length of the source without layout and comments.  chars: with them.
    """

    id: int
    train: float
    score: float
    scores: Mapping[str, float]
    tokens: int
    chars: int


@dataclass(frozen=True)
class Standing:
    """A finalist and the leader. behind: by how much the leader's mean is above it; None of the leader itself.

    is_level: the leader, or a program that validation does not place behind it.  wins: it is the shortest of these.
    """

    finalist: Finalist
    behind: Lead | None
    is_level: bool
    wins: bool = False


def standings(finalists: Sequence[Finalist]) -> list[Standing]:
    """Return finalists by their mean on validation, the leader first; one of them wins. finalists: at least one."""
    ranked = sorted(finalists, key=lambda one: (-one.score, one.tokens, one.chars, -one.train, one.id))
    leader = ranked[0]
    found = [Standing(leader, None, True)]
    for other in ranked[1:]:
        behind = paired_lead(leader.scores, other.scores)
        is_near = leader.score - other.score <= LEVEL_POINTS
        found.append(Standing(other, behind, is_near and behind is not None and not behind.is_certain))
    level = [one.finalist for one in found if one.is_level]
    winner = min(level, key=lambda one: (one.tokens, -one.train, one.chars))  # of equal ones the first in `ranked`
    return [Standing(one.finalist, one.behind, one.is_level, one.finalist is winner) for one in found]


def standings_of(store: Store) -> list[Standing]:
    """Return the standings of a run's seed and children that validation has scored; empty when it has none of them."""
    scored = [f for f in store.split_figures() if f.split is Split.VALIDATION and f.status is Status.OK]
    found = []
    for figures in scored:
        program = store.program(figures.program_id) if figures.program_id >= 0 else None
        if program is None or program.score is None or figures.score is None:
            continue
        scores = by_instance(store.evaluations(program.id, Split.VALIDATION))
        found.append(Finalist(program.id, program.score, figures.score, scores, program.tokens, program.chars))
    return standings(found) if found else []


def earlier_winners(store: Store) -> list[Program]:
    """Return the children that won before the run was resumed, other than its best now: test has scored them."""
    best = store.best()
    tested = [f.program_id for f in store.split_figures() if f.split is Split.TEST and f.program_id > 0]
    found = [store.program(id) for id in tested if best is None or id != best.id]
    return [program for program in found if program is not None]


def by_instance(results: Iterable[InstanceResult]) -> dict[str, float]:
    """Return the scores of sound results by instance."""
    return {r.instance_id: r.score for r in results if r.status is Status.OK and r.score is not None}
