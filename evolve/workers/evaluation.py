"""One program on one instance, with everything that can go wrong turned into a result."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence

from evolve.evaluator import Evaluator, Infeasible, Instance, Outcome, Split
from evolve.scoring import InstanceResult, Status, Summary
from sandbox import CandidateFailure, LimitHit, Sandbox, SandboxLost

MAX_FEEDBACK = 4000
"""Characters: a verifier's message may quote the answer, which may have megabytes, and it reaches prompts."""

ATTEMPTS = 3
"""How often an evaluation is tried when the host, not the candidate, fails."""


def evaluate_instance(evaluator: Evaluator, sandbox: Sandbox, source: str, instance: Instance) -> InstanceResult:
    """Run a program on an instance in a fresh process and score it. Never raises for what a candidate does."""
    for attempt in range(ATTEMPTS):
        try:
            return _evaluate_once(evaluator, sandbox, source, instance)
        except SandboxLost as lost:
            reason = str(lost)
            sandbox.close()  # the next fork boots a new zygote
            time.sleep(0.1 * attempt)
    return InstanceResult(instance.id, Status.ERROR, feedback=f"the host could not run it: {reason}", failure="lost")


def _evaluate_once(evaluator: Evaluator, sandbox: Sandbox, source: str, instance: Instance) -> InstanceResult:
    began = time.monotonic()
    status, score, metrics, feedback, failure = Status.OK, None, {}, "", ""
    candidate = sandbox.fork(source)
    try:
        candidate.load()
        outcome = evaluator.evaluate(candidate, instance)
        score, feedback = outcome.score, outcome.feedback
        metrics = {name: float(value) for name, value in outcome.metrics.items()}
    except Infeasible as infeasible:
        status, failure, feedback = Status.INFEASIBLE, "infeasible", str(infeasible)
    except LimitHit as hit:
        status, failure, feedback = Status.TIMEOUT, hit.kind, str(hit)
    except CandidateFailure as failed:
        status, failure, feedback = Status.ERROR, failed.kind, str(failed)
    except SandboxLost:
        raise
    except Exception:  # a verifier that cannot cope with an answer must not end the run, nor give a score
        status, failure = Status.ERROR, "verifier"
        feedback = "the verifier failed on this answer (a bug of the problem): " + traceback.format_exc(limit=-4)
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
        return Summary({name: float(value) for name, value in evaluator.summarise(split, outcomes).items()})
    except Exception as error:
        return Summary(fault=f"the verifier failed in summarise ({type(error).__name__}: {error})")


def _printable(text: str) -> str:
    """Return a text whose control characters are spelt out: a candidate's words end up in terminals and prompts."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
