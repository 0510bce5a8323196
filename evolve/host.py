"""What this machine has to offer, and which layers of isolation it lacks."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from evolve import __version__
from evolve.container import Container, container_around


@dataclass(frozen=True)
class Layer:
    """One layer of the sandbox. advice: what to do about it when it is missing."""

    name: str
    active: bool
    detail: str
    advice: str


@dataclass(frozen=True)
class Host:
    """This machine, as far as it matters to a run.

    Attributes:
        cores: that this process may use.
        memory_bytes, memory_free_bytes: None where the system does not tell.
        disk_free_bytes: where the runs folder lies or would lie.
        packages: name -> installed version, None when missing.
        isolated: whether every layer is active.
        container: the one that this process runs in, None where nothing tells of one.
    """

    evolve: str
    python: str
    platform: str
    cores: int
    memory_bytes: int | None
    memory_free_bytes: int | None
    disk_free_bytes: int
    packages: dict[str, str | None]
    isolated: bool
    layers: tuple[Layer, ...]
    container: Container | None = None


def examine() -> Host:
    """Look at the machine; boots a sandbox for a moment."""
    from sandbox import doctor

    container = container_around()
    layers = (Layer(x.name, x.active, x.detail, x.advice) for x in doctor.layers())
    found = tuple(replace(layer, advice=advice(layer, container)) for layer in layers)
    memory = _memory()
    return Host(
        evolve=__version__,
        python=f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})",
        platform=platform.platform(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=memory.get("MemTotal"),
        memory_free_bytes=memory.get("MemAvailable"),
        disk_free_bytes=shutil.disk_usage(Path.cwd()).free,
        packages={name: _version(name) for name in _required()},
        isolated=all(layer.active for layer in found),
        layers=found,
        container=container,
    )


def advice(layer: Layer, container: Container | None) -> str:
    """Return what to do about a layer that is missing, with the flag of the container where one would help."""
    flag = "" if container is None or layer.active else container.flag_for(layer.name)
    return f"{layer.advice}. Container: {flag}" if flag else layer.advice


def _required() -> list[str]:
    """Return the names of the packages that an installation needs, those for development left out."""
    needed = [text for text in metadata.requires("evolve") or [] if "extra ==" not in text]
    return sorted(re.split(r"[^A-Za-z0-9_.-]", text, maxsplit=1)[0] for text in needed)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _memory() -> dict[str, int]:
    """Return the lines of /proc/meminfo in bytes; empty where there is none."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {
        name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if "kB" in rest
    }
