"""Clusters in the JSON form of the VMR2L data, one cluster a file.

    {"cluster_list": [{"host_info": [{"node_id", "status", "node_cpu", "node_mem_mb", "rack_id",
         "numa": [{"node": 0, "total_cpu", "free_cpu", "memory_huge_total_mb", "memory_huge_free_mb"}, {"node": 1}]}]}],
     "vm_instance": [{"instance_id", "instance_type", "host_id", "allow_migration",
         "numa": [{"node", "cpu", "mem_mb"}, ...one entry a node]}],
     "vm_type_list": [...]}

What is not needed is not read: racks, types, status. Two keys are ours and may be missing: "migration_limit" of the
file and "anti_affinity_group" of a VM, a whole number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.vm_rescheduling.cluster import BOTH, Cluster, PMs, VMs
from evaluators.vm_rescheduling.workload import Case
from evolve.evaluator import Instance, UsageError

MOST = 2**40
"""vCPU, MB."""
MOST_THINGS = 1_000_000
"""Hosts or VMs."""


def read_clusters(path: Path, limit: int) -> list[Case]:
    """Read a file, or every *.json of a folder in the order of their names. limit: moves, where a file names none.

    Raises UsageError that names the file and the line or key that is wrong.
    """
    files = [path] if path.is_file() else sorted(path.glob("*.json"))
    if not files:
        what = "has no *.json" if path.is_dir() else "does not exist"
        raise UsageError(f"vm_rescheduling: {path} {what}: give a JSON file of the VMR2L data, or a folder of them.")
    return [Case(f"data/{number}", _read(file, limit), generated=False) for number, file in enumerate(files)]


def write_clusters(cases: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a file for each cluster, so that `read_clusters` gives the same ones in the same order."""
    files = []
    for number, case in enumerate(cases):
        assert isinstance(case, Case)
        files.append(folder / f"cluster-{number:04d}.json")
        files[-1].write_text(json.dumps(written(case.cluster), separators=(",", ":")) + "\n", encoding="utf-8")
    return files


def written(cluster: Cluster) -> dict[str, Any]:
    """Return a cluster as the content of a file."""
    pm, vm = cluster.pm, cluster.vm
    hosts = [
        {
            "node_id": f"host-{p}",
            "status": "online",
            "node_cpu": int(pm.cpu_total[p].sum()),
            "node_mem_mb": int(pm.mem_total[p].sum()),
            "rack_id": "",
            "numa": [
                {
                    "node": node,
                    "total_cpu": int(pm.cpu_total[p, node]),
                    "free_cpu": int(pm.cpu_free[p, node]),
                    "memory_huge_total_mb": int(pm.mem_total[p, node]),
                    "memory_huge_free_mb": int(pm.mem_free[p, node]),
                }
                for node in (0, 1)
            ],
        }
        for p in range(len(pm.cpu_free))
    ]
    instances = []
    for i, numa in enumerate(vm.numa.tolist()):
        nodes, part = ((0, 1), 2) if numa == BOTH else ((numa,), 1)
        instances.append(
            {
                "instance_id": f"vm-{i}",
                "instance_type": f"{int(vm.cpu[i])}c",
                "host_id": f"host-{int(vm.pm[i])}",
                "allow_migration": bool(vm.movable[i]),
                "numa": [
                    {"node": n, "cpu": int(vm.cpu[i]) // part, "mem_mb": int(vm.mem_mb[i]) // part} for n in nodes
                ],
            }
        )
        if vm.group[i] >= 0:
            instances[-1]["anti_affinity_group"] = int(vm.group[i])
    return {
        "cluster_list": [{"host_info": hosts}],
        "vm_instance": instances,
        "vm_type_list": [],
        "migration_limit": cluster.limit,
    }


def _read(path: Path, limit: int) -> Cluster:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UsageError(f"vm_rescheduling: {path}: line {error.lineno}: not JSON ({error.msg}).") from None
    except (UnicodeDecodeError, OSError, RecursionError, ValueError) as error:
        raise UsageError(f"vm_rescheduling: {path}: cannot be read ({error}).") from None
    try:
        return _cluster(content, limit)
    except ValueError as error:
        raise UsageError(f"vm_rescheduling: {path}: {error}") from None


def _cluster(content: Any, limit: int) -> Cluster:
    """Raises ValueError that names the key."""
    (entry,) = _listed(content, "cluster_list", "", 1)
    hosts = _listed(entry, "host_info", "cluster_list[0].", MOST_THINGS)
    where_vms = (entry, "cluster_list[0].") if "vm_instance" in entry else (content, "")
    instances = _listed(where_vms[0], "vm_instance", where_vms[1], MOST_THINGS)
    facts = np.zeros((4, len(hosts), 2), dtype=np.int64)
    keys = ("free_cpu", "memory_huge_free_mb", "total_cpu", "memory_huge_total_mb")
    number_of: dict[Any, int] = {}
    for p, host in enumerate(hosts):
        where = f"cluster_list[0].host_info[{p}]"
        nodes = _listed(host, "numa", f"{where}.", 2)
        if [node.get("node") for node in nodes] != [0, 1]:
            raise ValueError(f"key '{where}.numa': expected two entries, node 0 and node 1.")
        name = _name(host, "node_id", where)
        if number_of.setdefault(name, p) != p:
            raise ValueError(f"key '{where}.node_id': {name!r:.40} is there twice.")
        for node in (0, 1):
            for row, key in enumerate(keys):
                facts[row, p, node] = _number(nodes[node], key, f"{where}.numa[{node}]", 0)
    columns = [_vm(vm, f"{where_vms[1]}vm_instance[{i}]", number_of) for i, vm in enumerate(instances)]
    cpu, mem_mb, pm, numa, group, movable = (np.array(column) for column in zip(*columns, strict=True))
    cpu_free, mem_free, cpu_total, mem_total = facts
    _require_room(cpu_free, cpu_total, cpu, pm, numa, "vCPU")
    _require_room(mem_free, mem_total, mem_mb, pm, numa, "MB")
    _require_apart(group, pm)
    if isinstance(content, dict) and "migration_limit" in content:
        limit = _number(content, "migration_limit", "", 1)
    return Cluster(PMs(cpu_free, mem_free, cpu_total, mem_total), VMs(cpu, mem_mb, pm, numa, group, movable), limit)


def _vm(vm: Any, where: str, number_of: dict[Any, int]) -> tuple[int, int, int, int, int, bool]:
    """Return cpu, mem_mb, host, node, group and whether it may move."""
    parts = _listed(vm, "numa", f"{where}.", 2)
    host = _name(vm, "host_id", where)
    if host not in number_of:
        raise ValueError(f"key '{where}.host_id' is {host!r:.40}, which is no node_id of a host.")
    nodes = [part.get("node") for part in parts]
    if nodes not in ([0], [1], [0, 1]):
        raise ValueError(f"key '{where}.numa': its nodes are {nodes!r:.40}; expected 0, or 1, or 0 and 1.")
    sizes = [
        (_number(part, "cpu", f"{where}.numa[{n}]", 1), _number(part, "mem_mb", f"{where}.numa[{n}]", 0))
        for n, part in enumerate(parts)
    ]
    if len(sizes) == 2 and sizes[0] != sizes[1]:
        raise ValueError(f"key '{where}.numa': {sizes[0]} and {sizes[1]}; expected the same cpu and mem_mb on each.")
    movable = vm.get("allow_migration", True)
    if type(movable) is not bool and movable not in (0, 1):
        raise ValueError(f"key '{where}.allow_migration' is {movable!r:.40}; expected true or false.")
    group = _number(vm, "anti_affinity_group", where, 0) if "anti_affinity_group" in vm else -1
    numa = BOTH if len(sizes) == 2 else nodes[0]
    return sum(c for c, _ in sizes), sum(m for _, m in sizes), number_of[host], numa, group, bool(movable)


def _require_room(
    free: np.ndarray, total: np.ndarray, need: np.ndarray, pm: np.ndarray, numa: np.ndarray, unit: str
) -> None:
    used = np.zeros_like(free)
    for node in (0, 1):
        both = np.where(numa == BOTH, need // 2, 0)
        np.add.at(used[:, node], pm, np.where(numa == node, need, both))
    over = np.argwhere(used + free > total)
    if over.size:
        p, node = over[0].tolist()
        raise ValueError(
            f"key 'cluster_list[0].host_info[{p}].numa[{node}]': {free[p, node]} {unit} are free and its VMs take "
            f"{used[p, node]}, more than the total of {total[p, node]}."
        )


def _require_apart(group: np.ndarray, pm: np.ndarray) -> None:
    first: dict[tuple[int, int], int] = {}
    for vm, at in enumerate(zip(group.tolist(), pm.tolist(), strict=True)):
        if at[0] >= 0 and first.setdefault(at, vm) != vm:
            raise ValueError(
                f"key 'vm_instance[{vm}].anti_affinity_group': VM {first[at]} of group {at[0]} is on the same host."
            )


def _listed(entry: Any, key: str, where: str, most: int) -> list[dict[str, Any]]:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, list) or not 1 <= len(value) <= most or not all(isinstance(one, dict) for one in value):
        raise ValueError(f"key '{where}{key}': expected a list of 1 to {most} objects.")
    return value


def _name(entry: dict[str, Any], key: str, where: str) -> str | int:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"key '{where}.{key}' is {value!r:.40}; expected a name.")
    return value


def _number(entry: dict[str, Any], key: str, where: str, least: int) -> int:
    value = entry.get(key)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= MOST:
        raise ValueError(
            f"key '{f'{where}.' if where else ''}{key}' is {value!r:.40}; expected a whole number >= {least}."
        )
    return value
