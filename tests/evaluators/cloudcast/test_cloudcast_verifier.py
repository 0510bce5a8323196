"""The verifier: what it refuses and in which words, what it scores, what it says."""

from __future__ import annotations

import json
import re

import pytest
from broadcasts import BASELINES, small
from in_process import InProcess

from evaluators.cloudcast import Cloudcast
from evaluators.cloudcast.answer import checked_paths
from evolve.evaluator import Infeasible, Split

EDGES = {
    ("aws:s", "aws:p"): (5, 0.02),
    ("aws:s", "gcp:q"): (5, 0.09),
    ("aws:p", "gcp:q"): (5, 0.08),
    ("gcp:q", "aws:p"): (5, 0.12),
    ("gcp:q", "azure:r"): (5, 0.12),
}
BROADCAST = small(EDGES, 10, 2, ["aws:p", "gcp:q"])
GOOD = {(d, p): ["aws:s", d] for d in ("aws:p", "gcp:q") for p in range(2)}
FAR = Cloudcast().instances(Split.PUBLIC)[0]


def test_a_good_answer_is_read_as_numbers_of_regions_and_extra_relays_are_welcome():
    found = checked_paths({**GOOD, ("gcp:q", 1): ["aws:s", "aws:p", "gcp:q"]}, BROADCAST)
    assert found == {(1, 0): (0, 1), (1, 1): (0, 1), (2, 0): (0, 2), (2, 1): (0, 1, 2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({("gcp:q", 1): ["aws:s", "aws:p"]}, "gcp:q, partition 1: the path ends in aws:p, expected gcp:q"),
        ({("gcp:q", 1): ["aws:p", "gcp:q"]}, "gcp:q, partition 1: the path starts in aws:p, expected aws:s"),
        ({("gcp:q", 1): ["gcp:q"]}, "gcp:q, partition 1: the path starts in gcp:q, expected aws:s"),
        ({("gcp:q", 1): []}, "gcp:q, partition 1: the path starts nowhere: it is empty, expected aws:s"),
        ({("gcp:q", 1): ["aws:s", "azure:r", "gcp:q"]}, "there is no edge from aws:s to azure:r"),
        ({("aws:p", 0): ["aws:s", "gcp:q", "aws:s", "aws:p"]}, "the path visits aws:s twice (items 0 and 2)"),
        ({("aws:p", 0): ["aws:s", "aws:s", "aws:p"]}, "the path visits aws:s twice (items 0 and 1)"),
        ({("aws:p", 0): ["aws:s", "mars", "aws:p"]}, "item 1 of the path is 'mars', which is no region"),
        ({("aws:p", 0): ["aws:s", 1]}, "item 1 of the path is 1, which is no region"),
        ({("aws:p", 0): ["aws:s", ["aws:p"]]}, "item 1 of the path is ['aws:p'], which is no region"),
        ({("aws:p", 0): ["aws:s", None]}, "item 1 of the path is None"),
        ({("aws:p", 0): "aws:s"}, "aws:p, partition 0: the path is str, expected a list of regions"),
        ({("aws:p", 0): None}, "aws:p, partition 0: the path is NoneType, expected a list of regions"),
        ({("aws:p", 0): {"aws:s": 1}}, "the path is dict, expected a list of regions"),
        ({("aws:p", 2): ["aws:s", "aws:p"]}, "key ('aws:p', 2): the partition is 2 (int), expected a whole number"),
        ({("aws:p", -1): ["aws:s", "aws:p"]}, "the partition is -1 (int), expected a whole number (int) in 0..1"),
        ({("aws:p", "0"): ["aws:s", "aws:p"]}, "the partition is '0' (str)"),
        ({("aws:p", float("nan")): ["aws:s", "aws:p"]}, "the partition is nan (float)"),
        ({("azure:r", 0): ["aws:s", "gcp:q", "azure:r"]}, "'azure:r' is none of the 2 destinations"),
        ({("aws:s", 0): ["aws:s"]}, "'aws:s' is none of the 2 destinations"),
        ({(1, 0): ["aws:s", "aws:p"]}, "key (1, 0): 1 is none of the 2 destinations"),
        ({"aws:p": ["aws:s", "aws:p"]}, "key 'aws:p' is no pair (destination, partition)"),
        ({("aws:p",): ["aws:s", "aws:p"]}, "key ('aws:p',) is no pair (destination, partition)"),
        ({None: []}, "key None is no pair"),
    ],
)
def test_what_is_no_routing_is_refused_by_key_and_place(change, message):
    with pytest.raises(Infeasible, match=re.escape(message)):
        checked_paths({**GOOD, **change}, BROADCAST)


@pytest.mark.parametrize("partition", [True, 1.0])
def test_what_merely_equals_a_number_is_no_partition(partition):
    answer = {("gcp:q", 0): GOOD["gcp:q", 0], ("gcp:q", partition): GOOD["gcp:q", 1]}
    with pytest.raises(Infeasible, match=f"the partition is {partition} "):
        checked_paths(answer, BROADCAST)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "aws:p, partition 0: no path (4 of 4 paths are missing)"),
        ({k: v for k, v in GOOD.items() if k != ("gcp:q", 1)}, "gcp:q, partition 1: no path (1 of 4 paths"),
        (None, "the answer is NoneType, expected a dict {(destination, partition): [region, ...]}"),
        ([], "the answer is list, expected a dict"),
        (float("inf"), "the answer is float, expected a dict"),
    ],
)
def test_a_routing_with_holes_is_refused_by_the_first_of_them(answer, message):
    with pytest.raises(Infeasible, match=re.escape(message)):
        checked_paths(answer, BROADCAST)


def test_what_is_shown_of_a_wrong_answer_is_short():
    with pytest.raises(Infeasible) as refused:
        checked_paths({**GOOD, ("aws:p", 0): ["aws:s", "x" * 10_000]}, BROADCAST)
    assert len(str(refused.value)) < 200


def test_the_outcome_has_the_figures_with_their_units_and_the_score_follows_from_them():
    outcome = Cloudcast().evaluate(InProcess(BASELINES["steiner_trees"]), FAR)
    found = outcome.metrics
    assert set(found) == {
        "cost_usd",
        "egress_usd",
        "vm_usd",
        "time_s",
        "naive_cost_usd",
        "reference_cost_usd",
        "bound_usd",
    }
    assert found["cost_usd"] == found["egress_usd"] + found["vm_usd"]
    span = found["naive_cost_usd"] - found["reference_cost_usd"]
    assert outcome.score == pytest.approx(100 * (found["naive_cost_usd"] - found["cost_usd"]) / span)
    assert json.loads(json.dumps(dict(found))) == found


def test_a_disaster_is_no_worse_than_minus_a_hundred():
    """Every partition of every destination over its own chain of relays."""
    wandering = """
def route(source, destinations, graph, partitions):
    names = [n for n in graph.regions if n != source]
    paths = {}
    for d, name in enumerate(destinations):
        for p in range(partitions):
            relays = [n for n in names if n != name][7 * p % 30 + d:][:30]
            paths[name, p] = [source, *relays, name]
    return paths
"""
    assert Cloudcast().evaluate(InProcess(wandering), FAR).score == -100


def test_feedback_names_the_dearest_edge_what_would_be_cheaper_and_what_is_ready_last():
    feedback = Cloudcast().evaluate(InProcess(BASELINES["direct"]), FAR).feedback
    for fact in (
        "300 GB in 10 partitions to 6 destinations cost 332.16 USD: egress 330.00, VMs 2.16 (7 regions, 0",
        "direct 332.16, reference 161.36: egress 160.50, VMs 0.86 (",
        "cheapest tree 160.50",
        "dearest edge gcp:asia-southeast1-a -> azure:australiaeast: 10 partitions at 0.19 USD/GB, 57.00 USD",
        "(0.08 from azure:eastasia, in use)",
        "10 at 2.33 Gbit/s of 16.31, 6 edges leave its tail",
    ):
        assert fact in feedback, feedback


def test_a_broadcast_that_tells_nothing_has_no_score(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    broadcast = small({("aws:s", "aws:p"): (5, 0.02)}, 10, 1, ["aws:p"])
    outcome = Cloudcast().evaluate(InProcess(BASELINES["direct"]), broadcast)
    assert outcome.score is None
    assert outcome.metrics["cost_usd"] > 0
