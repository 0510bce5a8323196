"""The end of a run: validation picks the winner, the test split is scored once, the table is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from evolve.archive import Program, Role, SplitFigures, Store
from evolve.evaluator import Split
from evolve.observer import Row
from evolve.scoring import Status
from evolve.workers import Pool, evaluate_spread, split_score

if TYPE_CHECKING:
    from evolve.registry import Problem

FINALISTS = 8
"""How many programs, the best by train, validation chooses from."""


async def pick_winner(store: Store, problem: Problem, pool: Pool, report: Callable[[str, int, int], None]) -> None:
    """Score the finalists on validation, record the best as the winner, and score it on test.

    The seed and the baselines are scored on both, for the table. What is committed already is not evaluated again.
    report: called with the split's name, how many programs are done, how many there are.
    """
    known = [store.program(0), *store.programs(Role.BASELINE)]
    compared = [program for program in known if program is not None]
    finalists = store.top(FINALISTS)
    await _score(store, problem, pool, Split.VALIDATION, [*finalists, *compared], report)
    winner = _best(finalists, store.split_figures())
    store.set_winner(winner.id)
    await _score(store, problem, pool, Split.TEST, [winner, *compared], report)


async def _score(
    store: Store,
    problem: Problem,
    pool: Pool,
    split: Split,
    programs: Iterable[Program],
    report: Callable[[str, int, int], None],
) -> None:
    if split not in problem.evaluator.splits:
        return
    instances = problem.evaluator.instances(split)
    there = {figures.program_id for figures in store.split_figures() if figures.split is split}
    wanted = {program.id: program for program in programs}
    done = sum(id in there for id in wanted)
    report(split.value, done, len(wanted))

    async def score(program: Program) -> None:
        nonlocal done
        results = await evaluate_spread(pool, program.source, split, len(instances))
        store.add_split(program.id, await split_score(pool, split, results, len(instances)))
        done += 1
        report(split.value, done, len(wanted))

    await asyncio.gather(*(score(program) for id, program in wanted.items() if id not in there))


def _best(finalists: Sequence[Program], figures: Iterable[SplitFigures]) -> Program:
    """Return the best by validation, ties by train; the best by train when none is sound on validation."""
    validation = {f.program_id: f.score for f in figures if f.split is Split.VALIDATION and f.status is Status.OK}
    sound = [(score, program) for program in finalists if (score := validation.get(program.id)) is not None]
    return max(sound, key=lambda entry: entry[0])[1] if sound else finalists[0]


def table(store: Store) -> tuple[tuple[Row, ...], int]:
    """Return the rows of the closing table and the id of the best program; whatever is not evaluated is None."""
    best = store.best()
    seed = store.program(0)
    figures = {(f.program_id, f.split): f for f in store.split_figures()}
    named = [] if seed is None else [("seed", seed)]
    named += [(program.name, program) for program in reversed(store.programs(Role.BASELINE))]
    named += [] if best is None else [("best", best)]
    rows = tuple(_row(name, program, figures) for name, program in named)
    return rows, 0 if best is None else best.id


def _row(name: str, program: Program, figures: dict[tuple[int, Split], SplitFigures]) -> Row:
    validation = figures.get((program.id, Split.VALIDATION))
    test = figures.get((program.id, Split.TEST))
    return Row(
        name=name,
        program_id=program.id,
        train=program.score,
        validation=validation.score if validation else None,
        test=test.score if test else None,
        train_status=program.status,
        validation_status=validation.status if validation else None,
        test_status=test.status if test else None,
    )
