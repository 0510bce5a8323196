"""Programs of ours, run in this process: only their figures are asked for, not a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluators.llm_batching.calls import Case
from evaluators.llm_batching.observation import Observation
from evaluators.llm_batching.server import Service, info_of, serve

BASELINES = Path(__file__).parent / "baselines"
NAIVE = BASELINES / "orca.py"
REFERENCES = (BASELINES / "slack_past_future.py", BASELINES / "shortest_past_future.py")
"""The reference is the better of these two, case by case."""


class OwnProgram:
    """A policy that runs in this process."""

    def __init__(self, source: str, case: Case) -> None:
        program: dict[str, Any] = {}
        exec(compile(source, "program.py", "exec"), program)
        self._policy = program["Policy"](info_of(case))

    def schedule(self, observation: Observation) -> Any:
        """Return the plan, as it would come over the wire: tuples as lists."""
        plan = self._policy.schedule(observation)
        return {part: [list(row) if isinstance(row, tuple) else row for row in rows] for part, rows in plan.items()}


def serve_with(path: Path, case: Case) -> Service:
    """Serve a case with a program of ours."""
    return serve(case, OwnProgram(path.read_text(encoding="utf-8"), case), as_sent=False)
