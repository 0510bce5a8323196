"""What the model reads is true: the example runs and gives the answer and the price it shows."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from broadcasts import BASELINES, FOLDER, SEED, numbered, small
from in_process import InProcess

from evaluators.cloudcast import Cloudcast
from evaluators.cloudcast.transfer import Graph, bill

STATEMENT = (FOLDER / "problem.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"```python\n(.*?)```", STATEMENT, re.DOTALL)


def shown():
    scope = {}
    exec(BLOCK, scope)
    return scope["example"], scope["answer"], scope["cost_usd"]


def broadcast_of(example):
    names = example["regions"]
    edges = {
        (tail, head): (example["gbit_s"][a][b] / 2, example["usd_per_gb"][a][b])
        for a, tail in enumerate(names)
        for b, head in enumerate(names)
        if a != b
    }
    volume_gb = example["partition_gb"] * example["partitions"]
    return small(edges, volume_gb, example["partitions"], example["destinations"], example["source"])


def asked(source, example):
    arrays = {
        k: np.array(v) for k, v in example.items() if isinstance(v, list) and k not in ("regions", "destinations")
    }
    graph = SimpleNamespace(**{**example, **arrays})
    return InProcess(source).call("route", example["source"], example["destinations"], graph, example["partitions"])


def test_the_example_has_the_attributes_and_figures_that_are_sent():
    example, _, _ = shown()
    sent = broadcast_of(example).graph()
    assert set(example) == {"source", "destinations", "partitions", *Graph.__struct_fields__}
    for field in Graph.__struct_fields__:
        assert np.array_equal(getattr(sent, field), example[field]) or getattr(sent, field) == pytest.approx(
            example[field]
        )
        assert f"`graph.{field}`" in STATEMENT


def test_the_example_answer_costs_what_it_says_and_cheapest_paths_give_it():
    example, answer, cost_usd = shown()
    broadcast = broadcast_of(example)
    assert bill(broadcast, numbered(broadcast, answer)).cost_usd == pytest.approx(cost_usd, abs=1e-12)
    assert asked(BASELINES["cheapest_paths"], example) == answer


def test_the_naive_answer_to_the_example_costs_what_it_says():
    example, _, _ = shown()
    broadcast = broadcast_of(example)
    cost_usd = bill(broadcast, numbered(broadcast, asked(BASELINES["direct"], example))).cost_usd
    assert f"it would be {cost_usd:.2f} USD" in STATEMENT


def test_the_limits_are_those_that_are_in_force():
    limits = Cloudcast.limits
    assert f"{limits.cpu_s:g} s of CPU, {limits.memory_mb} MB of memory and {limits.answer_mb} MB" in STATEMENT
    assert "def route(source, destinations, graph, partitions)" in STATEMENT
    assert "def route(source, destinations, graph, partitions)" in SEED
