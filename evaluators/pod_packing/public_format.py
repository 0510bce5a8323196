"""Clusters as CSV lists of nodes and pods, in the columns of Alibaba's GPU trace of 2023.

    nodes.csv  sn,cpu_milli,memory_mib,gpu,model[,labels]
    pods.csv   name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,...
               [,priority,node_now,needs_labels,spread_group]
    case.json  {"moves_allowed": 4}

Read are cpu_milli, memory_mib, gpu, num_gpu, gpu_milli, qos and creation_time; gpu_spec is not. The columns in brackets
are ours. Where pods.csv has no node_now, the lists are those of the trace: nodes are dealt at random to cases of a
chosen size, pods are dealt to them in the order of their creation until 105 % is asked, the default scheduler places
the first 90 %, and a tenth of the running pods may be disturbed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.fresh_draws import stream
from evaluators.pod_packing.cluster import Cluster, Nodes, Pods
from evaluators.pod_packing.placement import broken
from evaluators.pod_packing.workload import Case, first_placed
from evolve.evaluator import Instance, UsageError

NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model", "labels")
POD_COLUMNS = (
    *("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec", "qos", "pod_phase"),
    *("creation_time", "deletion_time", "scheduled_time", "priority", "node_now", "needs_labels", "spread_group"),
)
PRIORITY_OF_QOS = {"BE": 0, "Burstable": 1, "LS": 2, "Guaranteed": 2}
QOS_OF_PRIORITY = ("BE", "Burstable", "LS")
ASKED, ARRIVED, MOVES = 1.05, 0.9, 0.1
MOST = 2**40


def read_clusters(path: Path, nodes_per_case: int) -> list[Case]:
    """Read a folder of one cluster, of folders of one each, or of the lists of the trace.

    Raises UsageError that names the file, the line and the column that is wrong.
    """
    if not path.is_dir():
        raise UsageError(f"pod_packing: {path} is no folder: give one with a list of nodes and one of pods (CSV).")
    folders = [path] if list(path.glob("*.csv")) else sorted(each for each in path.iterdir() if each.is_dir())
    if not folders:
        raise UsageError(f"pod_packing: {path} has no *.csv: it needs a list of nodes and one of pods.")
    clusters = [cluster for folder in folders for cluster in _read(folder, nodes_per_case)]
    return [Case(f"data/{number}", cluster, generated=False) for number, cluster in enumerate(clusters)]


def write_clusters(cases: Iterable[Instance], folder: Path) -> list[Path]:
    """Write a folder for each cluster, so that `read_clusters` gives the same ones in the same order."""
    files = []
    for number, case in enumerate(cases):
        assert isinstance(case, Case)
        node, pod, own = case.cluster.node, case.cluster.pod, folder / f"cluster-{number:04d}"
        own.mkdir()
        nodes = zip(
            *(column.tolist() for column in (node.cpu_milli, node.mem_mib, node.gpu_milli // 1000, node.labels)),
            strict=True,
        )
        rows = [[f"node-{i}", cpu, mem, gpu, "", labels] for i, (cpu, mem, gpu, labels) in enumerate(nodes)]
        _write(own / "nodes.csv", NODE_COLUMNS, rows)
        columns = (getattr(pod, name).tolist() for name in pod.__struct_fields__)
        rows = []
        for i, (cpu, mem, gpu, priority, now, needs, group) in enumerate(zip(*columns, strict=True)):
            qos = QOS_OF_PRIORITY[min(priority, 2)]
            number_of_gpus = -(-gpu // 1000)
            share = min(gpu, 1000)
            rows.append(
                [f"pod-{i}", cpu, mem, number_of_gpus, share, "", qos, "", i, "", "", priority, now, needs, group]
            )
        _write(own / "pods.csv", POD_COLUMNS, rows)
        (own / "case.json").write_text(json.dumps({"moves_allowed": case.cluster.moves_allowed}) + "\n")
        files += [own / "nodes.csv", own / "pods.csv", own / "case.json"]
    return files


def _write(file: Path, header: Iterable[str], rows: Iterable[list[Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _read(folder: Path, nodes_per_case: int) -> Iterator[Cluster]:
    node_file, pod_file = (_one_file(folder, word) for word in ("node", "pod"))
    node_rows, pod_rows = _rows(node_file), _rows(pod_file)
    nodes = np.array(
        [[row.number("cpu_milli", 1), row.number("memory_mib", 1), 1000 * row.number("gpu", 0)] for row in node_rows]
    )
    labels = np.array([row.number("labels", 0, 2**64 - 1, 0) for row in node_rows], dtype=np.uint64)
    pods = np.array([[row.number("cpu_milli", 0), row.number("memory_mib", 0), _gpu(row)] for row in pod_rows])
    priority = np.array([_priority(row) for row in pod_rows])
    if not pod_rows[0].has("node_now"):
        created = np.array([row.number("creation_time", 0, MOST, 0) for row in pod_rows])
        order = np.argsort(created, kind="stable")
        yield from cut(nodes, pods[order], priority[order], nodes_per_case)
        return
    now = np.array([row.number("node_now", -1, len(nodes) - 1) for row in pod_rows])
    needs = np.array([row.number("needs_labels", 0, 2**64 - 1, 0) for row in pod_rows], dtype=np.uint64)
    group = np.array([row.number("spread_group", -1, MOST, -1) for row in pod_rows])
    cluster = Cluster(Nodes(*nodes.T.copy(), labels), Pods(*pods.T.copy(), priority, now, needs, group), 0)
    wrong = broken(cluster, now)
    if wrong:
        raise UsageError(f"pod_packing: {pod_file}: column 'node_now': {wrong}.")
    yield Cluster(cluster.node, cluster.pod, _moves_allowed(folder / "case.json", int((now >= 0).sum())))


def cut(nodes: np.ndarray, pods: np.ndarray, priority: np.ndarray, nodes_per_case: int) -> Iterator[Cluster]:
    """Deal the nodes (N, 3) and pods (n, 3) of a trace to cases, until there are no more of either."""
    order = stream("pod_packing/cut").permutation(len(nodes))
    next_pod = 0
    for start in range(0, len(nodes) - nodes_per_case + 1, nodes_per_case):
        mine = nodes[order[start : start + nodes_per_case]]
        total, taken, sums = np.maximum(mine.sum(axis=0), 1), list[int](), np.zeros(3)
        while (sums / total).max() < ASKED and next_pod < len(pods):
            if (mine >= pods[next_pod]).all(axis=1).any():
                taken.append(next_pod)
                sums += pods[next_pod]
            next_pod += 1
        if (sums / total).max() < ASKED:
            return
        count = len(taken)
        plain = np.full(count, -1)
        waiting = Pods(*pods[taken].T.copy(), priority[taken], plain, np.zeros(count, dtype=np.uint64), plain)
        yield first_placed(Nodes(*mine.T.copy(), np.zeros(len(mine), dtype=np.uint64)), waiting, ARRIVED, MOVES)


class _Row:
    """A line of a list."""

    def __init__(self, wrong: Callable[[str], UsageError], cells: dict[str, str]) -> None:
        self.wrong, self.cells = wrong, cells

    def has(self, column: str) -> bool:
        return column in self.cells

    def number(self, column: str, least: int, most: int = MOST, missing: int | None = None) -> int:
        text = self.cells.get(column)
        if (text is None or text == "") and missing is not None:
            return missing
        try:
            value = int(text or "")
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise self.wrong(f"column '{column}' is {text!r:.40}; expected a whole number from {least} to {most}")
        return value


def _gpu(row: _Row) -> int:
    gpus = row.number("num_gpu", 0, 10_000)
    return row.number("gpu_milli", 0, 1000, 1000) if gpus == 1 else 1000 * gpus


def _priority(row: _Row) -> int:
    if row.has("priority"):
        return row.number("priority", 0)
    qos = row.cells.get("qos", "")
    if qos not in PRIORITY_OF_QOS:
        raise row.wrong(f"column 'qos' is {qos!r:.40}; expected {', '.join(PRIORITY_OF_QOS)}")
    return PRIORITY_OF_QOS[qos]


def _one_file(folder: Path, word: str) -> Path:
    files = sorted(file for file in folder.glob("*.csv") if word in file.name.replace("openb", ""))
    if len(files) != 1:
        raise UsageError(f"pod_packing: {folder} has {len(files)} *.csv with '{word}' in the name; expected one.")
    return files[0]


def _rows(file: Path) -> list[_Row]:
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            lines = list(csv.reader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"pod_packing: {file}: cannot be read ({error}).") from None
    if len(lines) < 2:
        raise UsageError(f"pod_packing: {file}: line 1: expected a header and at least one line below it.")
    header, rows = lines[0], []
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) != len(header):
            raise UsageError(
                f"pod_packing: {file}: line {number} has {len(cells)} cells, the header {len(header)} columns."
            )

        def wrong(what: str, number: int = number) -> UsageError:
            return UsageError(f"pod_packing: {file}: line {number}: {what}.")

        rows.append(_Row(wrong, dict(zip(header, cells, strict=True))))
    return rows


def _moves_allowed(file: Path, running: int) -> int:
    if not file.exists():
        return max(1, round(MOVES * running))
    try:
        moves = json.loads(file.read_text(encoding="utf-8")).get("moves_allowed")
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"pod_packing: {file}: cannot be read ({error}).") from None
    if type(moves) is not int or moves < 0:
        raise UsageError(f"pod_packing: {file}: key 'moves_allowed' is {moves!r:.40}; expected a whole number >= 0.")
    return moves
