"""What scores 0 and 100: recomputed, never worse than its start, near the optimum where that can be enumerated."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from evaluators import kept_figures
from evaluators.eplb import Eplb, scale
from evaluators.eplb.balance import balancedness, gpu_loads, replica_counts
from evaluators.eplb.baselines.flat_greedy import rebalance as flat_greedy
from evaluators.eplb.baselines.flat_greedy_swaps import swapped
from evaluators.eplb.scale import Figures, compute, figures, reference_placement
from evaluators.eplb.workload import Cluster, EplbInstance, Windows
from evaluators.kept_figures import LEAST_SPREAD
from evolve.evaluator import Split


@pytest.fixture
def own(tmp_path, monkeypatch):
    """An instance that is not bundled, and a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    windows = Windows(np.array([[10.0, 4.0, 6.0]]), np.array([[9.0, 5.0, 6.0]]))
    return EplbInstance("public/0", Cluster(1, 3, 4, 1, 1, 2), read=windows)


@pytest.mark.parametrize(
    ("split", "index"), [(Split.TRAIN, 5), (Split.VALIDATION, 5), (Split.TEST, 2), (Split.TEST, 3)]
)
def test_the_bundled_figures_come_out_again(split, index):
    instance = Eplb().instances(split)[index]
    row = json.loads(scale.BUNDLED.read_text())["instances"][instance.id]
    again = compute(instance.windows(), instance.cluster)
    assert dataclasses.asdict(again) == pytest.approx({k: v for k, v in row.items() if k != "windows"}, abs=1e-12)


def test_the_reference_is_worse_on_the_window_to_come_than_on_the_one_it_was_given():
    for row in json.loads(scale.BUNDLED.read_text())["instances"].values():
        assert row["naive"] < row["reference"] < row["reference_seen"] <= 1
        assert row["reference"] < row["foresight"] <= 1


def test_every_instance_has_bundled_figures_far_enough_apart():
    rows = json.loads(scale.BUNDLED.read_text())["instances"]
    instances = [i for s in (Split.TRAIN, Split.VALIDATION, Split.TEST) for i in Eplb().instances(s)]
    assert list(rows) == [i.id for i in instances]
    assert all(row["reference"] - row["naive"] > LEAST_SPREAD * (1 - row["naive"]) for row in rows.values())


def test_a_run_never_computes_a_figure_of_a_drawn_instance(monkeypatch):
    monkeypatch.setattr(scale, "compute", lambda *_: pytest.fail("computed"))
    assert figures(Eplb().instances(Split.TEST)[7]).reference > 0.5


def test_swaps_never_raise_a_layers_fullest_gpu_and_keep_every_replica():
    windows, cluster = Eplb().instances(Split.TEST)[2].windows(), Cluster(26, 64, 72, 8, 2, 8)
    before = flat_greedy(windows.seen, 72, 8, 2, 8)
    after = reference_placement(windows.seen, cluster)
    assert (np.sort(before, axis=1) == np.sort(after, axis=1)).all()
    fullest = [gpu_loads(slots, windows.seen, 8).max(axis=1) for slots in (before, after)]
    assert (fullest[1] <= fullest[0] + 1e-9).all()
    assert fullest[1].sum() < fullest[0].sum()


def test_swaps_end_where_no_swap_with_the_fullest_gpu_helps():
    rng = np.random.default_rng(3)
    for _ in range(20):
        load = rng.integers(1, 100, (1, 9)).astype(np.float64)
        slots = swapped(load, rng.permutation([*range(9), *range(3)])[None, :], 4, 100)
        most = gpu_loads(slots, load, 4).max()
        fullest = int(gpu_loads(slots, load, 4).argmax())
        for mine, other in itertools.product(range(3 * fullest, 3 * fullest + 3), range(12)):
            tried = slots.copy()
            tried[0, [mine, other]] = tried[0, [other, mine]]
            touched = gpu_loads(tried, load, 4)[0, [fullest, other // 3]]
            assert other // 3 == fullest or touched.max() >= most * (1 - 1e-8)


def test_on_tiny_cases_the_reference_is_at_most_the_enumerated_optimum_and_close_to_it():
    rng = np.random.default_rng(4)
    ratios = []
    for _ in range(25):
        load = rng.integers(1, 40, (1, 4)).astype(np.float64)
        optimum = max(
            balancedness(gpu_loads(np.array([p]), load, 3))
            for p in itertools.product(range(4), repeat=6)
            if len(set(p)) == 4
        )
        reached = balancedness(gpu_loads(reference_placement(load, Cluster(1, 4, 6, 1, 1, 3)), load, 3))
        assert reached <= optimum + 1e-12
        assert optimum <= 1.0 + 1e-12
        ratios.append(reached / optimum)
    assert np.mean(ratios) > 0.93


def test_a_figure_of_own_data_is_computed_once_and_kept(own, monkeypatch):
    first = figures(own)
    assert first.naive == pytest.approx(10 / 10.5)
    assert [f.suffix for f in kept_figures.folder_of("eplb").iterdir()] == [".json"]
    monkeypatch.setattr(scale, "compute", lambda *_: pytest.fail("computed again"))
    assert figures(own) == first


@pytest.mark.parametrize("content", ["", "[]", '{"version": 0, "naive": 1, "reference": 1}', '{"version": 1}', "\x00"])
def test_a_broken_or_old_cache_file_is_computed_again(own, content):
    expected = figures(own)
    (file,) = kept_figures.folder_of("eplb").iterdir()
    file.write_text(content)
    assert figures(own) == expected


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(own, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert isinstance(figures(own), Figures)


def test_reference_covers_every_expert_also_with_more_than_twice_the_slots():
    load = np.random.default_rng(5).integers(0, 9, (3, 5)).astype(np.float64)
    cluster = Cluster(3, 5, 16, 1, 1, 4)
    for slots in (scale.naive_placement(load, cluster), reference_placement(load, cluster)):
        assert slots.shape == (3, 16)
        assert (replica_counts(slots, 5) > 0).all()
