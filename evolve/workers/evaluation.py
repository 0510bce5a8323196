"""One program on one instance, with everything that can go wrong turned into a result."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import SupportsFloat

from evolve.evaluator import Evaluator, Infeasible, Instance, Outcome, Split
from evolve.foreign import folder_of, reason
from evolve.registry import language_of
from evolve.scoring import InstanceResult, Status, Summary
from sandbox import CandidateFailure, Crashed, LimitHit, Sandbox, SandboxLost

MAX_FEEDBACK = 4000
"""Characters: a verifier's message may quote the answer, which may have megabytes, and it reaches prompts."""

MAX_SCORE = 1e9
"""A score beyond is a slip of the verifier: sums of a few such scores must stay finite everywhere."""
VERIFIER = "verifier"
"""The kind of failure that is the problem's own, not the candidate's."""

ATTEMPTS = 3
"""How often an evaluation is tried when the host, not the candidate, fails."""
KILLED = str(Crashed("killed by SIGKILL"))
"""What becomes of a candidate that somebody else ends, such as a kernel without memory: no program can send itself that
signal. It is tried once more; the second time is the program's own affair."""


def evaluate_instance(evaluator: Evaluator, sandbox: Sandbox, source: str, instance: Instance) -> InstanceResult:
    """Run a program on an instance in a fresh process and score it. Never raises for what a candidate does."""
    was_killed = False
    for attempt in range(ATTEMPTS):
        try:
            result = _evaluate_once(evaluator, sandbox, source, instance)
            if was_killed or result.feedback != KILLED:
                return result
            was_killed = True
        except SandboxLost as lost:
            why = str(lost)
            sandbox.close()  # the next fork boots a new zygote
            time.sleep(0.1 * attempt)
    return InstanceResult(instance.id, Status.ERROR, feedback=f"the host could not run it: {why}", failure="lost")


def _evaluate_once(evaluator: Evaluator, sandbox: Sandbox, source: str, instance: Instance) -> InstanceResult:
    began = time.monotonic()
    status, score, feedback, failure = Status.OK, None, "", ""
    metrics: dict[str, float] = {}
    candidate = sandbox.fork(source)
    try:
        if evaluator.in_sandbox and language_of(evaluator).runs_in_sandbox:
            candidate.load()
        score, metrics, feedback = _sound(evaluator.evaluate(candidate, instance))
    except Infeasible as infeasible:
        status, failure, feedback = Status.INFEASIBLE, "infeasible", str(infeasible)
    except LimitHit as hit:
        status, failure, feedback = Status.TIMEOUT, hit.kind, str(hit)
    except CandidateFailure as failed:
        status, failure, feedback = Status.ERROR, failed.kind, str(failed)
    except (SandboxLost, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit too: what a verifier does must neither end the run nor give a score
        status, failure, feedback = Status.ERROR, VERIFIER, blame(evaluator, error, "on this answer")
    finally:
        candidate.close()
    processes = candidate.processes
    return InstanceResult(
        instance_id=instance.id,
        status=status,
        score=score,
        metrics=metrics,
        feedback=_printable(feedback[:MAX_FEEDBACK]),
        failure=failure,
        cpu_s=sum(p.cpu_s for p in processes),
        import_cpu_s=sum(p.import_cpu_s for p in processes),
        wall_s=time.monotonic() - began,
        peak_rss_bytes=max(p.peak_rss_bytes for p in processes),
        output=_printable(candidate.output),
    )


def summary(evaluator: Evaluator, split: Split, results: Sequence[InstanceResult]) -> Summary:
    """Have an evaluator sum up a split; never raise for what it does. results: all ok, in order of the instances."""
    try:
        outcomes = [Outcome(r.score, r.metrics, r.feedback) for r in results]
        return Summary(_figures(evaluator.summarise(split, outcomes), "summarise must return a mapping"))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Summary(fault=blame(evaluator, error, "in summarise"))


def blame(evaluator: Evaluator, error: BaseException, when: str) -> str:
    """Return in one line that the verifier failed, how, and in which of its lines."""
    if isinstance(error, _Unsound):
        return f"the verifier failed {when} (a bug of the problem): {error}"
    return f"the verifier failed {when} (a bug of the problem): {reason(error, folder_of(evaluator))}"


class _Unsound(Exception):
    """The evaluator returned something else than the contract says."""


def _sound(outcome: object) -> tuple[float | None, dict[str, float], str]:
    """Return score, metrics and feedback of an outcome. Raises _Unsound for what is none."""
    if not isinstance(outcome, Outcome):
        raise _Unsound(f"evaluate must return an Outcome, it returned {_shown(outcome)}")
    if outcome.score is not None and not abs(outcome.score) <= MAX_SCORE:
        raise _Unsound(f"the score is {outcome.score!r}; 0 is the naive baseline, 100 the reference")
    if not isinstance(outcome.feedback, str):
        raise _Unsound(f"feedback must be text, it is {_shown(outcome.feedback)}")
    return outcome.score, _figures(outcome.metrics, "metrics must be a mapping"), outcome.feedback


def _figures(found: object, rule: str) -> dict[str, float]:
    """Return metrics as floats. Raises _Unsound for what is not finite numbers under names."""
    if not isinstance(found, Mapping):
        raise _Unsound(f"{rule} of names to numbers, it is {_shown(found)}")
    for name, value in found.items():
        if not isinstance(name, str):
            raise _Unsound(f"the metric {_shown(name)} has no name")
        if isinstance(value, str | bytes) or not isinstance(value, SupportsFloat):
            raise _Unsound(f"metric {name} is {_shown(value)}, expected a number")
        if not math.isfinite(float(value)):
            raise _Unsound(f"metric {name} is {float(value)}, expected a finite number")
    return {name: float(value) for name, value in found.items()}


def _shown(value: object) -> str:
    return f"{value!r:.60}" if value is None or isinstance(value, int | float | str) else f"a {type(value).__name__}"


def _printable(text: str) -> str:
    """Return a text whose control characters are spelt out: a candidate's words end up in terminals and prompts."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
