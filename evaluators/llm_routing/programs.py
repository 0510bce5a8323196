"""Programs of ours, run in this process: only their figures are asked for, not a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluators.llm_routing.cluster import Case
from evaluators.llm_routing.gateway import Service, info_of, serve
from evaluators.llm_routing.observation import Observation, Report

NAIVE = Path(__file__).parent / "baselines" / "round_robin.py"
REFERENCE = Path(__file__).parent / "baselines" / "min_ttft.py"


class OwnProgram:
    """A router that runs in this process."""

    def __init__(self, source: str, case: Case) -> None:
        program: dict[str, Any] = {}
        exec(compile(source, "program.py", "exec"), program)
        self._policy = program["Policy"](info_of(case))
        self.rebalances = hasattr(self._policy, "rebalance")

    def route(self, observation: Observation) -> Any:
        """Return the replica of a request."""
        return self._policy.route(observation)

    def rebalance(self, report: Report) -> Any:
        """Return the moves."""
        return self._policy.rebalance(report)


def serve_with(path: Path, case: Case, *, fresh: bool = False) -> Service:
    """Serve a case with a program of ours."""
    return serve(case, OwnProgram(path.read_text(encoding="utf-8"), case), packed=False, fresh=fresh)
