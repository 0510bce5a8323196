"""One program on one instance as a picture, with everything that can go wrong turned into a sentence."""

from __future__ import annotations

import pickle

from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Infeasible, Instance
from evolve.picture import Picture
from evolve.workers.evaluation import blame
from sandbox import CandidateFailure, Sandbox, SandboxLost

MOST_BYTES = 20_000_000
"""Of a picture on its way to the command: more is no picture that anybody reads."""


def draw_instance(evaluator: Evaluator, sandbox: Sandbox, source: str, instance: Instance) -> Picture | str:
    """Run a program on an instance in a fresh process and return the problem's picture of it, or why there is none."""
    try:
        candidate = sandbox.fork(source)
    except SandboxLost as lost:
        return f"the host could not run it: {lost}"
    try:
        if evaluator.language == "python":
            candidate.load()
        found = evaluator.picture(candidate, instance)
        if not isinstance(found, Picture):
            return f"the problem's `picture` must return a Picture, it returned a {type(found).__name__}"
        if len(pickle.dumps(found)) > MOST_BYTES:
            return f"the picture has more than {MOST_BYTES / 1e6:.0f} MB"
        return found
    except (Infeasible, CandidateFailure, UsageError) as failure:
        return str(failure)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit too: what a problem does must not end the worker
        return blame(evaluator, error, "in picture")
    finally:
        candidate.close()
