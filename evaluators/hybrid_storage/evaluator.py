"""The verifier of hybrid_storage: it queues every I/O of a trace itself, where the policy's answers put the pages."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.hybrid_storage.devices import Storage
from evaluators.hybrid_storage.feedback import explain
from evaluators.hybrid_storage.figures import figures_of, stored, tells_apart
from evaluators.hybrid_storage.picture import drawn
from evaluators.hybrid_storage.public_format import read_traces, write_traces
from evaluators.hybrid_storage.traces import Asked, Epoch, Result, Trace, play, sound_moves
from evaluators.hybrid_storage.workload import DEVICES, Config, drawn_trace, own_trace
from evaluators.kept_figures import differ
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Infeasible,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    UsageError,
    relative_score,
)


class HybridStorageOptions(BaseModel):
    """Options of hybrid_storage, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    devices: Config | None = Field(
        None,
        description="only traces on these: 'performance' (Optane and SSD), 'cost' (Optane and disk), 'three', 'four'",
    )


class HybridStorage(Evaluator):
    """Say on which device pages are written, and move them now and then, so that requests take little time."""

    name = "hybrid_storage"
    summary = "Which of some fast and slow storage devices holds a page, so that requests take little time"
    defines = ("Policy",)
    limits = Limits(cpu_s=4.0, memory_mb=512, answer_mb=1)
    Options = HybridStorageOptions
    options: HybridStorageOptions

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the traces of a split; requests are drawn when a trace is evaluated."""
        if split is Split.PUBLIC:
            raise UsageError("hybrid_storage: no public traces are bundled; give MSR Cambridge traces with --data.")
        return [trace for trace in _own(split) if self._wants(trace)]

    def _wants(self, trace: Trace) -> bool:
        return self.options.devices is None or DEVICES[self.options.devices] == trace.devices

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw traces that nobody has seen, by the recipes of a split."""
        slots = [k for k, trace in enumerate(_own(split)) if self._wants(trace)]
        draw = functools.partial(drawn_trace, split)
        return drawn_afresh(split, seed, count, slots, draw, lambda trace: tells_apart(trace, figures_of(trace)))

    def load(self, path: Path) -> Sequence[Instance]:
        """Read a trace in the format of the MSR Cambridge traces, or a folder of them."""
        return read_traces(path)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a file in that format for each trace."""
        return write_traces(instances, folder)

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Play a trace and score its mean latency."""
        assert isinstance(instance, Trace)
        result, figures = played(candidate, instance), figures_of(instance)
        count = len(instance.requests)
        metrics = {
            "mean_latency_us": result.total_ns / count / 1000,
            "p99_latency_us": float(np.quantile(result.latency_ns, 0.99)) / 1000,
            "over_fast_only_ratio": result.total_ns / figures.fast_only,
            "slow_only_us": figures.naive / count / 1000,
            "reference_us": figures.reference / count / 1000,
            "moved_pages": float(result.storage.moved),
            "evicted_pages": float(result.storage.evicted),
            "fast_hit_pct": 100.0 * result.fast,
        }
        score = None
        if differ(figures.naive, figures.reference):
            score = relative_score(figures.naive, figures.reference, result.total_ns)
        return Outcome(score, metrics, explain(instance, result, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw latency over the trace, by kind and size of requests, and what each device holds at the end."""
        assert isinstance(instance, Trace)
        return drawn(instance, played(candidate, instance), figures_of(instance))


def played(candidate: Candidate, trace: Trace) -> Result:
    """Play a trace with a policy. Raises Infeasible that names the request or the move."""
    policy = candidate.new("Policy", trace.info())
    devices = len(trace.devices)

    def place(asked: Asked) -> int:
        answer = policy.call("place", asked)
        if type(answer) is not int or not 0 <= answer < devices:
            raise Infeasible(
                f"t={asked.t_us} us, page {asked.page}: the device is {answer!r:.40}, expected a whole number "
                f"from 0 to {devices - 1}"
            )
        return answer

    def migrate(epoch: Epoch, storage: Storage) -> list[tuple[int, int]]:
        try:
            return sound_moves(policy.call("migrate", epoch), storage)
        except ValueError as error:
            raise Infeasible(f"t={epoch.t_us} us: {error}") from None

    return play(trace, place, migrate)


@functools.cache
def _own(split: Split) -> tuple[Trace, ...]:
    return tuple(own_trace(split, index, attempt) for index, attempt in enumerate(stored().attempts[split]))
