"""The formulas: by hand, against a slow transcription, and against the optimum of small cases."""

from __future__ import annotations

import itertools
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from evaluators import prism
from evaluators.prism.baselines import best_fit_decreasing, greedy_lowest_pressure, packing_search, round_robin
from evaluators.prism.pressure import (
    FULL_PRESSURE,
    Model,
    case_score,
    loaded,
    pressure,
    pressure_bound,
    round_robin_pressure,
)

PROGRAMS = (best_fit_decreasing, greedy_lowest_pressure, packing_search, round_robin)


def models(*facts):
    return [Model(*fact) for fact in facts]


def random_case(rng: random.Random, most_models=12, most_gpus=5):
    gpus = rng.randint(1, most_gpus)
    listed = [
        Model(rng.randint(4, 120) / 4, rng.choice([0, rng.randint(1, 9), rng.random()]), rng.randint(1, 9))
        for _ in range(rng.randint(1, most_models))
    ]
    return gpus, listed


def highest(listed, gpu_of, gpus):
    return max(gpu.pressure for gpu in loaded(listed, gpu_of, gpus))


WORKED = [
    (
        2,
        models((20, 9, 5), (20, 1, 9), (20, 8, 5), (20, 2, 9)),
        [0, 1, 1, 0],
        (0.050555555555555555, 0.085, 0.04666666666666667, 94.79191551169758),
    ),
    (
        2,
        models((40, 4, 5), (10, 1, 5), (40, 4, 5), (10, 1, 5)),
        [0, 1, 1, 0],
        (0.03333333333333333, 1000000, 0.03333333333333333, 100.0),
    ),
    (
        3,
        models((29, 9, 5), (10, 3, 7), (12, 5, 6), (25, 8, 9), (14, 2, 8), (20, 7, 5)),
        [0, 1, 2, 1, 0, 2],
        (0.0554054054054054, 0.10341880341880343, 0.04308302808302809, 89.20593971737905),
    ),
]


@pytest.mark.parametrize(("gpus", "listed", "gpu_of", "expected"), WORKED)
def test_the_worked_examples_of_the_public_benchmark(gpus, listed, gpu_of, expected):
    x, rr, bound = highest(listed, gpu_of, gpus), round_robin_pressure(listed, gpus), pressure_bound(listed, gpus)
    assert (x, rr, bound, case_score(rr, bound, x)) == pytest.approx(expected, rel=1e-15)


def test_pressure_by_hand():
    first, second, empty = loaded(models((30, 6, 2), (10, 2, 4), (70, 5, 5)), [0, 0, 1], 3)
    assert (first.models, first.used_gb, first.demand) == ((0, 1), 40, 3.5)
    assert first.pressure == 3.5 / 40
    assert second.pressure == 0.1
    assert (empty.models, empty.pressure) == ((), 0.0)


def test_a_full_gpu_costs_a_million_and_nothing_is_divided_by_zero():
    assert pressure(1.0, 0.0) == pressure(1.0, -3.0) == FULL_PRESSURE == 1e6
    assert highest(models((80, 1, 5)), [0], 1) == 1e6


def test_bound_by_hand():
    assert pressure_bound(models((30, 6, 2), (10, 2, 4), (60, 5, 5)), 2) == 4.5 / 60


@pytest.mark.parametrize(
    ("rr", "bound", "x", "score"),
    [
        (0.1, 0.05, 0.1, 0.0),
        (0.1, 0.05, 0.0875, 50.0),
        (0.1, 0.05, 0.2, 0.0),
        (0.1, 0.05, 0.04, 100.0),
        (0.05, 0.05, 0.05, 100.0),
        (0.05, 0.05, 0.06, 0.0),
    ],
)
def test_case_score_by_hand(rr, bound, x, score):
    assert case_score(rr, bound, x) == pytest.approx(score)


def slow_highest(listed, gpu_of, gpus):
    """The benchmark's sentence, word for word: max over GPUs of (sum of rate/slo, in order) / (80 - sum size)."""
    values = []
    for gpu in range(gpus):
        here = [m for m, g in zip(listed, gpu_of, strict=True) if g == gpu]
        demand = 0
        for m in here:
            demand = demand + m.rate / m.slo
        divisor = 80 - sum(m.size_gb for m in here)
        values.append(0 if not here else 1e6 if divisor <= 0 else demand / divisor)
    return max(values)


def test_the_ledger_agrees_with_a_transcription_on_random_cases():
    rng = random.Random(1)
    for _ in range(200):
        gpus, listed = random_case(rng)
        gpu_of = [rng.randrange(gpus) for _ in listed]
        assert highest(listed, gpu_of, gpus) == slow_highest(listed, gpu_of, gpus)
        turns = [j % gpus for j in range(len(listed))]
        assert round_robin_pressure(listed, gpus) == slow_highest(listed, turns, gpus)
        arrays = np.array([(m.size_gb, m.rate / m.slo) for m in listed])
        free = 80 * gpus - arrays[:, 0].sum()
        assert pressure_bound(listed, gpus) == pytest.approx(arrays[:, 1].sum() / free if free > 0 else 1e6)


def optimum(listed, gpus):
    """The lowest highest pressure over all placements that fit, by enumeration; inf when none fits."""
    best = math.inf
    for gpu_of in itertools.product(range(gpus), repeat=len(listed)):
        held = loaded(listed, gpu_of, gpus)
        if all(gpu.used_gb <= 80 for gpu in held):
            best = min(best, max(gpu.pressure for gpu in held))
    return best


def test_no_program_beats_the_optimum_and_no_optimum_the_bound():
    rng = random.Random(2)
    reached = total = 0
    for _ in range(60):
        gpus, listed = random_case(rng, most_models=6, most_gpus=3)
        least = optimum(listed, gpus)
        if least == math.inf:
            continue
        assert least >= pressure_bound(listed, gpus) * (1 - 1e-12)
        for program in PROGRAMS:
            try:
                gpu_of = program.place(gpus, listed)
            except ValueError:
                continue
            if all(gpu.used_gb <= 80 for gpu in loaded(listed, gpu_of, gpus)):
                assert highest(listed, gpu_of, gpus) >= least * (1 - 1e-12)
        total += 1
        reached += highest(listed, packing_search.place(gpus, listed), gpus) <= least * (1 + 1e-9)
    assert total > 40
    assert reached >= 0.9 * total, "the reference is not at the optimum of most small cases"


def test_cp_sat_finds_nothing_better_than_the_reference_on_the_first_public_cases():
    """Exact for a given pressure p: is there a placement with sum of (size + demand / p) <= 80 on every GPU?"""
    cp_model = pytest.importorskip("ortools.sat.python.cp_model", reason="OR-Tools is not installed")
    cases = json.loads((Path(prism.__file__).parent / "data" / "cases.json").read_text())
    for case in sorted(cases, key=lambda c: c["gpus"])[:4]:
        gpus, listed = case["gpus"], [Model(**m) for m in case["models"]]
        reference = highest(listed, packing_search.place(gpus, listed), gpus)
        aim = reference * (1 - 1e-6)
        scale = 10**7  # weights rounded down: what is infeasible here is infeasible for the true weights too
        weights = [math.floor(scale * (m.size_gb + m.rate / m.slo / aim)) for m in listed]
        model = cp_model.CpModel()
        on = [[model.new_bool_var("") for _ in range(gpus)] for _ in listed]
        for row in on:
            model.add_exactly_one(row)
        for gpu in range(gpus):
            model.add(sum(w * row[gpu] for w, row in zip(weights, on, strict=True)) <= 80 * scale)
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = 10
        solver.parameters.num_workers = 1
        assert solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE)
