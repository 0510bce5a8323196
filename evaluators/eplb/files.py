"""Instances as files: a list of windows each, and in `clusters.json` beside them what the experts are placed on.

The public format, a list of `[layers][experts]` windows, says nothing about slots, groups, nodes and GPUs:
    {"train-000.json": {"replicas": 288, "groups": 8, "nodes": 4, "gpus": 32}, ...}
A file that is not listed there, and a folder without clusters.json, is placed as the options say.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import msgspec

from evaluators.eplb.public import read_windows
from evaluators.eplb.workload import Cluster, EplbInstance, Windows
from evolve.evaluator import Instance, UsageError

CLUSTERS = "clusters.json"


class _Placed(msgspec.Struct, forbid_unknown_fields=True):
    """What the experts of one file are placed on."""

    replicas: int
    groups: int
    nodes: int
    gpus: int

    def __post_init__(self) -> None:
        if min(self.replicas, self.groups, self.nodes, self.gpus) < 1:
            raise ValueError("expected whole numbers from 1 on")


def read_instances(path: Path, otherwise: Cluster) -> list[EplbInstance]:
    """Read one file, or every *.json of a folder in the order of their names; window i is seen, window i + 1 scored.

    otherwise: what the experts of a file are placed on that clusters.json does not list; its layers and experts are
    the file's. Raises UsageError that names the file and the line or key.
    """
    if not path.is_dir():
        return _pairs(path, "public", otherwise, "change --set evaluator.replicas, evaluator.gpus or evaluator.nodes")
    files = sorted(file for file in path.glob("*.json") if file.name != CLUSTERS)
    if not files:
        raise UsageError(f"eplb: {path} has no *.json; give a file of expert loads, or a folder of them.")
    clusters = _clusters(path / CLUSTERS)
    instances = []
    for file in files:
        known = clusters.get(file.name)
        on = (
            Cluster(replicas=known.replicas, groups=known.groups, nodes=known.nodes, gpus=known.gpus) if known else None
        )
        what = f"change {path / CLUSTERS}" if known else "change --set evaluator.replicas or list it in clusters.json"
        prefix = "public" if len(files) == 1 else f"public/{file.stem}"
        instances += _pairs(file, prefix, on or otherwise, what)
    return instances


def write_instances(instances: Iterable[Instance], folder: Path) -> list[Path]:
    """Write the two windows of every instance, and all clusters, so that `read_instances` gives the same ones."""
    files, clusters = [], {}
    for instance in instances:
        assert isinstance(instance, EplbInstance)
        prefix, _, name = instance.id.partition("/")
        file = folder / f"{prefix}-{name.replace('/', '-'):0>3}.json"
        windows, on = instance.windows(), instance.cluster
        loads = [
            [[int(n) if n.is_integer() else n for n in row] for row in w.tolist()]
            for w in (windows.seen, windows.scored)
        ]
        file.write_bytes(msgspec.json.encode(loads) + b"\n")
        files.append(file)
        clusters[file.name] = _Placed(on.replicas, on.groups, on.nodes, on.gpus)
    (folder / CLUSTERS).write_bytes(msgspec.json.format(msgspec.json.encode(clusters), indent=1) + b"\n")
    return [*files, folder / CLUSTERS]


def _pairs(file: Path, prefix: str, on: Cluster, what: str) -> list[EplbInstance]:
    windows = read_windows(file)
    layers, experts = windows[0].shape
    cluster = Cluster(layers, experts, on.replicas, on.groups, on.nodes, on.gpus)
    problem = cluster.problem()
    if problem:
        raise UsageError(f"eplb: {file}: {problem}; {what}.")
    return [
        EplbInstance(f"{prefix}/{i}", cluster, read=Windows(seen, scored))
        for i, (seen, scored) in enumerate(itertools.pairwise(windows))
    ]


def _clusters(file: Path) -> dict[str, _Placed]:
    if not file.exists():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, _Placed])
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"eplb: {file}: {error}; expected {{file: {{replicas, groups, nodes, gpus}}}}.") from None
