"""Windows of request traces: those of the bundled Mooncake trace, and of a user's files.

A trace is cut into windows of about 900 s that are served by 16 A100 machines with empty caches; all requests count.
Traces whose times are multiples of 3 s, as Mooncake's are, get up to 3 s added to each, drawn once and for all.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from evaluators.llm_routing.cluster import A100, KV_CAPACITY_TOKENS, Case, Cluster, Given
from evaluators.serving.requests import Requests
from evaluators.serving.trace_format import read_requests, write_mooncake
from evaluators.serving.traces import mooncake_trace
from evolve.evaluator import UsageError

WINDOW_US = 900_000_000
ROUNDED_MS, OFF_MS = 3000, 5
"""Mooncake rounds times to 3 s, and is off by up to 3 ms."""
PUBLIC_CLUSTER = Cluster((A100,) * 16)


@dataclass(frozen=True)
class TraceWindow:
    """A window of a bundled trace."""

    trace: Literal["conversation", "synthetic"]
    number: int

    def requests(self) -> Requests:
        """Return the requests of the window."""
        return _bundled_windows(self.trace)[self.number]


def public_cases() -> list[Case]:
    """Return the four windows of the Mooncake conversation trace."""
    return [Case(f"public/{number}", PUBLIC_CLUSTER, TraceWindow("conversation", number)) for number in range(4)]


@functools.cache
def _bundled_windows(trace: Literal["conversation", "synthetic"]) -> list[Requests]:
    return windows(mooncake_trace(trace))


def windows(requests: Requests) -> list[Requests]:
    """Cut a trace into windows of 900 s; what is left at the end joins the last, or is one when it has half of that."""
    requests = _spread(requests)
    number = max(1, round(int(requests.arrival_us[-1]) / WINDOW_US))
    starts_us = [WINDOW_US * i for i in range(number)]
    firsts = [*np.searchsorted(requests.arrival_us, starts_us).tolist(), len(requests)]
    parts = zip(firsts, firsts[1:], starts_us, strict=False)
    return [requests.between(first, end, us) for first, end, us in parts if end > first]


def read_cases(path: Path, replicas: int = PUBLIC_CLUSTER.replicas) -> list[Case]:
    """Read one trace, or every *.jsonl and *.csv of a folder, for so many A100 machines.

    Raises UsageError that names file, line and key.
    """
    cluster = Cluster((A100,) * replicas)
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".jsonl", ".csv"))
        if not files:
            raise UsageError(f"llm_routing: folder {path} holds no *.jsonl (Mooncake) or *.csv (Azure LLM) trace.")
    cases = []
    for file in files:
        parts = windows(read_requests(file, "llm_routing", KV_CAPACITY_TOKENS))
        cases += [Case(f"data/{file.name}/{number}", cluster, Given(part)) for number, part in enumerate(parts)]
    return cases


def write_cases(cases: list[Case], folder: Path) -> list[Path]:
    """Write the requests of each case in Mooncake's format. Machines are not part of it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for case in cases:
        files.append(folder / f"{case.id.replace('/', '-')}.jsonl")
        write_mooncake(case.requests, files[-1])
    return files


def _spread(requests: Requests) -> Requests:
    """Spread requests whose times are all multiples of 3 s, but for 5 ms, over the 3 s that follow, in whole ms."""
    ms = requests.arrival_us // 1000
    if len(requests) < 2 or ms[-1] == 0 or ((ms + OFF_MS) % ROUNDED_MS > 2 * OFF_MS).any():
        return requests
    rng = random.Random("llm_routing: three seconds")
    later = ms + np.array([rng.randrange(ROUNDED_MS) for _ in range(len(requests))])
    order = np.argsort(later, kind="stable")
    blocks = tuple(requests.blocks[i] for i in order.tolist())
    return Requests(later[order] * 1000, requests.input_tokens[order], requests.output_tokens[order], blocks)
