"""Feedback names the region and the hour of what went wrong."""

from __future__ import annotations

from multi_worlds import Decide, run, world

from evaluators.spot_multi import SpotMulti
from evaluators.spot_multi.feedback import explain
from evaluators.spot_multi.figures import Figures, figures_of
from evaluators.spot_multi.window import Window
from evaluators.spot_traces.runs import ON_DEMAND, SPOT, Rules, Terms
from evolve.evaluator import Split

HOUR = 6
"""Ticks of 600 s."""


def told(decide: Decide) -> str:
    """Zone 0 has spot in the first hour only, zone 1 from the third hour on, at twice the price."""
    window = world(
        Terms(12 * 3600, 6 * 3600, 600),
        600,
        ([1] * HOUR + [0], [0] * 2 * HOUR + [1]),
        (((0, 1.0),), ((0, 2.0),)),
    )
    return explain(window, "strict", run(window, "strict", decide), Figures(20.0, 10.0))


def test_a_run_that_waits_in_its_region_reads_what_it_paid_for_and_what_hindsight_would_not_have() -> None:
    says = told(lambda obs, there: (SPOT, 0))
    assert "2 regions, task 6 of 12 h, overhead 0.17 h" in says
    assert "greedy 20.00, optimum 10.00" in says
    assert "spot 1.0 h (region 0 1.0 h at 1.00 USD/h), on demand 5.3 h, waited 5.7 h" in says
    # A start of spot at 1 USD/h and one of on demand at 3.06, 600 s each.
    assert "starts 0.68 USD (1 to spot, 1 to on demand)" in says
    # 32 ticks on demand beside spot of region 1 at 2 USD/h
    assert "on demand 5.3 h beside spot (5.65 USD more), from hour 6.7" in says
    assert "waited 4.7 h beside spot, from hour 2.0" in says
    assert "1 gap without spot, median 1.0, longest 1.0 h" in says
    assert "guard from hour 6.7, 0.0 h to spare" in says


def test_spot_in_two_regions_reads_with_the_price_of_each() -> None:
    says = told(lambda obs, there: (SPOT, 1) if there[1] else (SPOT, 0))
    assert "spot 6.3 h (region 1 5.3 h at 2.00 USD/h)" in says
    assert "starts 0.50 USD (1 to spot, 1 moves)" in says, "it moved while nothing ran: a move all the same"
    assert "guard" not in says
    assert "4.7 h to spare" in says


def test_spot_that_was_dearer_than_elsewhere_is_told() -> None:
    window = world(Terms(12 * 3600, 3600, 0), 600, ([1], [1]), (((0, 1.0),), ((0, 2.5),)))
    says = explain(window, "strict", run(window, "strict", lambda obs, there: (SPOT, 1)), Figures(20.0, 10.0))
    assert "1.50 USD over the cheapest spot" in says
    assert "never without spot" in says


def test_nothing_is_said_of_what_did_not_happen() -> None:
    says = told(lambda obs, there: (ON_DEMAND, 0))
    assert "spot 0.0 h, on demand 6.2 h, waited 0.0 h" in says
    assert "waited 0.0 h beside" not in says
    assert "to spot" not in says


def test_a_late_public_run_is_told_so() -> None:
    """Spot rides past the last safe tick and is gone in the next: worked example C of the one-zone benchmark."""
    window = world(Terms(4800, 3600, 360), 600, ([1] * 5 + [0],))
    bill = run(window, "public", lambda obs, there: (SPOT if there[0] else ON_DEMAND, 0))
    assert "ended 0.17 h after its deadline" in explain(window, "public", bill, Figures(20.0, 10.0))


def test_feedback_is_short() -> None:
    for split in (Split.TRAIN, Split.PUBLIC):
        rules: Rules = "strict" if split is Split.TRAIN else "public"
        for window in SpotMulti().instances(split)[::5]:
            assert isinstance(window, Window)
            says = explain(
                window, rules, run(window, rules, lambda obs, there: (SPOT, obs.tick % 2)), figures_of(window, rules)
            )
            assert len(says) <= 500, says
