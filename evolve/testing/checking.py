"""Every claim about a problem without pytest, and what else its author should know: for `evolve check`."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from evolve.bench import Bench, InWorkers
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.foreign import foreign
from evolve.registry import Problem
from evolve.scoring import InstanceResult
from evolve.testing.claims import EvaluatorClaims
from evolve.testing.headroom import order_of_baselines
from evolve.words import counted
from evolve.workers.evaluation import VERIFIER

UNITS = frozenset("s ms us ns min h d b kb mb gb tb bytes usd eur ticks tokens rps per w kwh j pct percent".split())
REASON = 800
"""Characters of a reason, which may list the ids of all instances."""
REPEATS = 3
"""How often the seed is timed, to see the spread of its CPU time."""
SPLIT_S = 20.0
"""Seconds that the baselines may take on a split, about: where they need longer, on its first instances only."""
UNSTEADY = 1.2
"""Most CPU time over least from which on a score that depends on it is said to be unsteady."""


class Verdict(StrEnum):
    """What came of a claim. SKIPPED: the problem gives no occasion for it. NOTE: no claim, but worth knowing."""

    HOLDS = "holds"
    FAILS = "fails"
    SKIPPED = "skipped"
    NOTE = "note"


@dataclass(frozen=True)
class Checked:
    """One claim about a problem. reason: why it fails or is skipped.  advice: what to do when it fails."""

    claim: str
    verdict: Verdict
    reason: str = ""
    advice: str = ""


NEEDED = ("every split has instances", "the seed is feasible and scores about zero on train")
"""Claims without which the others say nothing."""


def check(
    problem: Problem, announce: Callable[[str], None] = lambda text: None, *, quick: bool = False
) -> Iterator[Checked]:
    """Test every claim, one after the other, without pytest. announce: called with each one before it is tested.

    quick: leave out the scores of the baselines on every split, which take the longest.

    Programs run in worker processes, so that a verifier that never ends, or ends its process, is a claim that fails.
    """
    if problem.evaluator.score_means:
        with InWorkers() as bench:
            yield from _of_own_scale(problem, bench)
        return
    claims = EvaluatorClaims()
    names = [name for name in vars(EvaluatorClaims) if name.startswith("test_")]
    with InWorkers() as bench:
        claims.bench = bench
        for number, name in enumerate(names, 1):
            claim = name.removeprefix("test_").replace("_", " ")
            announce(f"{number} of {len(names)}: {claim}")
            checked = _checked(claim, getattr(claims, name), problem)
            yield checked
            if checked.verdict is Verdict.FAILS and claim == NEEDED[0]:
                yield Checked("the other claims", Verdict.SKIPPED, "they need instances")
                return
            if claim == NEEDED[1]:
                timed = bench.evaluate(problem, [problem.seed] * REPEATS)
                if timed[0].failure == VERIFIER:
                    yield Checked("the other claims", Verdict.SKIPPED, "they need a verifier that works")
                    return
                yield _time_taken(problem, timed, bench.limit_s(problem))
                yield from _without_unit(timed[0])
        if quick:
            return
        announce("the baselines on every split (--quick leaves this out)")
        yield _baselines(problem, bench)


def _of_own_scale(problem: Problem, bench: InWorkers) -> Iterator[Checked]:
    """Yield what can be claimed of a task whose evaluator is another tool's: that it works, and says the same twice."""
    works, same = "the program to start from has a score", "another evaluation gives the same figures"
    if not problem.seed:
        yield Checked(works, Verdict.SKIPPED, "there is none: a model writes the first program (--model NAME)")
        return
    first, second, third = timed = bench.evaluate(problem, [problem.seed] * REPEATS)
    if first.score is None:
        yield Checked(works, Verdict.FAILS, first.feedback[:REASON], "run the task's own evaluator on it by hand.")
        return
    yield Checked(works, Verdict.HOLDS)
    differ = sorted({name for one in (second, third) for name in _differing(first, one)})
    if differ:
        advice = "fix the evaluator's seeds, or the search takes luck for progress."
        yield Checked(same, Verdict.FAILS, f"{', '.join(differ)}: not the same in {REPEATS} evaluations", advice)
    else:
        yield Checked(same, Verdict.HOLDS)
    yield _time_taken(problem, timed, bench.limit_s(problem))


def _differing(one: InstanceResult, other: InstanceResult) -> list[str]:
    ours, theirs = {"score": one.score, **one.metrics}, {"score": other.score, **other.metrics}
    return [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]


def _checked(claim: str, test: Callable[[Problem], None], problem: Problem) -> Checked:
    try:
        with foreign(problem.evaluator.name):
            test(problem)
    except unittest.SkipTest as skipped:
        return Checked(claim, Verdict.SKIPPED, str(skipped))
    except (Exception, SystemExit) as error:  # foreign code: whatever it raises is a claim that fails
        kind = "" if isinstance(error, AssertionError | UsageError) else f"{type(error).__name__}: "
        reason = kind + " ".join(str(error).split())[:REASON]
        return Checked(claim, Verdict.FAILS, reason, _advice(test))
    return Checked(claim, Verdict.HOLDS)


def _advice(test: Callable[[Problem], None]) -> str:
    """Return what a claim's docstring says is to be done when it fails: what follows "To mend it:"."""
    return " ".join((inspect.getdoc(test) or "").partition("To mend it: ")[2].split())


def _time_taken(problem: Problem, results: list[InstanceResult], limit_s: float) -> Checked:
    count, first = len(problem.instances(Split.TRAIN)), results[0]
    cpus = [result.cpu_s for result in results]
    text = (
        f"{first.wall_s:.3g} s for the seed on {first.instance_id} (CPU of the program {first.cpu_s:.3g} s; "
        f"{min(cpus):.3g} to {max(cpus):.3g} s in {counted(len(cpus), 'run')}), "
        f"{counted(count, 'instance')} of train; one that takes longer than {limit_s:.0f} s is ended (evaluation_s)"
    )
    if "score" in problem.evaluator.timed_metrics and max(cpus) > UNSTEADY * min(cpus):
        text += ". The score depends on this time: take the least of several calls, as the problem eplb does"
    return Checked("time per evaluation", Verdict.NOTE, text)


def _without_unit(result: InstanceResult) -> Iterator[Checked]:
    bare = [name for name in result.metrics if not UNITS & set(name.split("_"))]
    if bare:
        yield Checked(
            "metrics have their unit in the name",
            Verdict.NOTE,
            f"{', '.join(bare)}: without one; right for counts, shares and ratios, else e.g. cost_usd, wait_s",
        )


def _baselines(problem: Problem, bench: Bench) -> Checked:
    try:
        with foreign(problem.evaluator.name):
            said = order_of_baselines(problem, bench, SPLIT_S)
    except UsageError as error:
        said = str(error)
    return Checked("baselines on train, validation and test", Verdict.NOTE, said)
