"""Which cluster evaluates: the parts [ray] and [slurm] of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from evolve.config_part import Part


class RayConfig(Part):
    """Which Ray cluster evaluates, with engine = "ray"."""

    address: str = Field(
        default="auto",
        min_length=1,
        description="of the cluster: auto (the one that runs on this machine), HOST:PORT, ray://HOST:PORT, or local to "
        "start one here for the run",
    )


class SlurmConfig(Part):
    """Which Slurm cluster evaluates, with engine = "slurm"."""

    cluster: str = Field(
        default="slurm", pattern="^(slurm|local)$", description="slurm, or local: processes here in place of jobs"
    )
    partition: str = Field(default="", description="of the jobs; empty: the cluster's default")
    minutes: int = Field(default=240, ge=1, description="time limit of a job; a new one takes its place")
    host: str = Field(default="", description="name of this machine as the nodes know it; empty: its full name")
    folder: Path | None = Field(
        default=None,
        description="for the jobs' files, on a disk that all nodes see; none: one in the user's home",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="more options of sbatch, e.g. account, qos")
