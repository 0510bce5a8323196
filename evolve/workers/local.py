"""Worker processes on this machine, driven from an asyncio loop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evolve.workers.crew import Crew
from evolve.workers.messages import Setup
from evolve.workers.process import WorkerProcess


class LocalWorkers(Crew):
    """Worker processes, one per core: the engine `local`, a `Pool`.

    ref, options: of the problem, as `evolve.registry.load_problem` takes them.  workers: how many processes.
    data: a file or folder in the problem's public format, whose instances then stand for every split.
    require_isolation: refuse to start where a layer of isolation is missing.
    environment: of the workers, besides that of this process.
    A worker stays on one core only where the problem's score depends on time: what an evaluator starts, threads or
    processes, may use them all otherwise.
    """

    def __init__(
        self,
        ref: str,
        options: dict[str, Any],
        workers: int,
        data: Path | None = None,
        require_isolation: bool = False,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        setups = [Setup(ref, options, data, cores[i] if workers <= len(cores) else None) for i in range(workers)]
        super().__init__([partial(WorkerProcess, setup, environment) for setup in setups], require_isolation)
