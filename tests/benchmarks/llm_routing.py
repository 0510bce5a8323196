"""CPU time of the llm_routing verifier and of a baseline, apart, per case; and what the engines alone take.

Run: python tests/benchmarks/llm_routing.py [SPLIT] [BASELINE]
`engines` serves the same requests to the same replicas without asking anybody; the best of three runs each.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

import evaluators.llm_routing
from evaluators.llm_routing import LlmRouting
from evaluators.llm_routing.cluster import Case
from evaluators.llm_routing.gateway import serve
from evaluators.llm_routing.observation import Observation, Report
from evaluators.llm_routing.programs import serve_with
from evolve.evaluator import Split
from sandbox import Sandbox

BASELINES = Path(evaluators.llm_routing.__file__).parent / "baselines"


class _Replay:
    rebalances = False

    def __init__(self, answers: list[int]) -> None:
        self._answers = answers

    def route(self, observation: Observation) -> int:
        return self._answers[observation.request.id]

    def rebalance(self, report: Report) -> list[list[int]]:
        return []


def main() -> None:
    """Print one row per case."""
    split = Split(sys.argv[1] if len(sys.argv) > 1 else "train")
    path = BASELINES / f"{sys.argv[2] if len(sys.argv) > 2 else 'min_ttft'}.py"
    evaluator = LlmRouting()
    table = Table(title=f"llm_routing, {split.value}, {path.stem}: CPU s")
    for column in ("case", "requests", "verifier", "candidate", "both", "engines", "score"):
        table.add_column(column, justify="right")
    total = 0.0
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core for both, as in a run
    with Sandbox(evaluator.limits) as sandbox:
        for case in evaluator.instances(split):
            assert isinstance(case, Case)
            replicas = [job.replica for job in serve_with(path, case).jobs]
            best = (float("inf"), 0.0, 0.0)
            engines_s = float("inf")
            for _ in range(3):
                began = time.process_time()
                serve(case, _Replay(replicas), packed=True)
                engines_s = min(engines_s, time.process_time() - began)
                with sandbox.fork(path.read_text(encoding="utf-8")) as candidate:
                    candidate.load()
                    began = time.process_time()
                    outcome = evaluator.evaluate(candidate, case)
                    verifier_s, candidate_s = time.process_time() - began, candidate.cpu_s
                    best = min(best, (verifier_s + candidate_s, verifier_s, candidate_s))
            total += best[0]
            figures = f"{best[1]:.2f}", f"{best[2]:.2f}", f"{best[0]:.2f}", f"{engines_s:.2f}", f"{outcome.score:.1f}"
            table.add_row(case.id, str(len(case.requests)), *figures)
    table.add_row("all", "", "", "", f"{total:.2f}", "", "")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
