"""cloud_balancing: what a day costs by hand and by a second simulation, what is refused, and the bound."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import evaluators.cloud_balancing as package
from evaluators.cloud_balancing import CloudBalancing
from evaluators.cloud_balancing.baselines import lr_12, static_peak, thr_08
from evaluators.cloud_balancing.cloud import G4, G5, Cloud, Info, cost_bound_usd, falls, power_w, traffic_mbit
from evaluators.cloud_balancing.simulation import lived
from evaluators.cloud_balancing.workload import Case
from evolve.evaluator import Infeasible

FOLDER = Path(package.__file__).parent
VMS = ((2500, 870, 100), (1000, 1740, 50), (500, 613, 0))


def cloud(asked, start, vms=VMS, hosts=(G4, G4, G5), ram=4000):
    asked = np.array(asked)
    vms = vms[: asked.shape[1]]
    info = Info(
        len(asked),
        *(np.array(column) for column in zip(*vms, strict=True)),
        np.array([mips for mips, _ in hosts]),
        np.full(len(hosts), ram),
        np.array([watts for _, watts in hosts]),
    )
    return Cloud(info, asked, np.zeros((12, len(vms)), dtype=np.int64), np.array(start))


def moving(*answers):
    steps = iter(answers)
    return lambda tick: next(steps, [])


def test_power_is_linear_between_its_points_and_never_cheaper_than_at_full_load():
    watts = np.array([G4[1], G5[1]])
    assert power_w(np.array([0.0, 1.0]), watts).tolist() == [86.0, 135.0]
    assert power_w(np.array([0.25, 0.95]), watts).tolist() == pytest.approx([94.3, 134.0])
    assert falls(watts)


def test_a_migration_sends_its_memory_and_what_is_written_meanwhile():
    """870 MB, a fifth of it again, and so on: 870 + 174 + 34.8 + 6.96 + 1.392 = 1087.152 MB."""
    assert traffic_mbit(np.array([870.0]), np.array([0.2]))[0] / 8 == pytest.approx(1087.152)


def test_a_day_of_two_ticks_costs_what_a_hand_computes():
    """Tick 0: 2500 and 1000 on host 0 of 3720 MIPS, 500 on host 2. VM 0 goes to host 1, which was off."""
    one = cloud([[100, 100, 100], [100, 0, 40]], [0, 0, 2])
    day = lived(one, moving([[0, 1], [1, 0]]))
    first = 114 + 3 * (3500 / 372 - 9) + (93.7 + 3.3 * 500 / 532)
    second = (106 + 2 * (2500 / 372 - 6)) + 86.0 + (93.7 + 3.3 * 200 / 532)
    assert day.energy_j == pytest.approx(300 * (first + second))
    assert day.start_j == 300 * 86.0
    assert (day.migrations, day.migrated_gb) == (1, pytest.approx(1.087152))
    assert day.lost_mips_s == pytest.approx(0.1 * 2500 * 1087.152 * 8 / 500)
    assert day.pdm_pct == pytest.approx(100 * day.lost_mips_s / (300 * 6700))
    assert day.unmet_mips_s == 0 and day.slatah_pct == 0
    cost = 0.12 * (300 * (first + second + 86)) / 3.6e6 + 0.002 * 1.087152
    assert day.cost_usd == pytest.approx(cost)
    assert day.by_tick == [(2, 0, 1), (3, 0, 0)]


def test_overload_is_what_is_asked_beyond_the_host_and_a_full_tick_counts_for_slatah():
    vms = ((2500, 100, 0), (2500, 100, 0))
    day = lived(cloud([[100, 100], [49, 100], [0, 10]], [0, 0], vms), moving())
    assert day.unmet_mips_s == 300 * (1280 + 5)
    assert day.unmet_vcpu_h == pytest.approx(1285 / 12 / 2500)
    assert day.slatah_pct == pytest.approx(100 * 2 / 3)
    full = cloud([[100, 100]], [0, 0], ((1860, 100, 0), (1860, 100, 0)))
    assert lived(full, moving()).slatah_pct == 100 and lived(full, moving()).unmet_mips_s == 0


def test_what_a_policy_sees_is_the_present_and_the_past():
    one = cloud([[10, 20, 30], [40, 50, 60]], [0, 0, 2])
    seen = []
    lived(one, lambda tick: seen.append(tick) or [[2, 1]] * (tick.tick == 0))
    assert seen[0].vm_mips.tolist() == [250, 200, 150] and seen[0].vm_history[:, -1].tolist() == [10, 20, 30]
    assert seen[1].vm_history[:, -2:].tolist() == [[10, 40], [20, 50], [30, 60]]
    assert seen[0].vm_host.tolist() == [0, 0, 2] and seen[1].vm_host.tolist() == [0, 0, 1]
    assert seen[0].vm_history.shape == (3, 12) and not seen[0].vm_history[:, :-1].any()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "tick 0: the answer is NoneType, expected pairs"),
        ([1], r"tick 0: move 0 is 1, expected a pair"),
        ([[0, 1, 2]], "move 0 is .0, 1, 2., expected a pair"),
        ([[3, 0]], r"the vm of move 0 is 3 \(int\), expected a whole number \(int\) in 0..2"),
        ([[0, 3]], r"the host of move 0 is 3 \(int\)"),
        ([[0, -1]], r"the host of move 0 is -1 \(int\)"),
        ([[True, 0]], r"the vm of move 0 is True \(bool\)"),
        ([[0, 1.0]], r"the host of move 0 is 1.0 \(float\)"),
        ([[0, float("nan")]], r"the host of move 0 is nan \(float\)"),
        ([[0, 1], [0, 2]], "VM 0 is moved twice"),
        ([[0, 1]] * 4, "4 moves of 3 VMs"),
        ([[0, 2], [1, 2], [2, 2]], "tick 0: the VMs on host 2 take 3223 MB of RAM, it has 3000"),
        (np.array([[0.0, 1.0]]), "the answer is float64 of shape"),
        (np.array([0, 1]), "the answer is int64 of shape"),
    ],
)
def test_what_breaks_a_rule_is_infeasible_and_named(answer, message):
    one = cloud([[10, 10, 10]] * 2, [0, 0, 2], ram=3000)
    with pytest.raises(Infeasible, match=message):
        lived(one, moving(answer))


def test_arrays_and_empty_answers_are_read():
    one = cloud([[10, 10, 10]] * 2, [0, 0, 2])
    assert lived(one, moving(np.array([[0, 1]], dtype=np.int32))).migrations == 1
    assert lived(one, moving(np.zeros((0, 2)), [np.array([0, 2])])).migrations == 1
    assert lived(one, moving([[0, 0]])).migrations == 0, "it is there already"


def slowly(one, answers):
    """The cost of a day, host by host and tick by tick, in plain numbers."""
    at, kwh, unmet, gb = one.start.tolist(), 0.0, 0.0, 0.0
    hosts = [(int(m), w.tolist()) for m, w in zip(one.info.host_mips, one.info.host_power_w, strict=True)]
    for tick, percents in enumerate(one.asked_pct.tolist()):
        asked = [p * int(most) / 100 for p, most in zip(percents, one.info.vm_max_mips, strict=True)]
        for number, (mips, watts) in enumerate(hosts):
            load = sum(a for a, host in zip(asked, at, strict=True) if host == number)
            if number in at:
                u = min(1.0, load / mips) * 10
                k = min(9, int(u))
                kwh += (watts[k] + (watts[k + 1] - watts[k]) * (u - k)) / 12 / 1000
                unmet += max(0.0, load - mips) / 12 / 2500
        was_on = set(at)
        for vm, host in answers[tick]:
            if at[vm] != host:
                q = int(one.info.vm_dirty_mbit_s[vm]) / 500
                gb += sum(int(one.info.vm_ram_mb[vm]) * q**k for k in range(5)) / 1000
                at[vm] = host
        for host in set(at) - was_on:
            kwh += hosts[host][1][0] / 12 / 1000
    return 0.12 * kwh + 0.5 * unmet + 0.002 * gb


def test_it_agrees_with_a_slow_second_simulation_on_random_days_and_none_is_below_the_bound():
    rng = np.random.default_rng(6)
    for _ in range(200):
        vms = tuple((int(rng.choice([500, 1000, 2500])), 600, int(rng.integers(0, 499))) for _ in range(4))
        one = cloud(rng.integers(0, 101, (4, 4)), rng.integers(0, 3, 4), vms)
        answers = [[(vm, int(rng.integers(3))) for vm in range(4) if rng.random() < 0.3] for _ in range(4)]
        cost = lived(one, moving(*[[list(pair) for pair in answer] for answer in answers])).cost_usd
        assert cost == pytest.approx(slowly(one, answers), rel=1e-12)
        assert cost >= cost_bound_usd(one) - 1e-12


def test_the_bound_is_reached_by_a_full_best_host():
    full = cloud([[100, 100]] * 3, [0, 0], ((2660, 100, 0), (2660, 100, 0)), (G5,))
    assert lived(full, moving()).cost_usd == pytest.approx(cost_bound_usd(full))


def test_the_policies_keep_their_thresholds():
    """Host 0 at 134 %: THR-0.8 moves the VMs with the least RAM until it is at 80 % or less."""
    vms = ((2000, 900, 0), (1000, 700, 0), (2000, 600, 0))
    over = cloud([[100, 100, 100]] * 2, [0, 0, 0], vms)  # 5000 of 3720
    moved = thr_08.Policy(over.info).rebalance(next_tick(over)).tolist()
    assert {vm for vm, _ in moved} == {1, 2}, "600 MB first, 700 MB next: 2000 of 3720 stay"
    assert static_peak.Policy(over.info).rebalance(next_tick(over)) == []
    low = cloud([[10, 10, 10]] * 2, [0, 1, 2], vms)
    assert len(set(after(low, lr_12.Policy(low.info).rebalance(next_tick(low))))) == 1, "two hosts are switched off"


def next_tick(one):
    seen = []
    lived(one, lambda tick: seen.append(tick) or [])
    return seen[0]


def after(one, moves):
    at = one.start.tolist()
    for vm, host in moves.tolist():
        at[vm] = host
    return at


def test_the_example_of_the_statement_runs_and_gives_its_answer():
    (code,) = re.findall(r"```python\n(.*?)```", (FOLDER / "problem.md").read_text(), re.DOTALL)
    program = {}
    exec(code, program)
    info = Info(*(getattr(program["info"], name) for name in Info.__struct_fields__))
    one = Cloud(info, np.array(program["asked_pct"]), np.zeros((12, 2), dtype=np.int64), np.array([0, 1]))
    outcome = CloudBalancing().evaluate(InProcess(code), Case("data/0", one))
    policy = program["Policy"](program["info"])
    seen = []
    lived(one, lambda tick: seen.append(policy.rebalance(tick)) or [list(pair) for pair in seen[-1]])
    assert seen == program["answers"]
    assert outcome.metrics["energy_kwh"] == pytest.approx(program["energy_kwh"], rel=1e-9)
    assert outcome.metrics["migrated_gb"] == pytest.approx(program["migrated_gb"], rel=1e-4)
