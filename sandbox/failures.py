"""How a candidate can fail: typed, so that a verifier never mistakes a failure for an answer.

Every class hands its parameters to `Exception.__init__`, so that a copy or a pickle rebuilds it with its figures.
"""

from __future__ import annotations


class CandidateFailure(Exception):
    """The candidate is to blame. A normal, recorded outcome; its text reaches the next prompt."""

    kind = "failure"


class LimitHit(CandidateFailure):
    """The candidate used up a limit.

    what: "CPU time" or "output", and what WallHit names.  used, limit: in `unit`.
    """

    kind = "timeout"

    def __init__(self, what: str, used: float, limit: float, unit: str) -> None:
        super().__init__(what, used, limit, unit)
        self.what, self.used, self.limit, self.unit = what, used, limit, unit

    def __str__(self) -> str:
        return f"{self.what}: used {self.used:.3g} {self.unit} of {self.limit:g} {self.unit}"


class WallHit(LimitHit):
    """The candidate took too long in wall-clock time, for which a busy host may be to blame.

    what: "wall time of a call" or "wall time of all calls".  cpu_s: CPU seconds that the process had used by then.
    """

    kind = "wall_time"

    def __init__(self, what: str, used: float, limit: float, cpu_s: float, cpu_limit_s: float) -> None:
        super().__init__(what, used, limit, "s")
        self.args = (what, used, limit, cpu_s, cpu_limit_s)  # a copy is made from them
        self.cpu_s, self.cpu_limit_s = cpu_s, cpu_limit_s

    def __str__(self) -> str:
        return f"{super().__str__()} (CPU {self.cpu_s:.2g} s of {self.cpu_limit_s:g} s)"


class OutOfMemory(CandidateFailure):
    """The candidate asked for more memory than it may have."""

    kind = "out_of_memory"

    def __init__(self, limit_mb: int, traceback: str = "") -> None:
        super().__init__(limit_mb, traceback)
        self.limit_mb, self.traceback = limit_mb, traceback

    def __str__(self) -> str:
        return f"out of memory: asked for more than {self.limit_mb} MB\n{self.traceback}".rstrip()


class Crashed(CandidateFailure):
    """The candidate's process ended before it answered: a crash, an exit, a forbidden system call."""

    kind = "crashed"

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how

    def __str__(self) -> str:
        return f"the process ended before it answered: {self.how}"


class Raised(CandidateFailure):
    """The candidate raised an exception.

    error: "ZeroDivisionError: division by zero".  traceback: the candidate's own frames, at most a few kB.
    """

    kind = "exception"

    def __init__(self, error: str, traceback: str) -> None:
        super().__init__(error, traceback)
        self.error, self.traceback = error, traceback

    def __str__(self) -> str:
        return self.traceback or self.error


class BadAnswer(CandidateFailure):
    """What came back is no answer: not decodable, too large, of a type that cannot be sent."""

    kind = "bad_answer"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class SandboxLost(Exception):
    """The host's fault (no memory to fork, zygote gone), not the candidate's: the evaluation is repeated."""
