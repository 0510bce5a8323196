"""Days in the form of the PlanetLab files of CoMon: a folder a day, a file a VM, a line for every five minutes.

Each line is the CPU use of the VM in that tick, a whole number of percent. Files are read in the order of their names;
VMs and hosts then have the types of the literature in turn, and there are 0.4 hosts for each VM. `case.json`, which is
ours and may be missing, has what else is known of a day: the use of the hour before it, RAM, dirty rates, first hosts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.cloud_balancing.cloud import G4, G5, HISTORY, Cloud, Info
from evaluators.cloud_balancing.workload import HOSTS_PER_VM, Case, equipped, placed_by_peak
from evaluators.fresh_draws import stream
from evolve.evaluator import Instance, UsageError

EXTRA = "case.json"
MOST_TICKS = 10_000
COLUMNS = ("vm_max_mips", "vm_ram_mb", "vm_dirty_mbit_s")


def read_days(path: Path, most_vms: int) -> list[Case]:
    """Read a folder of files, a day, or a folder of such folders in the order of their names.

    Raises UsageError that names the file and the line or key that is wrong.
    """
    if not path.is_dir():
        raise UsageError(f"cloud_balancing: {path} is no folder: give one of PlanetLab files, a VM each.")
    folders = (
        [path] if any(one.is_file() for one in path.iterdir()) else sorted(p for p in path.iterdir() if p.is_dir())
    )
    if not folders:
        raise UsageError(f"cloud_balancing: {path} is empty: give a folder of PlanetLab files, a VM each.")
    return [Case(f"data/{number}", _day(folder, most_vms), generated=False) for number, folder in enumerate(folders)]


def write_days(cases: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a folder for each day, so that `read_days` gives the same ones in the same order."""
    files = []
    for number, case in enumerate(cases):
        assert isinstance(case, Case)
        cloud, own = case.cloud, folder / f"day-{number:04d}"
        own.mkdir()
        for vm, use in enumerate(cloud.asked_pct.T.tolist()):
            files.append(own / f"vm-{vm:05d}")
            files[-1].write_text("".join(f"{percent}\n" for percent in use), encoding="ascii")
        info = cloud.info
        facts: dict[str, Any] = {name: getattr(info, name).tolist() for name in COLUMNS}
        facts["host_ram_mb"] = info.host_ram_mb.tolist()
        facts["host_type"] = ["G4" if mips == G4[0] else "G5" for mips in info.host_mips.tolist()]
        facts |= {"before_pct": cloud.before_pct.tolist(), "start": cloud.start.tolist()}
        files.append(own / EXTRA)
        files[-1].write_text(json.dumps(facts) + "\n", encoding="utf-8")
    return files


def _day(folder: Path, most_vms: int) -> Cloud:
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != EXTRA)
    extra = folder / EXTRA
    files = files if extra.exists() else files[:most_vms]
    if not files:
        raise UsageError(f"cloud_balancing: {folder} has no files: expected one for each VM.")
    columns = [_use(file) for file in files]
    for file, column in zip(files, columns, strict=True):
        if len(column) != len(columns[0]):
            raise UsageError(
                f"cloud_balancing: {file}: line {len(column)} is its last; {files[0].name} has {len(columns[0])} lines."
            )
    asked = np.array(columns, dtype=np.int64).T.copy()
    if extra.exists():
        try:
            return _equipped_as(json.loads(extra.read_text(encoding="utf-8")), asked)
        except (OSError, ValueError) as error:
            raise UsageError(f"cloud_balancing: {extra}: {error}.") from None
    vms = asked.shape[1]
    info = equipped(stream("cloud_balancing/data"), vms, max(1, round(HOSTS_PER_VM * vms)))
    info = Info(len(asked), *(getattr(info, name) for name in info.__struct_fields__[1:]))
    return Cloud(info, asked, np.zeros((HISTORY, vms), dtype=np.int64), placed_by_peak(info))


def _use(file: Path) -> list[int]:
    """Read the lines of a VM."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cloud_balancing: {file}: cannot be read ({error}).") from None
    while lines and not lines[-1].strip():
        lines.pop()
    if not 1 <= len(lines) <= MOST_TICKS:
        raise UsageError(f"cloud_balancing: {file}: line 1: expected 1 to {MOST_TICKS} lines, a percentage each.")
    use = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= 100):
            raise UsageError(
                f"cloud_balancing: {file}: line {number} is {text!r:.40}; expected a whole number of % from 0 to 100."
            )
        use.append(int(text))
    return use


def _equipped_as(facts: Any, asked: np.ndarray) -> Cloud:
    """Raises ValueError that names the key."""
    if not isinstance(facts, dict):
        raise ValueError("expected an object")
    vms = asked.shape[1]
    types = facts.get("host_type")
    if not isinstance(types, list) or not types or not all(kind in ("G4", "G5") for kind in types):
        raise ValueError('key \'host_type\': expected a list of "G4" and "G5"')
    hosts = len(types)
    max_mips, ram, dirty = (
        _whole(facts, name, (vms,), high) for name, high in zip(COLUMNS, (10**6, 10**7, 499), strict=True)
    )
    of = {"G4": G4, "G5": G5}
    info = Info(
        len(asked),
        max_mips,
        ram,
        dirty,
        np.array([of[kind][0] for kind in types]),
        _whole(facts, "host_ram_mb", (hosts,), 10**9),
        np.array([of[kind][1] for kind in types]),
    )
    before = _whole(facts, "before_pct", (HISTORY, vms), 100)
    start = _whole(facts, "start", (vms,), hosts - 1)
    over = np.flatnonzero(np.bincount(start, ram, hosts) > info.host_ram_mb)
    if over.size:
        raise ValueError(f"key 'start': the VMs on host {over[0]} take more than its RAM")
    return Cloud(info, asked, before, start)


def _whole(facts: dict[str, Any], key: str, shape: tuple[int, ...], most: int) -> np.ndarray:
    try:
        array = np.array(facts.get(key))
    except ValueError:
        array = np.zeros(0)
    if array.shape != shape or array.dtype.kind not in "iu" or array.min() < 0 or array.max() > most:
        raise ValueError(f"key '{key}': expected whole numbers from 0 to {most} of shape {shape}")
    return array.astype(np.int64)
