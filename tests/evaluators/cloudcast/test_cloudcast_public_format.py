"""`--data`: the public files, read back as they were written, and refused with the place that is wrong."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from broadcasts import BASELINES
from in_process import InProcess

from evaluators.cloudcast import Cloudcast
from evaluators.cloudcast.evaluator import adrs_score
from evaluators.cloudcast.figures import digest
from evaluators.cloudcast.public_format import public_broadcasts, read_broadcasts, write_broadcasts
from evolve.evaluator import Split, UsageError

COST = ["src,dest,cost", "aws:s,aws:p,0.02", "aws:p,gcp:q,0.09", "aws:s,gcp:q,0.12"]
THROUGHPUT = ["src_region,dst_region,throughput_sent", "aws:s,aws:p,5e9", "aws:p,gcp:q,4e9", "aws:s,gcp:q,3000000000"]
CONFIGURATION = {
    "source_node": "aws:s",
    "dest_nodes": ["aws:p", "gcp:q"],
    "data_vol": 300,
    "num_partitions": 10,
    "ingress_limit": {"aws": 10, "gcp": 16, "azure": 16},
    "egress_limit": {"aws": 5, "gcp": 7, "azure": 16},
}


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "data"

    def write(cost=COST, throughput=THROUGHPUT, configuration=CONFIGURATION, name="one.json"):
        folder.mkdir(exist_ok=True)
        for file, lines in (("cost.csv", cost), ("throughput.csv", throughput)):
            (folder / file).write_text("\n".join(lines) + "\n")
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        (folder / name).write_text(text)
        return folder

    return write


def test_a_folder_of_the_public_files_is_read(written):
    (broadcast,) = Cloudcast().load(written())
    assert broadcast.id == "data/one"
    assert broadcast.network.regions == ("aws:p", "aws:s", "gcp:q")
    assert (broadcast.source, broadcast.destinations) == (1, (0, 2))
    assert broadcast.network.usd_per_gb[1].tolist() == [0.02, np.inf, 0.12]
    assert broadcast.network.bit_s[1].tolist() == [5e9, 0, 3e9]
    assert (broadcast.volume_gb, broadcast.partitions, broadcast.vms) == (300, 10, 2)
    assert broadcast.vm_egress_gbit_s == (5, 5, 7)


def test_named_configurations_may_share_a_file_and_say_how_many_vms_there_are(written):
    folder = written(configuration={"a": CONFIGURATION, "b": {**CONFIGURATION, "num_vms": 4}})
    assert [(b.id, b.vms) for b in Cloudcast().load(folder)] == [("data/a", 2), ("data/b", 4)]


def test_what_is_loaded_is_scored_also_where_there_is_no_direct_edge(written):
    folder = written(cost=COST[:-1], throughput=THROUGHPUT[:-1])
    (broadcast,) = Cloudcast().load(folder)
    for source in BASELINES.values():
        assert Cloudcast().evaluate(InProcess(source), broadcast).metrics["egress_usd"] == pytest.approx(33.0)


def test_an_edge_is_there_where_both_files_have_it_and_something_gets_through(written):
    folder = written(
        cost=[*COST, "aws:p,aws:s,0.02", "gcp:q,aws:s,0.02", "aws:s,aws:s,0"],
        throughput=[*THROUGHPUT, "gcp:q,aws:s,0", "gcp:q,aws:p,1e9", "aws:s,aws:s,9e9"],
    )
    (broadcast,) = Cloudcast().load(folder)
    assert broadcast.network.exists.sum() == 3


def test_broadcasts_that_were_written_are_read_back_the_same(tmp_path):
    some = [Cloudcast().instances(split)[i] for split in Split for i in (0, 4)]
    write_broadcasts(some, tmp_path / "out")
    again = read_broadcasts(tmp_path / "out", "data")
    assert sorted(map(digest, again)) == sorted(map(digest, some))
    assert len({broadcast.id for broadcast in again}) == len(some)


def test_the_public_set_written_and_loaded_costs_the_published_figure(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_broadcasts(public_broadcasts(), tmp_path / "out")
    evaluator, program = Cloudcast(), InProcess(BASELINES["cheapest_paths"])
    outcomes = [evaluator.evaluate(program, instance) for instance in evaluator.load(tmp_path / "out")]
    total = sum(outcome.metrics["cost_usd"] for outcome in outcomes)
    assert adrs_score(total) == pytest.approx(26.7371316084, abs=1e-9)
    assert evaluator.summarise(Split.PUBLIC, outcomes)["adrs_score"] == pytest.approx(26.7371316084, abs=1e-9)


def changed(**keys):
    return {"configuration": {**CONFIGURATION, **keys}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"cost": ["src,dest,price"]}, "cost.csv: line 1: no column 'cost'; expected src, dest, cost."),
        ({"throughput": [""]}, "throughput.csv: line 1: no column 'src_region'"),
        (
            {"cost": [*COST, "aws:p,aws:s,-1"]},
            "cost.csv: line 5: 'cost' is '-1'; expected USD/GB, 0 or 1e-09 to 1e+15.",
        ),
        ({"cost": [*COST, "aws:p,aws:s,nan"]}, "cost.csv: line 5: 'cost' is 'nan'"),
        ({"cost": [*COST, "aws:p,aws:s,cheap"]}, "cost.csv: line 5: 'cost' is 'cheap'"),
        ({"cost": [*COST, "aws:p,aws:s"]}, "cost.csv: line 5: 'cost' is None"),
        ({"cost": [*COST, "aws:p,,1"]}, "cost.csv: line 5: 'dest' is empty."),
        ({"cost": [*COST, COST[1]]}, "cost.csv: line 5: the edge from aws:s to aws:p stands there twice."),
        (
            {"throughput": [*THROUGHPUT, "a,b,inf"]},
            "throughput.csv: line 5: 'throughput_sent' is 'inf'; expected bit/s",
        ),
        ({"throughput": THROUGHPUT[:1]}, "agree on edges between 0 regions; expected 2 to 1000."),
        ({"configuration": "{\n]"}, "one.json: line 2: not JSON"),
        ({"configuration": "[]"}, "one.json: expected a configuration, or named ones"),
        ({"configuration": {"a": 3}}, "one.json: 'a': is int; expected a configuration with 'source_node'"),
        (changed(source_node="aws:x"), "one.json: 'one': key 'source_node': 'aws:x' has no edge in cost.csv"),
        (changed(source_node=3), "key 'source_node': 3 has no edge"),
        (changed(dest_nodes=[]), "key 'dest_nodes' is []; expected a list of regions."),
        (changed(dest_nodes=["aws:p", "aws:z"]), "key 'dest_nodes[1]': 'aws:z' has no edge"),
        (changed(dest_nodes=["aws:p", "aws:p"]), "key 'dest_nodes[1]': aws:p is listed twice."),
        (changed(dest_nodes=["aws:s"]), "key 'dest_nodes[0]': aws:s is the source."),
        (
            changed(source_node="gcp:q", dest_nodes=["aws:p"]),
            "'dest_nodes[0]': aws:p cannot be reached from the source",
        ),
        (changed(data_vol=0), "key 'data_vol' is 0; expected GB, 1e-09 to 1e+15."),
        (changed(data_vol=True), "key 'data_vol' is True; expected GB, 1e-09 to 1e+15."),
        (changed(data_vol=1e308), "key 'data_vol' is 1e+308; expected GB, 1e-09 to 1e+15."),
        (changed(data_vol=10**400), "key 'data_vol' is 1000"),
        (changed(num_partitions=2.0), "key 'num_partitions' is 2.0; expected a whole number from 1 to"),
        (changed(num_partitions=0), "key 'num_partitions' is 0; expected a whole number from 1 to"),
        (changed(num_vms="2"), "key 'num_vms' is '2'; expected a whole number from 1 to"),
        (changed(ingress_limit=None), "key 'ingress_limit' is None; expected {cloud: Gbit/s of one VM}."),
        (changed(egress_limit={"aws": 5}), "key 'egress_limit.gcp' is None; expected Gbit/s, 1e-09 to 1e+15."),
    ],
)
def test_a_malformed_file_is_refused_by_line_or_key(written, content, message):
    with pytest.raises(UsageError, match=re.escape(message)) as refused:
        Cloudcast().load(written(**content))
    assert str(refused.value).startswith("cloudcast: ")
    assert "\n" not in str(refused.value)


def test_two_files_may_not_name_a_broadcast_alike(written):
    written(configuration={"one": CONFIGURATION}, name="two.json")
    with pytest.raises(UsageError, match="two configurations are named 'one'"):
        Cloudcast().load(written())


def test_what_is_missing_is_named(tmp_path, written):
    for path, message in (
        (tmp_path / "nothing", "does not exist: give a folder with cost.csv, throughput.csv and configurations"),
        (tmp_path, "has no cost.csv, nor has any folder in it"),
    ):
        with pytest.raises(UsageError, match=re.escape(message)):
            Cloudcast().load(path)
    folder = written()
    with pytest.raises(UsageError, match="is a file: give a folder"):
        Cloudcast().load(folder / "cost.csv")
    (folder / "one.json").unlink()
    with pytest.raises(UsageError, match=r"has no configuration \(\*.json\) beside its cost.csv"):
        Cloudcast().load(folder)
    (folder / "throughput.csv").unlink()
    with pytest.raises(UsageError, match=r"throughput.csv does not exist"):
        Cloudcast().load(folder)
