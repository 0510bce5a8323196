"""The public file: read as published, scored as published, refused in one line when it is malformed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from in_process import InProcess

from evaluators.eplb import Eplb
from evaluators.eplb.balance import adrs_score
from evaluators.eplb.evaluator import EplbOptions
from evaluators.eplb.public import read_windows
from evolve.evaluator import Infeasible, Split, UsageError

PLACEMENT = "def rebalance(weight, r, g, n, gpus): return [[0, 1, 2, 3, 0, 1], [3, 2, 1, 0, 3, 2]]"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def history(entries, layers=2, experts=4):
    return {
        "load_history": [
            {
                "time": i,
                "logical_expert_load": [[(7 * i + 3 * e + n) % 11 + 1 for e in range(experts)] for n in range(layers)],
            }
            for i in range(entries)
        ]
    }


def written(tmp_path, content):
    path = tmp_path / "loads.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def small(**options):
    return Eplb(EplbOptions(**{"replicas": 6, "groups": 1, "nodes": 1, "gpus": 3, **options}))


def test_the_published_example_of_windows_comes_out(tmp_path):
    windows = read_windows(written(tmp_path, history(250)))
    assert len(windows) == 3
    assert windows[0].tolist() == [[595, 598, 601, 604], [596, 599, 602, 605]]
    assert windows[2].tolist() == [[305, 301, 297, 293], [300, 307, 303, 299]]


def test_the_published_mean_balancedness_comes_out_and_the_score_follows_from_it(tmp_path):
    evaluator = small()
    instances = evaluator.load(written(tmp_path, history(250)))
    assert [i.id for i in instances] == ["public/0", "public/1"]
    outcomes = [evaluator.evaluate(InProcess(PLACEMENT), i) for i in instances]
    metrics = evaluator.summarise(Split.PUBLIC, outcomes)
    assert metrics["balancedness"] == pytest.approx(0.6689637571079171, abs=1e-12)
    assert metrics["adrs_score"] == adrs_score(metrics["balancedness"], metrics["wall_ms"] / 1e3)
    assert "adrs_score" not in evaluator.summarise(Split.TEST, outcomes)


def test_the_candidate_sees_window_i_and_is_scored_on_the_next(tmp_path):
    loads = [[[9, 1, 1]], [[1, 9, 1]], [[1, 1, 9]]]
    evaluator = Eplb(EplbOptions(replicas=4, groups=1, nodes=1, gpus=2))
    source = "def rebalance(w, *_):\n    h = int(w[0].argmax())\n    return [[h, (h + 1) % 3, h, (h + 2) % 3]]"
    outcomes = [evaluator.evaluate(InProcess(source), i) for i in evaluator.load(written(tmp_path, loads))]
    # Expert h is split; the next one, which has the 9 tokens then, is not: GPUs 0.5 + 9 and 0.5 + 1.
    assert [o.metrics["balancedness"] for o in outcomes] == pytest.approx([5.5 / 9.5] * 2, abs=1e-12)


def test_windows_as_a_plain_list_are_the_same_instances(tmp_path):
    windows = read_windows(written(tmp_path, history(250)))
    again = read_windows(written(tmp_path, [w.tolist() for w in windows]))
    assert all((a == b).all() for a, b in zip(windows, again, strict=True))


def test_without_options_the_published_cluster_is_used(tmp_path):
    (instance,) = Eplb().load(written(tmp_path, history(101, layers=58, experts=256)))
    c = instance.cluster
    assert (c.layers, c.experts, c.replicas, c.groups, c.nodes, c.gpus) == (58, 256, 288, 8, 4, 32)


def test_by_the_public_rule_only_an_expert_with_tokens_needs_a_replica(tmp_path):
    evaluator = Eplb(EplbOptions(replicas=2, groups=1, nodes=1, gpus=2, calls=1))
    program = InProcess("def rebalance(w, *_): return [[0, 1]]")
    with pytest.raises(UsageError, match="3 experts do not fit into 2 replicas"):
        evaluator.load(written(tmp_path, [[[5, 5, 5]], [[5, 5, 0]]]))
    evaluator = Eplb(EplbOptions(replicas=4, groups=1, nodes=1, gpus=2, calls=1))
    program = InProcess("def rebalance(w, *_): return [[0, 0, 1, 1]]")
    unused, used = evaluator.load(written(tmp_path, [[[5, 5, 5]], [[5, 5, 0]], [[5, 5, 1]]]))
    assert evaluator.evaluate(program, unused).metrics["balancedness"] == 1.0
    with pytest.raises(Infeasible, match="layer 0: expert 2 has no replica"):
        evaluator.evaluate(program, used)


def test_a_file_on_which_naive_and_reference_do_not_differ_has_a_published_score_only(tmp_path):
    evaluator = Eplb(EplbOptions(replicas=4, groups=1, nodes=1, gpus=2))
    (instance,) = evaluator.load(written(tmp_path, [[[5, 5, 5, 5]], [[5, 5, 5, 5]]]))
    outcome = evaluator.evaluate(InProcess("def rebalance(w, *_): return [[0, 1, 2, 3]]"), instance)
    assert outcome.score is None
    assert evaluator.summarise(Split.PUBLIC, [outcome])["balancedness"] == 1.0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{\n\n  'x'", "line 3: not JSON"),
        ("", "line 1: not JSON"),
        ('{"load_history": [{"logical_expert_load": [[1, 2', "line 1: not JSON"),
        ({"history": []}, "missing required field `load_history`"),
        ({"load_history": 3}, "load_history"),
        ({"load_history": [{"load": 1}]}, "load_history[0]: Object missing required field `logical_expert_load`"),
        ({"load_history": [{"logical_expert_load": [[1, "x"]]}]}, "load_history[0].logical_expert_load[0][1]"),
        ({"load_history": [{"logical_expert_load": [[1, -2]]}]}, "load_history[0].logical_expert_load[0][1] is -2"),
        (
            {"load_history": [{"logical_expert_load": [[1, 2], [3]]}]},
            "logical_expert_load[1] has 1 experts; expected 2",
        ),
        ({"load_history": [{"logical_expert_load": []}]}, "load_history[0].logical_expert_load is empty"),
        ([[[1, 2]], [[1, 2], [3, 4]]], "windows[1] has 2 layers; expected 1"),
        ([[[1, None]]], "windows[0][0][1]"),
        ([[[1, 1]], [[1, 1e308]]], "windows[1][0][1] is 1e+308; expected tokens, 0 to 1e+15."),
        ([], "has 0 windows; expected at least 2"),
        (history(100), "has 1 windows; expected at least 2"),
        ([[[1, 1e999]], [[1, 1]]], "not JSON"),
        ('"text"', "loads.json"),
        ("[1, 2]", "windows[0]"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line_that_names_it(tmp_path, content, expected):
    with pytest.raises(UsageError) as refused:
        Eplb().load(written(tmp_path, content))
    text = str(refused.value)
    assert text.startswith("eplb: ")
    assert "loads.json" in text
    assert expected in text
    assert "\n" not in text


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"nothing.json cannot be read \(No such file or directory\)"):
        Eplb().load(tmp_path / "nothing.json")
    with pytest.raises(UsageError, match=r"has no \*.json; give a file of expert loads"):
        Eplb().load(tmp_path)


@pytest.mark.parametrize(
    ("clusters", "expected"),
    [
        ("{", "clusters.json: "),
        ('{"loads.json": {"replicas": 6}}', "missing required field `groups`"),
        ('{"loads.json": {"replicas": 6, "groups": 1, "nodes": 1, "gpus": 0}}', "expected whole numbers from 1 on"),
        ('{"loads.json": {"replicas": 6, "groups": 1, "nodes": 1, "gpus": 4}}', "6 replicas cannot be shared evenly"),
    ],
)
def test_what_a_folder_says_of_its_clusters_is_checked(tmp_path, clusters, expected):
    written(tmp_path, history(250))
    (tmp_path / "clusters.json").write_text(clusters)
    with pytest.raises(UsageError) as refused:
        Eplb().load(tmp_path)
    assert expected in str(refused.value) and "clusters.json" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_whose_experts_do_not_fit_names_the_option_to_change(tmp_path):
    path = written(tmp_path, np.ones((2, 1, 300)).tolist())
    with pytest.raises(UsageError, match=r"300 experts do not fit into 288 replicas; change --set evaluator.replicas"):
        Eplb().load(path)
    with pytest.raises(UsageError, match=r"6 replicas cannot be shared evenly by 4 GPUs"):
        small(gpus=4).load(written(tmp_path, history(250)))
