"""What one program scored: per instance, and over a whole split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from evolve.evaluator import Split, mean


class Status(StrEnum):
    """How an evaluation ended.

    TIMEOUT: a limit of wall time, CPU time or output was used up.  OUTRUN: stopped early, too far behind another
    program to matter; of a program on a split only, and no failure: every instance that it ran is ok.
    """

    OK = "ok"
    INFEASIBLE = "infeasible"
    ERROR = "error"
    TIMEOUT = "timeout"
    OUTRUN = "outrun"

    @property
    def is_failure(self) -> bool:
        """Whether the program broke a rule, a limit or itself."""
        return self not in (Status.OK, Status.OUTRUN)


@dataclass(frozen=True)
class InstanceResult:
    """One program on one instance.

    Attributes:
        failure: what kind of failure ("exception", "crashed", "out_of_memory", ...), empty when status is ok.
        cpu_s: CPU seconds of the candidate's process, from the fork on, read from the kernel.
        import_cpu_s: the part of cpu_s that went into importing the program.
        wall_s: seconds that the evaluation took, verifier included.
        peak_rss_bytes: highest resident memory of the candidate's process.
        output: what the candidate printed, cut to a few kB.
    """

    instance_id: str
    status: Status
    score: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    feedback: str = ""
    failure: str = ""
    cpu_s: float = 0.0
    import_cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_rss_bytes: int = 0
    output: str = ""


@dataclass(frozen=True)
class SplitScore:
    """One program on a split.

    status: ok only when every instance is; else that of the first instance that is not; outrun when all are that ran.
    score: mean over the instances that have one; None unless status is ok.
    metrics: of the whole split, empty unless status is ok: figures of a part must not be compared with those of all.
    complete: False when evaluation stopped at the first failure, or was outrun, and left instances out.
    fault: why the verifier could not sum up a split whose every instance is ok; status is error then.
    """

    split: Split
    status: Status
    score: float | None
    metrics: dict[str, float]
    instances: tuple[InstanceResult, ...]
    complete: bool
    fault: str = ""

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the candidate's processes, all instances."""
        return math.fsum(i.cpu_s for i in self.instances)

    @property
    def wall_s(self) -> float:
        """Seconds spent on the evaluations, summed over instances."""
        return math.fsum(i.wall_s for i in self.instances)

    @property
    def peak_rss_bytes(self) -> int:
        """Highest resident memory of any of the candidate's processes."""
        return max((i.peak_rss_bytes for i in self.instances), default=0)

    @property
    def feedback(self) -> str:
        """The failure that decided the status, or the feedback of the instance with the lowest score."""
        if self.fault:
            return self.fault
        for instance in self.instances:
            if instance.status is not Status.OK:
                return f"{instance.instance_id}: {instance.feedback}"
        scored = [i for i in self.instances if i.score is not None and i.feedback]
        if not scored:
            return ""
        worst = min(scored, key=lambda i: i.score if i.score is not None else math.inf)
        return f"{worst.instance_id}: {worst.feedback}"


@dataclass(frozen=True)
class Summary:
    """What an evaluator's `summarise` gave for a split. fault: why it gave nothing, one line, empty when it did."""

    metrics: dict[str, float] = field(default_factory=dict)
    fault: str = ""


def put_together(split: Split, results: Sequence[InstanceResult], count: int, summary: Summary) -> SplitScore:
    """Put the results of a program on a split of `count` instances together.

    results: in the order of the instances, perhaps fewer.  summary: of all of them; empty unless each one is ok.
    """
    failed = next((r for r in results if r.status is not Status.OK), None)
    complete = len(results) == count
    if failed is not None or not results:
        status = failed.status if failed is not None else Status.ERROR
        return SplitScore(split, status, None, {}, tuple(results), complete)
    if not complete:
        return SplitScore(split, Status.OUTRUN, None, {}, tuple(results), complete)
    if summary.fault:
        return SplitScore(split, Status.ERROR, None, {}, tuple(results), complete, summary.fault)
    scores = [r.score for r in results if r.score is not None]
    score = mean(scores) if scores else None
    return SplitScore(split, Status.OK, score, summary.metrics, tuple(results), complete)
