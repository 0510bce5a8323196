"""The start of a run: the program that it starts from and the baselines are scored on train."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from evolve.archive import Program, Role
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.loop.measuring import evaluate_rest
from evolve.loop.running import Run
from evolve.registry import as_baselines
from evolve.scoring import Status
from evolve.workers import OutOfTime

SEED, START = "seed", "start"
"""Names of the program that a run starts from: the problem's seed, or another that is given."""
CHANGED = " (changed)"
"""After the name of a baseline whose source is another one than when the run began."""


async def score_start(run: Run) -> tuple[Program, tuple[Program, ...]]:
    """Score the program that the run starts from, which must be sound, and the baselines on train.

    Return them; what is there stays. Where it is not the seed, the seed is the first of the baselines. Where a
    model is to write the first program, the seed is an empty text that fails.
    """
    start, baselines = run.config.start, run.problem.baselines
    first = run.store.program(0)
    if start.source:
        first = first or _new_program(run, 0, START, start.source)
        baselines = ({SEED: run.problem.seed} if run.problem.seed else {}) | baselines
    if isinstance(shown := run.config.prompt.discoveries, dict):
        baselines = baselines | as_baselines(shown)
    first = first or _new_program(run, 0, SEED, run.problem.seed)
    programs = [_baseline(run, name, source) for name, source in baselines.items()]
    seed, called = await _score(run, first), _called(run, first.name)
    if seed.status is not Status.OK and seed.source:
        raise UsageError(f"{called} fails on train ({seed.status}): {_one_line(seed.failure)}")
    if seed.score is None and seed.source:
        raise UsageError(
            f"{called} has no score on train: every instance's score is None, and a search needs one to improve on."
        )
    return seed, tuple(await asyncio.gather(*(_score(run, program) for program in programs)))


def _baseline(run: Run, name: str, source: str) -> Program:
    """Return the baseline that is there, or a new one: also where its source has changed, which keeps the old."""
    known = run.store.programs(Role.BASELINE)
    for program in known:
        if program.source == source and program.name.removesuffix(CHANGED) == name:
            return program
    taken = any(program.name == name for program in known)
    return _new_program(run, -1 - len(known), name + CHANGED * taken, source)


def _new_program(run: Run, id: int, name: str, source: str) -> Program:
    role, language = Role.BASELINE if id else Role.SEED, run.problem.language
    wrong = language.check(source, run.problem.evaluator.defines)
    if wrong and (id or source):
        raise UsageError(f"{_called(run, name)} is no program of the problem: {wrong}.")
    program = Program(id, role, role.value, language.fingerprint(source), source, time.time(), name=name)
    program = replace(program, chars=len(source), tokens=len(language.tokens(source)))
    run.population.bear(program)
    return program


def _called(run: Run, name: str) -> str:
    """Return what a person is told of the program that is scored first, or of a baseline."""
    if name == START:
        return f"the program to start from, {run.config.start.name or 'start.source'},"
    return f"the seed of {run.problem.ref}" if name == SEED else f"the baseline '{name}' of {run.problem.ref}"


async def _score(run: Run, program: Program) -> Program:
    if program.status is not None:
        return program
    done = run.store.measured(program.id, Split.TRAIN)
    try:
        score, fresh = await evaluate_rest(run, program, Split.TRAIN, done, run.ledger.deadline_s)
    except OutOfTime:
        raise UsageError(
            f"{program.name} of {run.problem.ref} was not scored on train within --minutes: give it more, "
            "or see with `evolve score` how long it takes."
        ) from None
    scored = program.with_score(score)
    run.store.score(scored, fresh, known=program.role is Role.SEED)
    return scored


def _one_line(text: str) -> str:
    """Return a failure's last line, where a traceback says what happened."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if len(lines) < 2 else f"{lines[0].strip()} ... {lines[-1].strip()}"
