"""The end of a run: validation picks the winner, the test split is scored once, the table is read."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Container, Iterable, Sequence

from evolve.archive import Program, Role, Store
from evolve.config import from_text
from evolve.evaluator import Split, mean
from evolve.loop.measuring import evaluate_rest
from evolve.loop.running import Run
from evolve.observer import Row
from evolve.scoring import Status
from evolve.winner import earlier_winners, standings_of

BEST_ON_TRAIN = 8
"""How many finalists have the best means on train."""
LEADERS = 4
"""How many more lead on single train instances: a mean may hide what is best at something."""
REPORT_EVERY_S = 1.0


async def pick_winner(run: Run) -> None:
    """Score the finalists on validation, record which of them wins (`evolve.winner`), and score that one on test.

    The seed and the baselines are scored on both, for the table. What is committed already is not evaluated again.
    """
    store = run.store
    known = [store.program(0), *store.programs(Role.BASELINE)]
    compared = [program for program in known if program is not None]
    chosen = finalists(store)
    await _score(run, Split.VALIDATION, [*chosen, *compared])
    winner = _winner(store, chosen)
    store.set_winner(winner.id)
    await _score(run, Split.TEST, [winner, *compared])


def finalists(store: Store) -> list[Program]:
    """Return the programs that validation chooses from, the best on train first.

    Those with the best means on train, and on the instances of train that were drawn last; those that lead on most
    train instances, an instance shared among all who are equally good on it; the seed; and whoever was a finalist
    before the run was resumed, the winner of then among them.
    """
    chosen = {program.id: program for program in store.top(BEST_ON_TRAIN)}
    earlier = [f.program_id for f in store.split_figures() if f.split is Split.VALIDATION and f.program_id >= 0]
    for id in (*_best_on_fresh(store), *_leaders(store, chosen), *earlier, 0):
        program = None if id in chosen else store.program(id)
        if program is not None:
            chosen[id] = program
    return list(chosen.values())


def _best_on_fresh(store: Store) -> list[int]:
    """Return the ids of the best on the fixed train instances and those of the last draw together, where one was made.

    Only programs that have run on all of these are compared: children of the last epoch, and who came into it.
    """
    config = store.config()
    count = from_text(config).search.fresh_instances if config else 0
    last = store.last_rotating()
    if not count or last < 0:
        return []
    means: dict[int, float] = {}
    for id, results in store.rotating(last // count * count, count).items():
        program = store.program(id)
        sound = [r.score for r in results.values() if r.status is Status.OK and r.score is not None]
        if program is None or program.score is None or len(results) < count or not sound:
            continue
        means[id] = mean([score for score in program.scores if score is not None] + sound)
    return sorted(means, key=lambda id: (-means[id], id))[:BEST_ON_TRAIN]


def _leaders(store: Store, known: Container[int]) -> list[int]:
    """Return the ids of LEADERS programs that are not known yet and lead on train instances, most leads first."""
    leading: dict[int, tuple[float, list[int]]] = {}
    means: dict[int, float] = {}
    for id, train, scores in store.train_scores():
        for place, score in enumerate(scores):
            best, ids = leading.get(place, (-math.inf, []))
            if score is not None and score > best:
                best, ids = score, []
                leading[place] = best, ids
            if score is not None and score == best:
                ids.append(id)
                means[id] = train
    shares: dict[int, float] = {}
    for _, (_, ids) in sorted(leading.items()):
        for id in ids:
            shares[id] = shares.get(id, 0.0) + 1 / len(ids)
    ranked = sorted(shares, key=lambda id: (-shares[id], -means[id], id))
    return [id for id in ranked if id not in known][:LEADERS]


async def _score(run: Run, split: Split, programs: Iterable[Program]) -> None:
    """Score programs on a split; tell observers how many evaluations are done, and how many there are."""
    store, problem = run.store, run.problem
    if split not in problem.evaluator.splits:
        return
    count = len(problem.instances(split))
    there = {figures.program_id for figures in store.split_figures() if figures.split is split}
    wanted = {program.id: program for program in programs}
    committed = {id: store.measured(id, split) for id in wanted if id not in there}
    total = len(wanted) * count

    def report(done: int) -> None:
        run.audience.tell(lambda o: o.finishing(split.value, done, total))

    def tell() -> None:
        done = sum(count if id in there else len(committed[id]) for id in wanted)
        if done < total:
            report(done)

    async def score(program: Program) -> None:
        figures, fresh = await evaluate_rest(run, program, split, committed[program.id])
        store.score_split(program.id, figures, fresh)
        there.add(program.id)

    tell()
    scoring = asyncio.gather(*(score(program) for id, program in wanted.items() if id not in there))
    try:
        while not (await asyncio.wait({scoring}, timeout=REPORT_EVERY_S))[0]:
            tell()
    finally:
        scoring.cancel()
        await asyncio.wait({scoring})  # which commit what they have
    await scoring
    report(total)


def _winner(store: Store, chosen: Sequence[Program]) -> Program:
    """Return the winner by validation; the best by train when none is sound on validation."""
    ranked = standings_of(store)
    won = next((one.finalist.id for one in ranked if one.wins), None)
    return next((program for program in chosen if program.id == won), chosen[0])


def table(store: Store) -> tuple[tuple[Row, ...], int]:
    """Return the rows of the closing table and the id of the best program; whatever is not evaluated is None."""
    best = store.best()
    seed = store.program(0)
    figures = {(f.program_id, f.split): (f.score, f.status) for f in store.split_figures()}
    named = [(seed.name, seed)] if seed is not None and seed.source else []
    named += [(program.name, program) for program in reversed(store.programs(Role.BASELINE))]
    named += [(f"earlier best {program.id}", program) for program in earlier_winners(store)]
    named += [] if best is None else [("best", best)]
    rows = []
    for name, one in named:
        validation, validation_status = figures.get((one.id, Split.VALIDATION), (None, None))
        test, test_status = figures.get((one.id, Split.TEST), (None, None))
        rows.append(Row(name, one.id, one.score, validation, test, one.status, validation_status, test_status))
    return tuple(rows), 0 if best is None else best.id
