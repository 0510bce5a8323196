"""Scoring a run's best program, its seed and its best baselines on instances that nobody has seen.

The instances of the splits are in the repository: a program whose author has read it may know them by heart, and their
future. It cannot know instances that are drawn from a seed made now. So all are scored on such ones, as the generated
ones of test are drawn, and the best program's lead over the others is compared with its lead on those. A lead that
falls by more than chance explains, over everyone that it is compared with, is a finding.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evolve.archive import Program, Role, Store
from evolve.config import RunConfig
from evolve.evaluator import Split
from evolve.intervals import Interval, drop_interval, mean_interval
from evolve.measure import measure
from evolve.registry import Problem
from evolve.scoring import InstanceResult, Status
from evolve.workers import Fresh

BASELINES = 2
"""How many of the baselines are scored, the best on test."""
SEED_BITS = 63


def new_seed() -> int:
    """Return a seed that nobody could have known."""
    return secrets.randbits(SEED_BITS)


@dataclass(frozen=True)
class Rival:
    """A program of a run. role: "best", "seed" or "baseline".  test: its results there, empty without a test split."""

    role: str
    name: str
    source: str
    test: tuple[InstanceResult, ...]


@dataclass(frozen=True)
class FreshScore:
    """What a program scored on the fresh instances and on the generated ones of test.

    Attributes:
        status: ok, or how its first evaluation on a fresh instance ended that was not.
        fresh, test: mean scores; None where it has none.
        lead_fresh, lead_test: by how much the best program is ahead of it, over the same instances; None of the best
            program itself, and where one of the two has no score on each of them.
        drop: lead_test minus lead_fresh.
    """

    role: str
    name: str
    status: Status
    fresh: Interval | None
    test: Interval | None
    lead_fresh: Interval | None = None
    lead_test: Interval | None = None
    drop: Interval | None = None


@dataclass(frozen=True)
class FreshAudit:
    """What came of the fresh instances. seed, split: what they were drawn from.  test_count: those compared with."""

    seed: int
    split: Split
    count: int
    test_count: int
    scores: tuple[FreshScore, ...]

    @property
    def is_finding(self) -> bool:
        """Whether the best program fails on a fresh instance, or its lead over all others falls beyond chance."""
        best, *others = self.scores
        if best.status is not Status.OK:
            return True
        drops = [other.drop for other in others if other.drop is not None]
        return bool(drops) and all(drop.low > 0 for drop in drops)


def rivals(store: Store, best: Program) -> list[Rival]:
    """Return the best program, the seed unless it is that, and the best baselines, from the archive."""
    on_test = {f.program_id: f.score for f in store.split_figures() if f.split is Split.TEST and f.score is not None}
    baselines = store.programs(Role.BASELINE)
    ranked = sorted(baselines, key=lambda p: (p.id not in on_test, -on_test.get(p.id, 0.0), -(p.score or 0.0), p.name))
    seed = store.program(0)
    chosen = [("best", best), *([("seed", seed)] if seed is not None and seed.id != best.id else [])]
    chosen += [("baseline", program) for program in ranked[:BASELINES]]
    return [
        Rival(role, _name(program), program.source, tuple(store.evaluations(program.id, Split.TEST)))
        for role, program in chosen
    ]


def _name(program: Program) -> str:
    return program.name or f"program {program.id}"


async def score_afresh(
    problem: Problem,
    config: RunConfig,
    programs: list[Rival],
    fresh: Fresh,
    announce: Callable[[str, bool], None] = lambda text, lasting: None,
) -> FreshAudit:
    """Score programs, the best one first, on fresh instances. config: as of `measure`.

    They are drawn as those of test, and compared with test as the archive has it; where it has nothing of test, which
    is not looked at before a run's end, they are drawn as those of train and compared with nothing.
    Raises UsageError where the problem draws none, or as `measure` does.
    """
    split = Split.TEST if programs[0].test else Split.TRAIN
    own = [i.id for i in problem.instances(split) if i.generated] if split is Split.TEST else []
    measured = await measure(
        problem,
        config,
        {f"{rival.role}: {rival.name}": rival.source for rival in programs},
        split,
        announce=announce,
        fresh=fresh,
    )
    found = [_scores(one.score.instances) for one in measured]
    known = [{id_: score for id_, score in _scores(rival.test).items() if id_ in own} for rival in programs]
    statuses = [one.score.status for one in measured]
    scores = [
        FreshScore(
            rival.role,
            rival.name,
            status,
            mean_interval(list(on_fresh.values())) if status is Status.OK and on_fresh else None,
            mean_interval(list(on_test.values())) if on_test else None,
            *(_leads(found[0], on_fresh, known[0], on_test) if place and status is statuses[0] is Status.OK else ()),
        )
        for place, (rival, status, on_fresh, on_test) in enumerate(zip(programs, statuses, found, known, strict=True))
    ]
    return FreshAudit(fresh.seed, split, fresh.count, len(own), tuple(scores))


def _scores(results: tuple[InstanceResult, ...]) -> dict[str, float]:
    return {r.instance_id: r.score for r in results if r.status is Status.OK and r.score is not None}


def _leads(
    best_fresh: Mapping[str, float],
    other_fresh: Mapping[str, float],
    best_test: Mapping[str, float],
    other_test: Mapping[str, float],
) -> tuple[Interval | None, Interval | None, Interval | None]:
    """Return the lead on fresh instances, that on test, and how much it falls; None where instances have no scores."""
    on_fresh = [best_fresh[id_] - other_fresh[id_] for id_ in best_fresh if id_ in other_fresh]
    on_test = [best_test[id_] - other_test[id_] for id_ in best_test if id_ in other_test]
    return (
        mean_interval(on_fresh) if on_fresh else None,
        mean_interval(on_test) if on_test else None,
        drop_interval(on_test, on_fresh) if on_fresh and on_test else None,
    )
