"""cloud_balancing: the generator meets its figures, the baselines their order, and files come back as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest
from in_process import InProcess

from evaluators.cloud_balancing import CloudBalancing
from evaluators.cloud_balancing.baselines import iqr_15, lr_12, mad_25, static_peak, thr_08, thr_10
from evaluators.cloud_balancing.cloud import Cloud
from evaluators.cloud_balancing.evaluator import CloudBalancingOptions
from evaluators.cloud_balancing.figures import programs_digest, stored
from evaluators.cloud_balancing.public_format import read_days
from evaluators.cloud_balancing.simulation import lived
from evaluators.cloud_balancing.workload import Recipe, equipped, placed_by_peak, used_pct
from evolve.evaluator import Split, UsageError
from evolve.registry import load_problem

OWN = (Split.TRAIN, Split.VALIDATION, Split.TEST)


@pytest.fixture(scope="module")
def prototype():
    """A day like that of the prototype: 300 VMs, 120 hosts."""
    rng = np.random.default_rng(20110303)
    info = equipped(rng, 300, 120)
    before, asked = np.split(used_pct(rng, 300, Recipe((300, 300))), [12])
    return Cloud(info, asked, before, placed_by_peak(info))


def test_use_is_like_that_of_the_planetlab_days(prototype):
    """Days of 9.3 to 12.4 % with a deviation of 12.8 to 17.1; of a VM .76 of its mean; 6 % of the steps above 20."""
    use = prototype.asked_pct.astype(float)
    assert 9.3 <= use.mean() <= 12.4 and 12.8 <= use.std() <= 17.1
    busy = use[:, use.mean(axis=0) > 1]
    assert np.median(busy.std(axis=0) / busy.mean(axis=0)) == pytest.approx(0.76, rel=0.1)
    assert abs(np.median([np.corrcoef(vm[:-1], vm[1:])[0, 1] for vm in busy.T])) < 0.1
    assert (np.abs(np.diff(use, axis=0)) > 20).mean() == pytest.approx(0.06, abs=0.03)
    assert (use == 0).mean() == pytest.approx(0.15, abs=0.02)
    total = prototype.asked_mips.sum(axis=1)
    assert total.min() / total.mean() > 0.80 and total.max() / total.mean() < 1.2


def test_policies_cost_what_they_cost_in_the_prototype(prototype):
    """On the trace, which is not bundled, kWh 226.7 static, 40.1 THR-1.0, 47.3 THR-0.8, 43.4 LR-1.2; drawn here."""
    days = {m: lived(prototype, m.Policy(prototype.info).rebalance) for m in (static_peak, thr_10, thr_08, lr_12)}
    energy = [day.energy_kwh for day in days.values()]
    assert energy == pytest.approx([226.7, 40.1, 47.3, 43.4], rel=0.2)
    assert days[static_peak].slatah_pct == 0 == days[static_peak].migrations
    assert days[thr_10].slatah_pct == pytest.approx(7.05, rel=0.25)
    assert 1.5 < days[thr_08].slatah_pct < 4
    assert [days[m].migrations for m in (thr_10, thr_08, lr_12)] == pytest.approx([10946, 13790, 8699], rel=0.3)
    esv = {m: day.energy_kwh * day.slatah_pct * day.pdm_pct for m, day in days.items()}
    assert max(esv[thr_08], esv[lr_12]) < esv[thr_10], "as published; and esv[static_peak] is a perfect 0:"
    assert esv[static_peak] == 0, "which is why it is not the score"


@pytest.mark.slow
def test_thresholds_by_spread_take_the_energy_of_the_prototype_without_its_thrashing(prototype):
    """MAD-2.5 and IQR-1.5: 57.2 and 57.1 kWh there, with 27,556 and 53,204 moves in a version that was said to thrash.

    Ours move 14,200 and 15,400 VMs, hardly more than THR-0.8, and more than LR-1.2, which is ahead by ESV as published.
    """
    days = [lived(prototype, m.Policy(prototype.info).rebalance) for m in (mad_25, iqr_15, lr_12, thr_08, thr_10)]
    assert [day.energy_kwh for day in days[:2]] == pytest.approx([57.2, 57.1], rel=0.1)
    assert all(2 < day.slatah_pct < 5 for day in days[:2])
    assert all(days[2].migrations < day.migrations < 1.3 * days[3].migrations for day in days[:2])
    mad, iqr, regressed, _, lenient = (day.energy_kwh * day.slatah_pct * day.pdm_pct for day in days)
    assert regressed < min(mad, iqr) and max(mad, iqr) < lenient


@pytest.mark.slow
def test_seed_and_thr_08_score_zero_and_nothing_beats_the_bound():
    problem, evaluator = load_problem("cloud_balancing"), CloudBalancing()
    first = evaluator.instances(Split.TRAIN)[0]
    scores = {}
    for name, source in {"seed": problem.seed, **problem.baselines}.items():
        outcome = evaluator.evaluate(InProcess(source), first)
        scores[name] = outcome.score
        assert outcome.metrics["cost_usd"] > outcome.metrics["bound_usd"]
        assert len(outcome.feedback) <= 500 and "reference" in outcome.feedback
    assert scores["seed"] == scores["thr_08"] == pytest.approx(0, abs=1e-9)
    assert min(scores["greedy"], scores["annealing"]) > 80, "who counts what a move costs is far ahead of thresholds"
    assert scores["static_peak"] > scores["lr_12"] > 0
    assert all("Source: " in source for source in problem.baselines.values())


def test_stored_figures_belong_to_the_days():
    kept = stored()
    assert kept.programs == programs_digest()
    for split in OWN:
        for case in CloudBalancing().instances(split):
            assert kept.digests[case.id] == case.cloud.digest
            info = case.cloud.info
            assert 50 <= len(info.vm_max_mips) <= 150 and len(info.host_mips) == round(0.4 * len(info.vm_max_mips))
            used = np.bincount(case.cloud.start, info.vm_ram_mb, len(info.host_mips))
            assert (used <= info.host_ram_mb).all()


def planetlab(folder, lines=("10", "20", "0"), vms=5):
    folder.mkdir(exist_ok=True)
    for vm in range(vms):
        (folder / f"host{vm}_edu_slice").write_text("\n".join(lines) + "\n")
    return folder


def test_a_folder_of_planetlab_files_is_a_day(tmp_path):
    (case,) = CloudBalancing(CloudBalancingOptions(vms=4)).load(planetlab(tmp_path / "20110303"))
    one = case.cloud
    assert one.asked_pct.tolist() == [[10] * 4, [20] * 4, [0] * 4] and one.info.ticks == 3
    assert one.info.vm_max_mips.tolist() == [2500, 2000, 1000, 500] and len(one.info.host_mips) == 2
    planetlab(tmp_path / "20110306", lines=("1",) * 4)
    assert [len(day.cloud.asked_pct) for day in CloudBalancing().load(tmp_path)] == [3, 4]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("10", "x"), "line 2 is 'x'; expected a whole number of %"),
        (("101",), "line 1 is '101'"),
        (("-1",), "line 1 is '-1'"),
        (("5.5",), "line 1 is '5.5'"),
        (("nan",), "line 1 is 'nan'"),
        (("10", "", "3"), "line 2 is ''"),
        (("",), "line 1: expected 1 to 10000 lines"),
    ],
)
def test_a_malformed_file_names_the_line(tmp_path, lines, message):
    with pytest.raises(UsageError, match=message):
        read_days(planetlab(tmp_path / "day", lines), 10)


def test_other_wrong_folders_are_named(tmp_path):
    with pytest.raises(UsageError, match="is empty"):
        read_days(tmp_path, 10)
    with pytest.raises(UsageError, match="is no folder"):
        read_days(tmp_path / "none", 10)
    day = planetlab(tmp_path / "day")
    (day / "host9").write_text("1\n")
    with pytest.raises(UsageError, match="line 1 is its last; host0_edu_slice has 3 lines"):
        read_days(day, 10)
    (day / "host9").unlink()
    for text, message in (
        ("x", "Expecting value"),
        ("[]", "expected an object"),
        ('{"host_type": ["G6"]}', "host_type"),
    ):
        (day / "case.json").write_text(text)
        with pytest.raises(UsageError, match=message):
            read_days(day, 10)
    (day / "case.json").write_text(json.dumps({"host_type": ["G4"], "vm_max_mips": [1.5] * 5}))
    with pytest.raises(UsageError, match="key 'vm_max_mips': expected whole numbers"):
        read_days(day, 10)
