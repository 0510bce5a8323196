"""The instances: same everywhere, disjoint, shifted, and drawn late."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evaluators.eplb import Eplb, workload
from evaluators.eplb.scale import BUNDLED
from evaluators.eplb.workload import Cluster, Traffic, draw
from evolve.evaluator import Split, UsageError

DRAWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)
EVERY = [instance for split in DRAWN for instance in Eplb().instances(split)]


@pytest.mark.parametrize("instance", EVERY, ids=lambda i: i.id)
def test_windows_are_those_that_the_reference_was_computed_from(instance):
    """The file was written by another process, so this also says that every process draws the same."""
    known = json.loads(BUNDLED.read_text())["instances"][instance.id]["windows"]
    assert instance.windows().fingerprint(instance.cluster) == known


def test_the_instances_of_a_split_are_the_same_each_time_and_cost_no_drawing(monkeypatch):
    monkeypatch.setattr(workload, "draw", lambda *_: pytest.fail("windows were drawn"))
    for split in DRAWN:
        assert list(Eplb().instances(split)) == list(Eplb().instances(split))


def test_no_window_is_in_two_instances():
    windows = [w.tobytes() for i in EVERY for w in (i.windows().seen, i.windows().scored)]
    assert len(set(windows)) == 2 * len(EVERY)
    assert len({i.id for i in EVERY}) == len(EVERY)


def test_every_cluster_is_consistent_and_test_goes_where_train_never_was():
    assert all(i.cluster.problem() == "" for i in EVERY)
    assert all(i.cluster.experts % i.cluster.groups == 0 for i in EVERY)
    clusters = {split: {i.cluster for i in Eplb().instances(split)} for split in DRAWN}
    assert Cluster() in clusters[Split.TRAIN] and len(clusters[Split.TRAIN]) >= 4, "no shape alone is to be learnt"
    unseen = clusters[Split.TEST] - clusters[Split.TRAIN] - clusters[Split.VALIDATION]
    assert {c.experts for c in unseen} >= {64, 512}
    assert {c.gpus for c in unseen} >= {8, 72}
    assert any(c.groups % c.nodes for c in unseen), "the case in which the hierarchy cannot be used"


@pytest.mark.parametrize("instance", EVERY[::5], ids=lambda i: i.id)
def test_every_layer_gets_the_tokens_of_a_window(instance):
    windows = instance.windows()
    for window in (windows.seen, windows.scored):
        assert window.dtype == np.float64
        assert (window.sum(axis=1) == instance.traffic.tokens).all()


def test_popularity_is_zipf_and_nobody_has_the_same_order():
    still = Traffic(exponent=(1.0, 1.0), spread=0.0, burst_chance=0.0, shift_chance=0.0, tokens=1_000_000)
    seen = draw("still", Cluster(), still).seen
    falling = -np.sort(-seen, axis=1).mean(axis=0)
    assert falling[0] / falling[9] == pytest.approx(10, rel=0.05)
    assert len(set(seen.argmax(axis=1).tolist())) > 40


def test_drift_is_slow_when_rho_is_near_one_and_a_shift_swaps_a_few_experts():
    def change(**changes):
        calm = {"burst_chance": 0.0, "shift_chance": 0.0, "tokens": 10**9}
        windows = draw("drift", Cluster(), Traffic(**{**calm, **changes}))
        return np.abs(np.log(windows.scored / windows.seen))

    slow, fast = change(rho=0.99), change(rho=0.9)
    assert slow.mean() < 0.5 * fast.mean()
    moved = (change(spread=0.0, shift_chance=1.0) > 0.1).mean(axis=1)
    assert 0.03 < moved.mean() < 0.2
    assert moved.max() <= 0.21


def test_the_public_split_says_which_file_it_needs():
    with pytest.raises(UsageError, match=r"--data PATH.*load_history"):
        Eplb().instances(Split.PUBLIC)
