"""Small cases, and routers that run in the test's process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

import evaluators.llm_routing
from evaluators.llm_routing.cluster import A100, Case, Cluster, Given
from evaluators.llm_routing.gateway import Service, serve
from evaluators.llm_routing.observation import Observation, Report
from evaluators.llm_routing.programs import OwnProgram
from evaluators.serving.generators import Traffic, session_requests
from evaluators.serving.requests import Requests
from sandbox import wire

FOLDER = Path(evaluators.llm_routing.__file__).parent
BASELINES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "baselines").glob("*.py"))}


def requests_of(*rows: tuple[float, int, int, tuple[int, ...]]) -> Requests:
    """rows: (arrival s, prompt tokens, answer tokens, blocks)."""
    columns = np.array([[round(s * 1e6), prompt, answer] for s, prompt, answer, _ in rows], dtype=np.int64).T
    return Requests(*columns, tuple(blocks for *_, blocks in rows))


def case_of(requests: Requests, replicas: int = 4, **cluster: Any) -> Case:
    return Case("tests/0", Cluster((A100,) * replicas, **cluster), Given(requests))


def busy_case(number: int = 120, replicas: int = 4, seed: int = 0, **cluster: Any) -> Case:
    requests = session_requests(Traffic(), (5, 100, 300), 1.0, number, f"world {seed}")
    return case_of(requests, replicas, **cluster)


class Asked:
    """A router that keeps what it was asked."""

    def __init__(self, route: Callable[[Observation], Any], rebalance: Callable[[Report], Any] | None = None) -> None:
        self.observations: list[Observation] = []
        self.reports: list[Report] = []
        self._route, self._rebalance = route, rebalance
        self.rebalances = rebalance is not None

    def route(self, observation: Observation) -> Any:
        self.observations.append(observation)
        return self._route(observation)

    def rebalance(self, report: Report) -> Any:
        assert self._rebalance is not None
        self.reports.append(report)
        return self._rebalance(report)


def served(case: Case, router: Asked, **options: Any) -> Service:
    return serve(case, router, packed=False, **options)


def in_turn(observation: Observation) -> int:
    return int(observation.request.id % len(observation.match_blocks))


class InThisProcess:
    """A candidate and its only run, as the verifier sees them, without a process of their own."""

    def __init__(self, source: str, case: Case) -> None:
        self._program = OwnProgram(source, case)

    def new(self, cls: str, info: Any) -> InThisProcess:
        return self

    def offers(self, method: str) -> bool:
        return self._program.rebalances

    def call(self, method: str, observation: Any) -> Any:
        return getattr(self._program, method)(unpacked(observation))


def unpacked(value: Any) -> Any:
    """Return an observation as the candidate's end sees it, its packed arrays as arrays again."""
    if isinstance(value, msgspec.Raw):
        return wire.decode(memoryview(bytes(value)))
    if isinstance(value, msgspec.Struct):
        return SimpleNamespace(**{name: unpacked(getattr(value, name)) for name in value.__struct_fields__})
    return value
