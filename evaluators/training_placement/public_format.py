"""Cases as JSON files, read and written: nobody has published such a format, so this is our own.

{"job": {"layers": ...}, "nodes": [{"tflops": 312, ...}], "horizon_s": 86400, "events": [{"at_s": 3600, "lost": [2]}]}
with the fields of Job, Node and Event of cluster.py; "family" is a word for the feedback.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from evaluators.training_placement.cluster import Case, Event, Job, Node
from evaluators.training_placement.figures import figures_of
from evolve.evaluator import Infeasible, Instance, UsageError

MOST_NODES, MOST_LAYERS, MOST_EVENTS, MOST_H = 256, 512, 1000, 10_000
JOB_KEYS = Job.__struct_fields__


def read_cases(path: Path) -> list[Case]:
    """Read one file, or every *.json below a folder in the order of their names. Raises UsageError: file and key."""
    if not path.exists():
        raise UsageError(f"training_placement: {path} does not exist; give a JSON file of a case or a folder of them.")
    files = [path]
    if path.is_dir():
        files = sorted(path.rglob("*.json"), key=lambda file: file.relative_to(path).parts)
        if not files:
            raise UsageError(f"training_placement: no *.json in folder {path}; `evolve data` writes examples.")
    return [_read(file, file.relative_to(path) if path.is_dir() else Path(file.name)) for file in files]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    job: dict[str, int]
    nodes: list[Node]
    horizon_s: int
    events: list[Event]
    family: str = "data"


def _read(file: Path, name: Path) -> Case:
    try:
        content = msgspec.json.decode(file.read_bytes(), type=_File)
        wrong = _wrong(content)
    except (msgspec.MsgspecError, OSError) as error:
        wrong = str(error)
    if wrong:
        raise UsageError(f"training_placement: {name}: {wrong}")
    job = Job(**content.job)
    case = Case(
        f"data/{name.with_suffix('').as_posix()}",
        content.family,
        job,
        tuple(content.nodes),
        content.horizon_s,
        tuple(content.events),
    )
    try:
        figures_of(case)
    except (Infeasible, TypeError) as error:
        raise UsageError(f"training_placement: {name}: our own programs find no plan: {error}") from None
    return case


def _wrong(content: _File) -> str:
    """Return what is wrong with a file's figures, and empty where nothing is."""
    job, nodes = content.job, content.nodes
    if set(job) != set(JOB_KEYS):
        return f"job has the keys {sorted(job)}, expected {sorted(JOB_KEYS)}"
    for key in JOB_KEYS:
        if job[key] < (0 if key in ("experts", "top_k") else 1):
            return f"job.{key} is {job[key]}"
    if job["layers"] > MOST_LAYERS or not 1 <= len(nodes) <= MOST_NODES or len(content.events) > MOST_EVENTS:
        return f"more than {MOST_LAYERS} layers or {MOST_EVENTS} events, or not 1 to {MOST_NODES} nodes"
    for number, node in enumerate(nodes):
        for key in ("tflops", "mem_gb", "intra_gbs", "nic_gbs"):
            if not 0 < getattr(node, key) < 1e6:
                return f"nodes[{number}].{key} is {getattr(node, key)}, expected a number above 0"
    if not 1 <= content.horizon_s <= 3600 * MOST_H:
        return f"horizon_s is {content.horizon_s}, expected 1 to {3600 * MOST_H}"
    alive, before = set(range(len(nodes))), 0
    for number, event in enumerate(content.events):
        if not before < event.at_s < content.horizon_s:
            return f"events[{number}].at_s is {event.at_s}, expected above {before} and below the horizon"
        before = event.at_s
        if not set(event.lost) <= alive or set(event.returned) & alive:
            return f"events[{number}]: lost nodes must be there before, returned ones must not"
        alive = (alive - set(event.lost)) | set(event.returned)
        if not alive <= set(range(len(nodes))):
            return f"events[{number}] returns node {max(alive)}, expected 0..{len(nodes) - 1}"
        for which, speed in event.speed:
            if not 0 <= which < len(nodes) or not 0 < speed <= 1:
                return f"events[{number}].speed is ({which}, {speed}), expected a node and a number in (0, 1]"
    return ""


def write_cases(cases: Sequence[Instance], folder: Path) -> list[Path]:
    """Write every case to a file of its own, ID.json, and return the files."""
    files = []
    for number, case in enumerate(cases):
        assert isinstance(case, Case)
        content: dict[str, Any] = {
            "family": case.family,
            "job": {key: getattr(case.job, key) for key in JOB_KEYS},
            "nodes": [dataclasses.asdict(node) for node in case.nodes],
            "horizon_s": case.horizon_s,
            "events": [dataclasses.asdict(event) for event in case.events],
        }
        file = folder / f"{number:03d}_{case.id.replace('/', '_')}.json"
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        files.append(file)
    return files
