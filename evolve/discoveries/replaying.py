"""Whether a discovery's record, played again, gives its program and its figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from evolve.archive import Difference, Store, Tape, is_run, read_tape
from evolve.audit import POINTS
from evolve.config import RunConfig, from_text
from evolve.discoveries.folder import HEAD, RECORD, Discovery, find_discovery
from evolve.evaluator import Split
from evolve.registry import Problem, is_installed, load_problem
from evolve.report.places import LAST
from evolve.report.recording import settings_here

CLOSE = 1e-6
"""Points by which a score that depends on no measured time may differ: another machine may add in another order."""


def names_discovery(ref: str) -> bool:
    """Return whether a person names a discovery, and not a run."""
    path = Path(ref)
    if ref == LAST or is_run(path):
        return False
    folder = path.parent if path.name == RECORD else path
    return (folder / HEAD).is_file() or ("/" in ref and is_installed(ref.partition("/")[0]))


def open_discovery(ref: str) -> tuple[Discovery, Problem, RunConfig, Tape]:
    """Return what a replay needs: no file but those of the discovery and its problem.

    Raises UsageError as `find_discovery` and `read_tape` do.
    """
    found = find_discovery(ref)
    tape = read_tape(found.record)
    tape = replace(tape, is_binding=bool(tape.choices))
    recorded = from_text(tape.config)
    budget = recorded.budget.model_copy(update={"minutes": None})  # this machine may be slower
    config = settings_here(recorded).model_copy(update={"budget": budget})
    problem = load_problem(found.problem, config.evaluator)
    return found, problem, config.model_copy(update={"problem": problem.ref}), tape


def differences(found: Discovery, replayed: Store, problem: Problem) -> Iterator[Difference]:
    """Yield where a replay does not give what a discovery says: its program, that it won, scores of it on the splits.

    Figures that depend on measured time have the tolerance of an audit.
    """
    head, is_timed = found.head, "score" in problem.evaluator.timed_metrics
    program = replayed.program(head.program)
    if program is None or program.source != found.source:
        yield Difference(
            f"program {head.program}", f"program{found.suffix}", "not there" if program is None else "other"
        )
        return
    best = replayed.best()
    if head.chosen and not is_timed and best is not None and best.id != program.id:
        yield Difference("the best program", program.id, best.id)
    scores = {figures.split: figures.score for figures in replayed.split_figures(program.id)}
    scores[Split.TRAIN] = program.score
    tolerance = POINTS if is_timed else CLOSE
    for split, on in head.splits.items():
        score = scores.get(split)
        is_open = score is None and split not in scores  # a program that did not win is not scored there at the end
        if not is_open and (score is None or abs(score - on.program.mean) > tolerance):
            yield Difference(f"program {program.id}: score on {split}", on.program.mean, score)
