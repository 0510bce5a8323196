"""Programs of ours, run in this process: only their figures are asked for, not a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluators.pd_disaggregation.fleet import Case
from evaluators.pd_disaggregation.observation import Prefilled, Prompt, Report, info_of
from evaluators.pd_disaggregation.operation import serve
from evaluators.pd_disaggregation.record import Service

NAIVE = Path(__file__).parent / "baselines" / "half_round_robin.py"


class OwnProgram:
    """A policy that runs in this process."""

    def __init__(self, source: str, case: Case) -> None:
        program: dict[str, Any] = {}
        exec(compile(source, "program.py", "exec"), program)
        self._policy = program["Policy"](info_of(case))

    def dispatch(self, prompt: Prompt) -> Any:
        """Return the instance that computes a prompt, or -1."""
        return self._policy.dispatch(prompt)

    def assign(self, prefilled: Prefilled) -> Any:
        """Return the instance that generates the later tokens."""
        return self._policy.assign(prefilled)

    def control(self, report: Report) -> Any:
        """Return the changes, as they would come over the wire: tuples as lists."""
        answer = self._policy.control(report)
        return [list(row) if isinstance(row, tuple) else row for row in answer] if isinstance(answer, list) else answer


def serve_with(path: Path, case: Case) -> Service:
    """Serve a case with a program of ours."""
    return serve(case, OwnProgram(path.read_text(encoding="utf-8"), case), "arrays")
