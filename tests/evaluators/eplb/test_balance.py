"""The formulas: the published examples, and a second implementation that is slow and obvious."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from evaluators.eplb.balance import adrs_score, balancedness, cpu_term, gpu_loads, replica_counts


def balance(slots, load, gpus):
    return balancedness(gpu_loads(np.array(slots), np.array(load, dtype=np.float64), gpus))


def obvious_balance(slots, load, gpus):
    """Balancedness in plain Python, slot by slot."""
    means = maxima = 0.0
    for row, tokens in zip(slots, load, strict=True):
        room = len(row) // gpus
        totals = []
        for gpu in range(gpus):
            total = 0.0
            for slot in range(gpu * room, (gpu + 1) * room):
                total += tokens[row[slot]] / sum(1 for other in row if other == row[slot])
            totals.append(total)
        means += sum(totals) / gpus
        maxima += max(totals)
    return means / maxima if maxima > 0 else 0.0


@pytest.mark.parametrize(
    ("slots", "load", "gpus", "expected"),
    [
        ([[0, 1, 2, 0]], [[10, 4, 6]], 2, 10 / 11),
        ([[0, 1, 2, 0, 3, 1], [3, 3, 2, 1, 0, 0]], [[90, 30, 20, 10], [0, 50, 70, 40]], 3, 0.5585585585585586),
        (
            [[*range(256), *range(32)]] * 58,
            [[((37 * e + 11 * n) % 101 + 1) * 1000 + (e * e + 7 * n) % 13 for e in range(256)] for n in range(58)],
            32,
            0.7649023592534702,
        ),
    ],
)
def test_the_published_examples_of_balancedness_come_out(slots, load, gpus, expected):
    assert balance(slots, load, gpus) == pytest.approx(expected, abs=1e-12, rel=0)
    assert obvious_balance(slots, load, gpus) == pytest.approx(expected, abs=1e-12, rel=0)


def test_a_small_case_by_hand():
    slots, load = np.array([[0, 1, 0, 2]]), np.array([[8.0, 1.0, 3.0]])
    assert replica_counts(slots, 3).tolist() == [[2, 1, 1]]
    assert gpu_loads(slots, load, 2).tolist() == [[5.0, 7.0]]
    assert balance(slots, load, 2) == 6 / 7


def test_two_implementations_agree_on_random_cases():
    rng = np.random.default_rng(1)
    for _ in range(200):
        layers, gpus, room = (int(n) for n in rng.integers(1, 5, 3))
        experts = int(rng.integers(1, gpus * room + 1))
        slots = np.stack(
            [
                rng.permutation([*range(experts), *rng.integers(0, experts, gpus * room - experts)])
                for _ in range(layers)
            ]
        )
        load = rng.integers(0, 50, (layers, experts)).astype(np.float64)
        assert balance(slots, load, gpus) == pytest.approx(
            obvious_balance(slots.tolist(), load.tolist(), gpus), abs=1e-12
        )


def test_a_window_without_tokens_has_balancedness_zero():
    assert balance([[0, 1]], [[0, 0]], 2) == 0.0


def test_no_placement_of_small_cases_beats_one_and_one_gpu_always_reaches_it():
    rng = np.random.default_rng(2)
    for _ in range(10):
        load = rng.integers(0, 30, (1, 3)).astype(np.float64) + 1
        values = [balance([p], load, 2) for p in itertools.product(range(3), repeat=4) if set(p) == {0, 1, 2}]
        assert max(values) <= 1.0 + 1e-12
        assert min(values) >= 0.5 - 1e-12, "1 / gpus is the worst there is"
        assert balance([[0, 1, 2, 0]], load, 1) == pytest.approx(1.0, abs=1e-12)


def test_a_tenfold_speed_up_is_worth_a_sixtieth_of_balance():
    assert cpu_term(1e-3, 0.05) == 0.0
    assert cpu_term(1e-2, 0.05) - cpu_term(1e-3, 0.05) == pytest.approx(0.05 / 3, abs=1e-15)
    assert cpu_term(1e-4, 0.05) == pytest.approx(-0.05 / 3, abs=1e-15)
    assert cpu_term(0.0, 0.05) == cpu_term(1e-6, 0.05), "a clock that did not move has no logarithm"


@pytest.mark.parametrize(
    ("mean", "call_s", "expected"),
    [
        (1.0, 0.0, 100.0),
        (0.5, 0.001, 45 + 5 * 2),
        (0.5, 0.004, 45 + 2.5),
        (0.5, 0.01, 45 + 1),
        (0.5, 0.02, 45 + 0.5 - 0.4),
        (0.5, 5.0, 45 + 0.002 - 20),
        (0.0, 5.0, 0.002 - 20),
    ],
)
def test_the_public_score_is_as_published(mean, call_s, expected):
    assert math.isclose(adrs_score(mean, call_s), expected, abs_tol=1e-12)
