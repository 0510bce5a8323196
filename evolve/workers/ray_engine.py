"""The engine `ray`: each worker is an actor of a Ray cluster, on whatever node has room for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import evolve
from evolve.config import RunConfig
from evolve.errors import UsageError
from evolve.registry import Problem, load_problem
from evolve.workers.crew import Crew, WorkerLost
from evolve.workers.messages import Ready, Setup
from evolve.workers.relay import SHIPPED, Lost, Relay

CONNECT_S = 10.0
NOT_SHIPPED = ["**/__pycache__", "**/.git", "**/.venv*", "**/runs"]


class RayWorkers(Crew):
    """Workers as Ray actors, each with the cores, memory and GPUs that the evaluator declares: a `Pool`.

    config: its `workers` is how many; work begins with the first that the cluster has room for.
    data: a file or folder that every node finds under this path.
    A problem that is a folder is sent to the nodes; one that is installed must be installed there, as evolve itself.
    What happens when a node is lost is what happens when a worker process dies: its instance is tried again.
    """

    def __init__(self, config: RunConfig, data: Path | None = None) -> None:
        self._address = config.ray.address
        problem = load_problem(config.problem, config.evaluator)
        self._folder = problem.ref if Path(problem.ref).is_dir() else None
        setup = Setup(SHIPPED if self._folder else problem.ref, config.evaluator, data, None)
        makers = [partial(RayWorker, setup, _resources(problem))] * config.workers
        super().__init__(makers, config.require_isolation, wait_for_all=False)

    async def __aenter__(self) -> Any:
        import ray

        if trouble := await asyncio.to_thread(_why_unreachable, self._address):
            raise UsageError(_no_cluster(self._address, trouble))
        shipped = {"working_dir": self._folder, "excludes": NOT_SHIPPED} if self._folder else {}
        try:
            # Here and not in a thread: what Ray starts ends with the thread that started it.
            ray.init(
                self._address,
                runtime_env=shipped,
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False if self._address == "local" else None,
            )
        except Exception as error:  # what Ray raises here has no common base
            raise UsageError(_no_cluster(self._address, str(error))) from None
        room = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
        self.notices.append(
            f"Ray has {room} cores and reserves them by number; a worker whose scores depend on time stays on one core"
        )
        try:
            return await super().__aenter__()
        except BaseException:
            ray.shutdown()
            raise

    async def __aexit__(self, *error: object) -> None:
        import ray

        await super().__aexit__(*error)
        ray.shutdown()


class RayWorker:
    """One actor, as the crew sees it. setup, options: of the worker, of the actor."""

    def __init__(self, setup: Setup, options: dict[str, Any]) -> None:
        import ray

        actor = ray.remote(Relay).options(max_concurrency=4, **options)
        self._actor: Any = actor.remote(setup, evolve.__version__)
        self._answer: Any = None

    async def greet(self) -> Ready:
        """As `Worker.greet`; how long it waits for room in the cluster has no limit."""
        ready: Ready = await self._of(self._actor.greet.remote())
        if ready.error:
            raise UsageError(ready.error)
        return ready

    def say(self, value: Any) -> None:
        """As `Worker.say`; a node that is gone shows when it is heard."""
        self._answer = self._actor.ask.remote(value)

    async def hear(self) -> Any:
        """As `Worker.hear`."""
        answer, self._answer = self._answer or self._actor.hear.remote(), None
        said = await self._of(answer)
        if isinstance(said, Lost):
            raise WorkerLost(said.how, said.by_host)
        return said

    async def _of(self, answer: Awaitable[Any]) -> Any:
        import ray

        try:
            return await answer
        except ray.exceptions.RuntimeEnvSetupError as error:
            raise UsageError(f"Ray cannot set up the problem on a node: {' '.join(str(error).split())[:300]}") from None
        except (ray.exceptions.RayActorError, ray.exceptions.RaySystemError, ray.exceptions.GetTimeoutError):
            raise WorkerLost("was lost with its node or by the cluster", by_host=True) from None

    def let_go(self) -> None:
        """As `Worker.let_go`: with the actor's process its worker ends, too."""
        import ray

        ray.kill(self._actor)

    def end(self) -> None:
        """As `Worker.end`."""
        self.let_go()


def _why_unreachable(address: str) -> str:
    """Return why nobody listens at HOST:PORT, where the address is one; empty when somebody does.

    Ray itself would wait for minutes, in a call that nothing interrupts.
    """
    place = urlsplit(address if "://" in address else f"//{address}")
    try:
        if place.hostname and place.port:
            socket.create_connection((place.hostname, place.port), CONNECT_S).close()
    except ValueError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _no_cluster(address: str, why: str) -> str:
    return (
        f"--ray-address {address}: no Ray cluster answers ({' '.join(why.split())[:200]}). "
        "Start one with `ray start --head`, or give --ray-address local."
    )


def _resources(problem: Problem) -> dict[str, Any]:
    evaluator = problem.evaluator
    return {
        "num_cpus": evaluator.cpus,
        "num_gpus": evaluator.gpus,
        **({"memory": int(evaluator.memory_gb * 2**30)} if evaluator.memory_gb else {}),
    }


def make(config: RunConfig, data: Path | None) -> RayWorkers:
    """Return the pool. Raises UsageError where Ray is not installed."""
    try:
        import ray  # noqa: F401
    except ImportError:
        raise UsageError("--engine ray needs the extra: pip install 'evolve[ray]'") from None
    return RayWorkers(config, data)
