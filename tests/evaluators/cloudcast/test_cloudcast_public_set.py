"""The published benchmark: its figures, our baselines on it and on our own splits, and the seed."""

from __future__ import annotations

import ast
import functools
import json

import numpy as np
import pytest
from broadcasts import BASELINES, FOLDER, SEED
from in_process import InProcess

from evaluators.cloudcast import Cloudcast
from evaluators.cloudcast.evaluator import adrs_score
from evaluators.cloudcast.network import bundled_network
from evolve.evaluator import Split

PROGRAMS = {**BASELINES, "seed": SEED}


@functools.cache
def played(name, split=Split.PUBLIC):
    evaluator = Cloudcast()
    return [evaluator.evaluate(InProcess(PROGRAMS[name]), instance) for instance in evaluator.instances(split)]


def figures(name, split=Split.PUBLIC):
    return Cloudcast().summarise(split, played(name, split))


def score(name, split):
    return np.mean([outcome.score for outcome in played(name, split)])


def of_broadcast(name, metric):
    ids = [instance.id.removeprefix("public/") for instance in Cloudcast().instances(Split.PUBLIC)]
    return {id_: outcome.metrics[metric] for id_, outcome in zip(ids, played(name), strict=True)}


def test_the_public_network_has_71_regions_and_an_edge_between_all_of_them():
    network = bundled_network()
    assert len(network.regions) == 71
    assert network.exists.sum() == 4970
    assert not network.exists.diagonal().any()
    assert (network.usd_per_gb[network.exists].min(), network.usd_per_gb[network.exists].max()) == (0.01, 0.19)
    east, emirates = (network.index[name] for name in ("azure:eastus", "aws:us-east-2"))
    assert network.bit_s[emirates, east] == 4967291935.167428


def test_direct_paths_take_and_cost_what_was_published():
    time_s, cost_usd = of_broadcast("direct", "time_s"), of_broadcast("direct", "cost_usd")
    assert time_s == pytest.approx(
        {"intra_aws": 1440, "intra_azure": 450, "intra_gcp": 7200 / 7, "inter_agz": 7200 / 7, "inter_gaz2": 1200}
    )
    assert cost_usd == pytest.approx(
        {
            "intra_aws": 165.024,
            "intra_azure": 144.945,
            "intra_gcp": 167.159997,
            "inter_agz": 332.159997,
            "inter_gaz2": 389.88,
        },
        abs=1e-9,
    )
    assert figures("direct")["total_cost_usd"] == pytest.approx(1199.168994, abs=1e-9)
    assert figures("direct")["adrs_score"] == 0


def test_cheapest_paths_cost_what_was_published():
    assert of_broadcast("cheapest_paths", "cost_usd") == pytest.approx(
        {
            "intra_aws": 165.024,
            "intra_azure": 144.945,
            "intra_gcp": 161.468568,
            "inter_agz": 268.851417,
            "inter_gaz2": 305.57142,
        },
        abs=1e-9,
    )
    assert figures("cheapest_paths")["total_cost_usd"] == pytest.approx(1045.860405, abs=1e-9)
    assert figures("cheapest_paths")["adrs_score"] == pytest.approx(26.7371316084, abs=1e-9)


def test_the_reference_reaches_the_best_that_was_published():
    assert figures("steiner_search")["total_cost_usd"] < 626.24
    assert figures("steiner_search")["adrs_score"] == 100


def test_the_published_scale_is_clamped_at_both_ends():
    assert (adrs_score(1300), adrs_score(1199), adrs_score(626.24), adrs_score(11.17)) == (0, 0, 100, 100)
    assert adrs_score(1045.860405) == pytest.approx(26.737131608352556, abs=1e-9)


def test_other_data_under_the_public_split_has_no_published_score():
    assert "adrs_score" not in Cloudcast().summarise(Split.PUBLIC, played("direct", Split.TRAIN))
    assert "adrs_score" not in Cloudcast().summarise(Split.PUBLIC, played("direct")[:4])
    assert "adrs_score" not in Cloudcast().summarise(Split.PUBLIC, played("direct", Split.TRAIN)[:5])
    assert "adrs_score" not in Cloudcast().summarise(Split.PUBLIC, [])
    assert "adrs_score" not in figures("direct", Split.TRAIN)


@pytest.mark.parametrize("split", list(Split))
def test_the_heuristics_come_in_the_published_order(split):
    """Cheapest paths gain little on ours: but for two regions of Google Cloud, hardly any detour is cheaper."""
    assert score("direct", split) == pytest.approx(0, abs=1e-9)
    assert score("direct", split) + 1 < score("cheapest_paths", split) < score("steiner_trees", split) - 20
    assert score("steiner_trees", split) < score("steiner_search", split)
    assert score("steiner_search", split) == pytest.approx(100, abs=1e-9)


@pytest.mark.parametrize("split", list(Split))
def test_the_seed_pays_what_direct_paths_cost(split):
    assert [o.metrics for o in played("seed", split)] == [o.metrics for o in played("direct", split)]


@pytest.mark.parametrize(("constant", "better"), [("JOIN = 1.0", "JOIN = 0.7"), ("HOP = 1.0", "HOP = 0.1")])
def test_one_constant_of_the_seed_is_enough_to_do_better(constant, better):
    assert constant in SEED
    evaluator, program = Cloudcast(), InProcess(SEED.replace(constant, better))
    assert np.mean([evaluator.evaluate(program, i).score for i in evaluator.instances(Split.TRAIN)]) > 3


def test_the_seed_marks_what_may_be_changed():
    assert SEED.index("# EVOLVE-BLOCK-START") < SEED.index("def route") < SEED.index("# EVOLVE-BLOCK-END")


def test_the_baselines_are_those_that_are_named_each_with_its_source():
    assert set(BASELINES) == {"direct", "cheapest_paths", "steiner_trees", "steiner_search"}
    assert all("Source:" in ast.get_docstring(ast.parse(source)) for source in BASELINES.values())


def test_the_data_say_where_they_come_from():
    source = (FOLDER / "data" / "SOURCE.md").read_text(encoding="utf-8")
    assert "Apache-2.0" in source
    for file in (FOLDER / "data").glob("*.json"):
        assert file.name in source
        json.loads(file.read_text(encoding="utf-8"))
