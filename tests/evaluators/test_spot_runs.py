"""What the spot domains share: when a run must go on demand, which terms can be met, in which units work comes."""

from __future__ import annotations

import random
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.spot_traces import drawing
from evaluators.spot_traces.runs import Terms, safe_s, ticks_needed
from evaluators.spot_traces.work_units import WorkUnits

TICK_S = st.integers(1, 240).map(lambda units: 15 * units)
OVERHEAD_S = st.integers(0, 400).map(lambda units: 15 * units)


def guard_binds(terms: Terms, tick_s: int, tick: int, work_left_s: float) -> bool:
    """As the ledgers of both domains write it."""
    return work_left_s > safe_s(terms, tick_s) - tick * tick_s


@pytest.mark.parametrize(("deadline_s", "tick", "binds"), [(2400, 0, False), (2399, 0, True), (2400, 1, True)])
def test_a_run_must_go_on_demand_in_the_last_tick_in_which_that_is_safe(deadline_s, tick, binds):
    """900 s of work and a start of 360 s take three ticks of 600 s: with four whole ticks left one may still wait."""
    assert guard_binds(Terms(deadline_s, 900, 360), 600, tick, 900.0) is binds


@given(
    st.integers(0, 400_000), st.integers(0, 9000), st.integers(1, 400_000), st.integers(60, 3600), st.integers(0, 2000)
)
def test_the_guard_is_the_public_simulators(work_left_s, overhead_s, deadline_s, tick_s, tick):
    time_left_s = float(deadline_s) - tick * float(tick_s)
    published = ceil((float(work_left_s) + overhead_s) / tick_s) >= floor(time_left_s / tick_s)
    assert guard_binds(Terms(deadline_s, 1, overhead_s), tick_s, tick, work_left_s) is published


@given(st.integers(1, 100_000), OVERHEAD_S, st.integers(1, 300_000), TICK_S, st.integers(0, 50))
def test_the_guard_of_the_optimum_is_that_of_the_ledger(task_s, overhead_s, deadline_s, tick_s, tick):
    terms = Terms(deadline_s, task_s, overhead_s)
    units = WorkUnits(tick_s, terms)
    fewest = units.guarded_from(tick)
    for left in {1, fewest - 1, fewest, fewest + 1, units.units} & set(range(1, units.units + 1)):
        work_left_s = left * units.unit_s - units.beyond_task_s
        assert guard_binds(terms, tick_s, tick, work_left_s) is (left >= fewest)


def test_terms_can_be_met_when_a_start_and_the_work_fit_in_whole_ticks():
    assert Terms(1800, 1400, 400).can_be_met(600)
    assert not Terms(1800, 1400, 401).can_be_met(600)
    assert not Terms(1799, 1000, 300).can_be_met(600)
    assert ticks_needed(Terms(1800, 1000, 601), 600) == 3 + 2 + 4


def test_the_steps_after_a_start_gain_what_its_overhead_leaves_of_a_tick():
    units = WorkUnits(600, Terms(7200, 1000, 900))
    assert (units.unit_s, units.units, units.tick_units, units.overhead_units, units.last) == (300, 4, 2, 3, 2)
    assert units.gains == [0, 1, 2]


def test_drawn_runs_fit_into_the_ticks_that_there_are():
    rng = random.Random(5)
    for _ in range(200):
        tick_s, slack, most_ticks = rng.choice((195, 300, 600)), rng.uniform(0.04, 0.6), rng.randint(100, 1000)
        overhead_s = drawing.overhead_s((0.02, 0.4), rng.random())
        assert overhead_s % drawing.OVERHEAD_STEP_S == 0
        assert 0.02 * 3600 - 15 <= overhead_s <= 0.4 * 3600 + 15
        terms = drawing.terms(drawing.task_s((12, 96), slack, overhead_s, tick_s, most_ticks, rng), slack, overhead_s)
        assert ticks_needed(terms, tick_s) <= most_ticks
        assert terms.task_s <= 96 * 3600
        assert terms.deadline_s == pytest.approx(terms.task_s * (1 + slack), abs=30)
