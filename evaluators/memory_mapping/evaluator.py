"""The verifier of memory_mapping: it checks every rectangle of time and addresses, and times programs itself."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from evaluators.fresh_draws import drawn_afresh
from evaluators.kept_figures import differ
from evaluators.memory_mapping.buffers import BuffersInstance, checked_offsets, peak_bytes
from evaluators.memory_mapping.feedback import explain_offsets, explain_plan
from evaluators.memory_mapping.figures import Figures, figures_of, stored, tells_apart
from evaluators.memory_mapping.machine import ProgramInstance, run
from evaluators.memory_mapping.picture import drawn
from evaluators.memory_mapping.plans import checked_plan
from evaluators.memory_mapping.public_format import public_buffers, read_buffers, write_buffers
from evaluators.memory_mapping.workload import RECIPES, Kind, Mapped, drawn_instance, own_instance
from evolve.evaluator import (
    Candidate,
    Evaluator,
    Instance,
    Limits,
    Outcome,
    Picture,
    Split,
    UsageError,
    relative_score,
)

OWN_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)


class MemoryMappingOptions(BaseModel):
    """Options of memory_mapping, `--set evaluator.key=value`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(
        "offsets",
        description="'offsets': give buffers addresses, so that the highest is low; 'placement': choose which tensors "
        "of a program are in fast memory, when and where, and a program defines plan instead of allocate",
    )


class MemoryMapping(Evaluator):
    """Put buffers into little memory, or the right tensors into fast memory."""

    name = "memory_mapping"
    summary = "Addresses for the buffers of a program in little memory; or which tensors are in fast memory, and when"
    defines = ("allocate",)
    limits = Limits(call_s=20.0, cpu_s=1.0, memory_mb=512, answer_mb=2)
    splits = (*OWN_SPLITS, Split.PUBLIC)
    Options = MemoryMappingOptions
    options: MemoryMappingOptions

    def __init__(self, options: BaseModel | None = None) -> None:
        super().__init__(options)
        if self.options.kind == "placement":
            self.defines, self.splits = ("plan",), OWN_SPLITS

    def instances(self, split: Split) -> Sequence[Instance]:
        """Return the instances of a split."""
        if split is Split.PUBLIC:
            self._has_files("no public programs are bundled; leave --split public out.")
            return public_buffers()
        return _own(self.options.kind, split)

    def fresh(self, split: Split, seed: int, count: int) -> Sequence[Instance]:
        """Draw instances that nobody has seen, by the recipes of a split."""
        kind = self.options.kind

        def tells(instance: Mapped) -> bool:
            return tells_apart(instance, figures_of(instance))

        return drawn_afresh(
            split, seed, count, range(len(RECIPES[kind][split])), partial(drawn_instance, kind, split), tells
        )

    def load(self, path: Path) -> Sequence[Instance]:
        """Read buffers in MiniMalloc's format, or a folder of such files."""
        self._has_files(f"programs have no file format (got --data {path}); leave --data out.")
        return read_buffers(path)

    def write(self, instances: Sequence[Instance], folder: Path) -> list[Path]:
        """Write a file in MiniMalloc's format for each instance."""
        self._has_files("programs have no file format; leave the kind out.")
        return write_buffers(instances, folder)

    def _has_files(self, otherwise: str) -> None:
        if self.options.kind == "placement":
            raise UsageError(f"memory_mapping, kind placement: {otherwise}")

    def evaluate(self, candidate: Candidate, instance: Instance) -> Outcome:
        """Ask for all offsets, or for one plan, check it and score it."""
        if isinstance(instance, BuffersInstance):
            return _offsets(candidate, instance)
        assert isinstance(instance, ProgramInstance)
        stays = checked_plan(candidate.call("plan", instance.program, instance.fast_bytes), instance)
        timing, figures = run(instance, stays), figures_of(instance)
        metrics: dict[str, float] = {
            "total_ticks": timing.ticks,
            "bound_ticks": figures.reference,
            "nothing_fast_ticks": figures.naive,
            "stall_ticks": sum(timing.stall),
            "speedup": figures.naive / timing.ticks,
            "speedup_vs_best_fit": figures.rival / timing.ticks,
        }
        return Outcome(_score(figures, timing.ticks), metrics, explain_plan(instance, stays, timing, figures))

    def picture(self, candidate: Candidate, instance: Instance) -> Picture:
        """Draw what lies where when."""
        if isinstance(instance, BuffersInstance):
            buffers = instance.buffers
            offsets = checked_offsets(candidate.call("allocate", *buffers.arrays()), buffers)
            peak = peak_bytes(buffers, offsets)
            rows = [
                (lower, upper, offset, size, f"buffer {k}: {size} bytes at {offset}")
                for k, (lower, upper, offset, size) in enumerate(
                    zip(buffers.lower, buffers.upper, offsets, buffers.size, strict=True)
                )
            ]
            title = f"{instance.id}: peak {peak} bytes, {peak / buffers.max_load:.3f} times the largest load"
            return drawn(title, "time", rows, buffers.max_load, "largest load", "No placement has a lower peak.")
        assert isinstance(instance, ProgramInstance)
        stays = checked_plan(candidate.call("plan", instance.program, instance.fast_bytes), instance)
        ticks = run(instance, stays).ticks
        size = instance.program.bytes.tolist()
        rows = [
            (s.start, s.last + 1, s.offset, size[s.tensor], f"tensor {s.tensor}: {size[s.tensor]} bytes at {s.offset}")
            for s in stays
        ]
        title = f"{instance.id}: {ticks} ticks, no plan below {figures_of(instance).reference}"
        return drawn(
            title, "instruction", rows, instance.fast_bytes, "fast memory", "What is not here is in main memory."
        )


def _offsets(candidate: Candidate, instance: BuffersInstance) -> Outcome:
    buffers = instance.buffers
    offsets = checked_offsets(candidate.call("allocate", *buffers.arrays()), buffers)
    peak, figures = peak_bytes(buffers, offsets), figures_of(instance)
    metrics: dict[str, float] = {
        "peak_bytes": peak,
        "max_load_bytes": buffers.max_load,
        "by_size_bytes": figures.naive,
        "peak_over_max_load": peak / buffers.max_load,
    }
    if instance.capacity:
        metrics["fits_capacity"] = float(peak <= instance.capacity)
    return Outcome(_score(figures, peak), metrics, explain_offsets(buffers, offsets, figures))


def _score(figures: Figures, paid: int) -> float | None:
    return relative_score(figures.naive, figures.reference, paid) if differ(figures.naive, figures.reference) else None


@functools.cache
def _own(kind: Kind, split: Split) -> tuple[Mapped, ...]:
    return tuple(own_instance(kind, split, index, again) for index, again in enumerate(stored(kind).attempts[split]))
