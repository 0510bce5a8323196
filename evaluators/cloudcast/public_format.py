"""Broadcasts in the public form: two CSV files for the network, and JSON for who sends what to whom.

A folder holds `cost.csv` (src, dest, cost: USD/GB), `throughput.csv` (src_region, dst_region, throughput_sent: bit/s of
one pair of VMs) and any number of further .json files, each either one configuration (source_node, dest_nodes, data_vol
in GB, num_partitions, ingress_limit and egress_limit of one VM per cloud in Gbit/s, and, if it likes, num_vms) or
named ones, {"intra_aws": {...}, ...}. An edge exists where both files have it and its throughput is above 0.
A folder without cost.csv stands for its subfolders, each such a one with a network of its own.
"""

from __future__ import annotations

import csv
import functools
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.cloudcast.network import BUNDLED, Network, bundled_network, provider
from evaluators.cloudcast.transfer import Broadcast
from evolve.evaluator import Instance, UsageError

PUBLIC = BUNDLED.with_name("configurations.json")
PUBLIC_VMS = 2
"""VMs per region of the public benchmark, whose configurations do not say so."""

COST_COLUMNS = ("src", "dest", "cost")
THROUGHPUT_COLUMNS = ("src_region", "dst_region", "throughput_sent")
MOST_REGIONS = 1000
MOST_PARTITIONS = 10_000
LEAST, MOST = 1e-9, 1e15
"""Of any volume, price, throughput above 0 or limit: beyond lie slips of the pen, whose cost would be no number."""


@functools.cache
def public_broadcasts() -> tuple[Broadcast, ...]:
    """Return the five broadcasts of the public benchmark."""
    return tuple(_broadcasts(PUBLIC, "public", bundled_network()))


def read_broadcasts(path: Path, prefix: str) -> list[Broadcast]:
    """Read the broadcasts of a folder; one named x gets the id `prefix/x`.

    Raises UsageError that names the file and the line or key that is wrong.
    """
    if not path.is_dir():
        what = "is a file" if path.is_file() else "does not exist"
        raise UsageError(
            f"cloudcast: {path} {what}: give a folder with cost.csv, throughput.csv and configurations (*.json)."
        )
    broadcasts = []
    single = (path / "cost.csv").exists()
    folders = [path] if single else sorted(f.parent for f in path.glob("*/cost.csv"))
    if not folders:
        raise UsageError(f"cloudcast: {path} has no cost.csv, nor has any folder in it.")
    for folder in folders:
        network = _network(folder)
        files = sorted(folder.glob("*.json"))
        if not files:
            raise UsageError(f"cloudcast: {folder} has no configuration (*.json) beside its cost.csv.")
        for file in files:
            broadcasts += _broadcasts(file, prefix if single else f"{prefix}/{folder.name}", network)
    ids = [broadcast.id for broadcast in broadcasts]
    for id_ in ids:
        if ids.count(id_) > 1:
            raise UsageError(f"cloudcast: {path}: two configurations are named '{id_.removeprefix(prefix + '/')}'.")
    return broadcasts


def write_broadcasts(broadcasts: Iterable[Instance], folder: Path) -> list[Path]:
    """Write broadcasts so that `read_broadcasts` gives the same ones back, in the same order.

    Broadcasts on one network lie in the folder itself, else each in a subfolder with its own.
    Raises UsageError for limits that differ within a cloud, for which the format has no place.
    """
    named = {}
    for broadcast in broadcasts:
        assert isinstance(broadcast, Broadcast)
        prefix, _, name = broadcast.id.partition("/")
        named[f"{prefix}-{name:0>3}"] = broadcast
    if len({broadcast.network.fingerprint for broadcast in named.values()}) == 1:
        return _write_folder(named, folder)
    return [file for name, broadcast in named.items() for file in _write_folder({name: broadcast}, folder / name)]


def _write_folder(named: dict[str, Broadcast], folder: Path) -> list[Path]:
    """Write the network that all the broadcasts share, and their configurations by name."""
    folder.mkdir(parents=True, exist_ok=True)
    network = next(iter(named.values())).network
    edges = [(int(a), int(b)) for a, b in np.argwhere(network.exists)]
    files = [folder / name for name in ("cost.csv", "throughput.csv", "configurations.json")]
    for file, columns, matrix in (
        (files[0], COST_COLUMNS, network.usd_per_gb),
        (files[1], THROUGHPUT_COLUMNS, network.bit_s),
    ):
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(columns)
            writer.writerows((network.regions[a], network.regions[b], float(matrix[a, b])) for a, b in edges)
    configurations = {
        name: {
            "source_node": network.regions[broadcast.source],
            "dest_nodes": [network.regions[d] for d in broadcast.destinations],
            "data_vol": broadcast.volume_gb,
            "num_partitions": broadcast.partitions,
            "num_vms": broadcast.vms,
            "ingress_limit": _limits_of(broadcast, broadcast.vm_ingress_gbit_s),
            "egress_limit": _limits_of(broadcast, broadcast.vm_egress_gbit_s),
        }
        for name, broadcast in named.items()
    }
    files[2].write_text(json.dumps(configurations, indent=1) + "\n", encoding="utf-8")
    return files


def _limits_of(broadcast: Broadcast, limits: tuple[float, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for region, limit in zip(broadcast.network.regions, limits, strict=True):
        if found.setdefault(provider(region), limit) != limit:
            raise UsageError(
                f"cloudcast: {broadcast.id}: the regions of {provider(region)} have limits of "
                f"{found[provider(region)]} and {limit}; the files have room for one per cloud."
            )
    return found


def _network(folder: Path) -> Network:
    cost = dict(_rows(folder / "cost.csv", COST_COLUMNS, "USD/GB"))
    throughput = dict(_rows(folder / "throughput.csv", THROUGHPUT_COLUMNS, "bit/s"))
    edges = [edge for edge in cost if throughput.get(edge, 0) > 0]
    regions = sorted({region for edge in edges for region in edge})
    if not 2 <= len(regions) <= MOST_REGIONS:
        raise UsageError(
            f"cloudcast: {folder}: cost.csv and throughput.csv agree on edges between {len(regions)} regions; "
            f"expected 2 to {MOST_REGIONS}."
        )
    index = {region: number for number, region in enumerate(regions)}
    usd_per_gb = np.full((len(regions), len(regions)), np.inf)
    bit_s = np.zeros((len(regions), len(regions)))
    for edge in edges:
        usd_per_gb[index[edge[0]], index[edge[1]]] = cost[edge]
        bit_s[index[edge[0]], index[edge[1]]] = throughput[edge]
    return Network(tuple(regions), usd_per_gb, bit_s)


def _rows(file: Path, columns: tuple[str, str, str], unit: str) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield the edges of a CSV file with their figures; a region's edge to itself is left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [column for column in columns if column not in (reader.fieldnames or [])]
            if missing:
                raise UsageError(f"cloudcast: {file}: line 1: no column '{missing[0]}'; expected {', '.join(columns)}.")
            seen: set[tuple[str, str]] = set()
            for row in reader:
                where = f"cloudcast: {file}: line {reader.line_num}"
                edge = (row[columns[0]] or "", row[columns[1]] or "")
                if not all(edge):
                    raise UsageError(f"{where}: '{columns[0] if not edge[0] else columns[1]}' is empty.")
                if edge[0] == edge[1]:
                    continue
                if edge in seen:
                    raise UsageError(f"{where}: the edge from {edge[0]} to {edge[1]} stands there twice.")
                seen.add(edge)
                text = row[columns[2]]
                try:
                    figure = float(text or "")
                except ValueError:
                    figure = math.nan
                if figure != 0 and not LEAST <= figure <= MOST:
                    raise UsageError(
                        f"{where}: '{columns[2]}' is {text!r:.40}; expected {unit}, 0 or {LEAST:g} to {MOST:g}."
                    )
                yield edge, figure
    except FileNotFoundError:
        raise UsageError(f"cloudcast: {file} does not exist; it belongs beside the other files.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cloudcast: {file} cannot be read ({error}).") from None


def _broadcasts(file: Path, prefix: str, network: Network) -> list[Broadcast]:
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UsageError(f"cloudcast: {file}: line {error.lineno}: not JSON ({error.msg}).") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cloudcast: {file} cannot be read ({error}).") from None
    if not isinstance(content, dict) or not content:
        raise UsageError(f"cloudcast: {file}: expected a configuration, or named ones: {{name: configuration}}.")
    named = {file.stem: content} if "source_node" in content else content
    broadcasts = []
    for name, configuration in named.items():
        try:
            broadcasts.append(_broadcast(f"{prefix}/{name}", network, configuration))
        except ValueError as error:
            raise UsageError(f"cloudcast: {file}: '{name}': {error}") from None
    return broadcasts


def _broadcast(id_: str, network: Network, configuration: Any) -> Broadcast:
    """Raises ValueError that names the key."""
    if not isinstance(configuration, dict):
        raise ValueError(f"is {type(configuration).__name__}; expected a configuration with 'source_node' and so on.")

    def region(key: str, name: Any) -> int:
        if not isinstance(name, str) or name not in network.index:
            raise ValueError(f"key '{key}': {name!r:.60} has no edge in cost.csv and throughput.csv.")
        return network.index[name]

    def whole(key: str, most: int, otherwise: int | None = None) -> int:
        value = configuration.get(key, otherwise)
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"key '{key}' is {value!r:.40}; expected a whole number from 1 to {most}.")
        return value

    def figure(key: str, value: Any, unit: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= value <= MOST:
            raise ValueError(f"key '{key}' is {value!r:.40}; expected {unit}, {LEAST:g} to {MOST:g}.")
        return value

    def limits(key: str) -> tuple[float, ...]:
        given = configuration.get(key)
        if not isinstance(given, dict):
            raise ValueError(f"key '{key}' is {given!r:.40}; expected {{cloud: Gbit/s of one VM}}.")
        clouds = dict.fromkeys(provider(name) for name in network.regions)
        of = {cloud: figure(f"{key}.{cloud}", given.get(cloud), "Gbit/s") for cloud in clouds}
        return tuple(of[provider(name)] for name in network.regions)

    source = region("source_node", configuration.get("source_node"))
    listed = configuration.get("dest_nodes")
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"key 'dest_nodes' is {listed!r:.40}; expected a list of regions.")
    destinations = tuple(region(f"dest_nodes[{place}]", name) for place, name in enumerate(listed))
    reached = _reached(network, source)
    for place, destination in enumerate(destinations):
        where = f"key 'dest_nodes[{place}]': {network.regions[destination]}"
        if destination == source:
            raise ValueError(f"{where} is the source.")
        if destination in destinations[:place]:
            raise ValueError(f"{where} is listed twice.")
        if destination not in reached:
            raise ValueError(f"{where} cannot be reached from the source.")
    return Broadcast(
        id_,
        network,
        source,
        destinations,
        figure("data_vol", configuration.get("data_vol"), "GB"),
        whole("num_partitions", MOST_PARTITIONS),
        whole("num_vms", 1000, PUBLIC_VMS),
        limits("ingress_limit"),
        limits("egress_limit"),
    )


def _reached(network: Network, source: int) -> set[int]:
    reached, waiting = {source}, [source]
    while waiting:
        following = set(np.flatnonzero(network.exists[waiting.pop()]).tolist()) - reached
        reached |= following
        waiting += following
    return reached
