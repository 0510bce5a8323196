"""In plain words whether a run found something better than its seed and than the baselines, and how certain that is."""

from __future__ import annotations

from evolve.archive import RunStatus
from evolve.evaluator import Split
from evolve.intervals import CONFIDENCE, FEWEST, Lead
from evolve.report.run_report import Cell, ProgramRow, RunReport
from evolve.words import counted

SMALL_GAIN = 0.5
"""Points that a score which depends on measured time may differ by from one run to the next."""


def verdict(report: RunReport) -> str:
    """Return whether the run found something better than its seed, and than the best baseline."""
    parts = (_against_seed(report), _against_baseline(report), _not_told_apart(report), _gap(report), report.remark)
    return " ".join(part for part in parts if part)


def choice(report: RunReport) -> str:
    """Return how validation chose the winner, a sentence; empty before it did."""
    if not report.finalists:
        return ""
    leader, winner = report.finalists[0].finalist, next(one.finalist for one in report.finalists if one.wins)
    count = len(report.finalists)
    if winner is leader:
        return "" if count == 1 else f"Of {count} finalists it has the best mean on validation."
    level = sum(one.is_level for one in report.finalists)
    return (
        f"Of {count} finalists, program {leader.id} has the best mean on validation ({leader.score:.2f}); this one is "
        f"the shortest of {level} that are level with it there."
    )


def _against_seed(report: RunReport) -> str:
    best, seed = report.row("best"), report.row("seed")
    if report.seed is not None and not report.seed.source:
        if best is None or best.splits[Split.TRAIN].score is None:
            return "There was no program to start from, and none has a score yet."
        return (
            f"There was no program to start from; program {best.id} has {best.splits[Split.TRAIN].score:.2f} on train."
        )
    beats = report.beats_seed_on_test()
    if best is None or seed is None:
        return "Nothing is scored yet."
    start = f"the {report.started_from}"
    if best.id == seed.id:
        return f"No program better than {start} was found."
    if beats is None:
        gain = _difference(best.splits[Split.TRAIN], seed.splits[Split.TRAIN], start)
        if report.status is RunStatus.FINISHED:
            return f"Program {best.id} is {gain} on train; the problem has no test split."
        return f"The best so far, program {best.id}, is {gain} on train; the test split is scored at the end."
    gain = _difference(best.splits[Split.TEST], seed.splits[Split.TEST], "it")
    judgement = f"it beats {start}" if beats else f"it does not beat {start}"
    b, s, lead = best.splits[Split.TEST].score, seed.splits[Split.TEST].score, seed.lead_of_best
    if beats and b is not None and s is not None and b - s < SMALL_GAIN:
        judgement += " by a little only"
    if beats and _is_doubtful(lead):
        judgement = f"it is not distinguishable from {start}"
    said = f"On the test split, which the search never saw, {judgement}: program {best.id} is {gain}"
    return f"{said}{_certainty(lead)}."


def _certainty(lead: Lead | None) -> str:
    """Return how certain a difference is, to be put after it."""
    if lead is None or lead.low == lead.high == 0:
        return ""
    if lead.count < FEWEST:
        return f", over {counted(lead.count, 'instance')}, too few to tell it from chance"
    return f" ({CONFIDENCE:.0%} interval {lead.low:.2f} to {lead.high:.2f})"


def _is_doubtful(lead: Lead | None) -> bool:
    return lead is not None and lead.count >= FEWEST and not lead.is_certain


def _against_baseline(report: RunReport) -> str:
    above, baseline = report.points_above_baseline(), report.best_baseline(Split.TEST)
    if above is None or baseline is None:
        return ""
    how = "level with it" if above == 0 else f"{abs(above):.2f} points {'above' if above > 0 else 'BELOW'} it"
    return (
        f"The best baseline there, {baseline.name}, has {baseline.splits[Split.TEST].score:.2f}: the program is "
        f"{how}{_certainty(baseline.lead_of_best)}."
    )


def _not_told_apart(report: RunReport) -> str:
    """Return which baselines cannot be distinguished from the best program on test."""
    doubtful = [row.name for row in indistinct_baselines(report)]
    if not doubtful:
        return ""
    return f"It is not distinguishable from baseline{'s' if len(doubtful) > 1 else ''} {', '.join(doubtful)}."


def indistinct_baselines(report: RunReport) -> list[ProgramRow]:
    """Return the baselines whose difference to the best program on test, over enough instances, may be chance."""
    return [row for row in report.rows if row.role == "baseline" and _is_doubtful(row.lead_of_best)]


def _gap(report: RunReport) -> str:
    best, gap = report.row("best"), report.train_above_test()
    if best is None or best.id == 0 or gap is None:
        return ""
    how = "above" if gap >= 0 else "below"
    said = (
        f"On train the program scored {best.splits[Split.TRAIN].score:.2f}, {abs(gap):.2f} points {how} its test score."
    )
    baseline = report.best_baseline(Split.TEST)
    if baseline is None or baseline.gap is None:
        return said
    # What nobody has fitted to train shows how much of a gap lies in the splits.
    own = "falls" if baseline.gap >= 0 else "rises"
    return f"{said} The best baseline's score {own} by {abs(baseline.gap):.2f} from train to test."


def _difference(best: Cell, seed: Cell, named: str) -> str:
    if best.score is None:
        return best.status.value if best.status else "not evaluated"
    if seed.score is None:
        return f"at {best.score:.2f} while the seed is {seed.status.value if seed.status else 'not evaluated'}"
    gain = best.score - seed.score
    if gain == 0:
        return f"level with {named} at {best.score:.2f}"
    return (
        f"{abs(gain):.2f} points {'above' if gain > 0 else 'below'} {named} ({best.score:.2f} against {seed.score:.2f})"
    )
