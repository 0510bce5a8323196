"""What a person should look at in a run whose figures may well be right. A flag is a warning, never a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from evolve.archive import Program, Role, Store, url_of
from evolve.evaluator import Split
from evolve.mutate.language import Language, recorded_language
from evolve.scoring import InstanceResult, SplitScore, Status
from evolve.words import counted

OVERFIT_POINTS = 10.0
"""Train above test by more than this: a tenth of the way from the naive baseline to the reference."""
VARIES_FACTOR = 1.5
VARIES_S = 0.05
"""CPU time varies when one repeat takes more than VARIES_FACTOR times another and at least VARIES_S longer: a fixed
program of a few ms varies as much on a busy host, one of a second does not."""
CLUSTER = 10
"""As many failures of one kind on one instance are a cluster, when they are also half of all."""
NOT_THE_PROGRAM = {
    "verifier": "the evaluator itself failed on an answer, a bug of the problem that a program can look for",
    "lost": "the host could not run the program",
}
"""Kinds of failure that say nothing of the program: worth a flag however few they are."""


WAITS_FACTOR = 5.0
WAITS_S = 0.5
"""A program waits when an evaluation takes so much longer on the wall than its CPU time, in every repeat, and so many
times as long as it does with the seed, whose verifier does the same work on the same host."""


class FlagKind(StrEnum):
    """What a flag is about."""

    OVERFIT = "overfit"
    TIME_VARIES = "time_varies"
    WAITS = "waits"
    FAILURES = "failures_clustered"
    SOURCE = "source"
    TAMPERED = "tampered"


@dataclass(frozen=True)
class Flag:
    """Something to look at. line: of the program's source, where it is about a line."""

    kind: FlagKind
    text: str
    line: int | None = None


def overfit(train: float | None, test: float | None, seed_gap: float | None) -> list[Flag]:
    """Flag a program that is much better on train than on test.

    seed_gap: by how much the seed, which nothing was fitted to, is better on train; None where that is not known.
    """
    if train is None or test is None or train - test <= OVERFIT_POINTS:
        return []
    context = "" if seed_gap is None else f"; of the seed {seed_gap:+.2f}"
    gap = f"train {train:.2f} is {train - test:.2f} points above test {test:.2f}"
    return [Flag(FlagKind.OVERFIT, f"{gap} (flagged above {OVERFIT_POINTS:g}{context})")]


def time_varies(repeats: Sequence[SplitScore]) -> list[Flag]:
    """Flag a split on which an instance took clearly more CPU time in one repeat than in another; name the worst."""
    spans: list[tuple[float, float, str]] = []
    for results in zip(*(score.instances for score in repeats), strict=False):
        times = [result.cpu_s for result in results]
        least, most = min(times), max(times)
        if most > VARIES_FACTOR * least and most - least > VARIES_S:
            spans.append((most, least, results[0].instance_id))
    if not spans:
        return []
    most, least, instance = max(spans, key=lambda span: span[0] - span[1])
    others = f" (and {len(spans) - 1} more on this split)" if len(spans) > 1 else ""
    text = f"{instance}: {least:.3f} s of CPU in one repeat, {most:.3f} s in another{others}"
    return [Flag(FlagKind.TIME_VARIES, text)]


def waits(repeats: Sequence[SplitScore], seed: SplitScore | None) -> list[Flag]:
    """Flag a split on which the program's process was idle for long, asleep or in a wait; name the worst instance.

    seed: the seed on the same split, scored at about the same time; without it nothing tells what is long.
    """
    if seed is None:
        return []
    usual_s = {result.instance_id: result.wall_s - result.cpu_s for result in seed.instances}
    idle: list[tuple[float, str]] = []
    for results in zip(*(score.instances for score in repeats), strict=False):
        instance = results[0].instance_id
        idle_s = min(result.wall_s - result.cpu_s for result in results)
        if idle_s > max(WAITS_S, WAITS_FACTOR * usual_s.get(instance, idle_s)):
            idle.append((idle_s, instance))
    if not idle:
        return []
    worst_s, instance = max(idle)
    others = f" (and {len(idle) - 1} more on this split)" if len(idle) > 1 else ""
    text = f"{instance}: {worst_s:.2f} s on the wall beyond its CPU time, of the seed {usual_s[instance]:.2f} s{others}"
    return [Flag(FlagKind.WAITS, text)]


def failures_clustered(store: Store) -> list[Flag]:
    """Flag many failures of one kind on one instance of train, among all children of a run.

    A program stops at its first failure, so whatever fails everywhere fails on the first instance: there a cluster must
    be half of all children scored, elsewhere half of all that failed.
    """
    children = [child for child in store.programs(Role.CHILD) if child.status is not None]
    failed = [result for child in children if child.status is not Status.OK for result in _failure(store, child)]
    first = next((r.instance_id for r in store.evaluations(0, Split.TRAIN)), "")
    flags = []
    for (kind, instance), count in Counter((r.failure, r.instance_id) for r in failed).most_common():
        share_of = len(children) if instance == first else len(failed)
        if kind in NOT_THE_PROGRAM:
            flags.append(Flag(FlagKind.FAILURES, f"{count} of kind '{kind}' on {instance}: {NOT_THE_PROGRAM[kind]}"))
        elif count >= CLUSTER and 2 * count >= share_of:
            text = (
                f"{count} of {len(failed)} failures, of {counted(len(children), 'program')}, are '{kind}' on {instance}"
            )
            flags.append(Flag(FlagKind.FAILURES, text))
    return flags


def _failure(store: Store, program: Program) -> list[InstanceResult]:
    return [r for r in store.evaluations(program.id, Split.TRAIN) if r.status is not Status.OK][:1]


def suspicious_source(source: str, language: Language) -> list[Flag]:
    """Flag each line of a source that mentions what reaches out of a program."""
    try:
        found = language.mentions(source)
    except SyntaxError as error:
        return [Flag(FlagKind.SOURCE, f"the source does not parse: {error.msg}", error.lineno)]
    return [Flag(FlagKind.SOURCE, f"mentions {m.name}: {m.text:.100}", m.line) for m in found]


def tampered(store: Store, program: Program, is_finished: bool) -> list[Flag]:
    """Flag a best.py (of another language best.txt or the like) that is not the archive's best program.

    In a run that is not finished it follows the improvements one by one: it may be any program of the archive.
    """
    path = store.folder / f"best{recorded_language(store.identity()).suffix}"
    try:
        found = path.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and url_of(store.folder) is not None:
            return []  # the folder only stands for a run in a database, which another machine made
        return [Flag(FlagKind.TAMPERED, f"{path.name} cannot be read: {error.strerror}")]
    allowed = [program] if is_finished else store.programs()
    # As the run folder writes it: what UTF-8 cannot hold becomes a question mark.
    if found in (one.source.encode("utf-8", "replace") for one in allowed):
        return []
    what = f"program {program.id}, the best of the archive" if is_finished else "any program of the archive"
    return [Flag(FlagKind.TAMPERED, f"{path.name} in the run folder differs from {what}")]
