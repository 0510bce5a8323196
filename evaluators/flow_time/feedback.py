"""What would help a person to improve a policy: which job lost most against the best schedule, and behind whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evaluators.flow_time.figures import Figures
from evaluators.flow_time.machine import Case, Day, Kind, Piece


def explain(case: Case, kind: Kind, days: Sequence[Day], figures: Figures, mean: float) -> str:
    """Say in at most 500 characters what the flow time is made of, and why the job with the largest loss was late."""
    facts = [
        f"{kind}, {case.family}, {len(days)} machines, {case.jobs} jobs, load {case.load:g}: mean flow {mean:.0f} "
        f"ticks (round robin {figures.naive:.0f}, SRPT with full knowledge {figures.reference:.0f})"
    ]
    lost = [
        (end - best, machine, job)
        for machine, day in enumerate(days)
        for job, (end, best) in enumerate(zip(day.end, case.srpt[machine], strict=True))
    ]
    excess, machine, job = max(lost)
    if excess > 0:
        facts.append(_why(case, days[machine], machine, job, excess))
    worse = sum(a > 0 for a, _, _ in lost)
    share = sum(sorted((max(0, a) for a, _, _ in lost), reverse=True)[: max(1, case.jobs // 20)])
    total = sum(max(0, a) for a, _, _ in lost)
    if total:
        facts.append(
            f"{worse} jobs ended later than with SRPT; {100 * share / total:.0f} % of that is lost by 5 % of all jobs"
        )
    return "; ".join(facts) + "."


def _why(case: Case, day: Day, machine: int, job: int, excess: int) -> str:
    """Name who ran while a job with less work left was there."""
    arrival, ops = case.machines[machine][job]
    said = (
        f"worst: job {job} of machine {machine} ({len(ops)} operations, {sum(ops)} ticks of work, there at {arrival}) "
        f"ended {excess} ticks later than with SRPT"
    )
    behind, waited = _behind(day.pieces, arrival, day.end[job], job, sum(ops))
    if not behind:
        return said
    other, ticks = behind.most_common(1)[0]
    work = case.machines[machine][other].ops
    return (
        f"{said}: {waited} ticks went to jobs that had more left than it, "
        f"{ticks} of them to job {other} ({len(work)} operations, {sum(work)} ticks)"
    )


def _behind(pieces: Sequence[Piece], arrival: int, end: int, job: int, left: int) -> tuple[Counter[int], int]:
    """Return the ticks that jobs with more work left ran while this one was there, by job, and their sum."""
    found: Counter[int] = Counter()
    for piece in pieces:
        if piece.end <= arrival or piece.start >= end:
            continue
        if piece.job == job:
            left -= piece.end - piece.start
            continue
        start = max(piece.start, arrival)
        more = piece.left - (start - piece.start) - left
        if more > 0:
            found[piece.job] += min(piece.end - start, more)
    return found, sum(found.values())
