"""Feedback names the region and the hour of what went wrong."""

from __future__ import annotations

from multi_worlds import Decide, run, world

from evaluators.spot_multi.feedback import explain
from evaluators.spot_multi.figures import Figures
from evaluators.spot_traces.runs import ON_DEMAND, SPOT, Terms

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
    return explain(window, run(window, "strict", decide), Figures(20.0, 10.0))


def test_a_run_that_waits_in_its_region_reads_where_it_waited_and_where_spot_was() -> None:
    says = told(lambda obs, there: (SPOT, 0))
    assert "regions 0 = zone-0, 1 = zone-1; task 6 h, deadline 12 h, overhead 0.167 h" in says
    assert "greedy 20.00, offline optimum 10.00" in says
    assert "spot 1.0 h (zone-0 1.0 h at 1.000 USD/h)" in says
    # 5/6 h of work in the first hour; the guard takes over when 5 1/6 h of it and the overhead just fit
    assert "waited 5.7 h for spot in zone-0 from hour 1.0, then paid on demand for 5.3 h" in says
    assert "waited for 4.7 h though a region had spot, most often zone-1, there first in hour 2.0" in says
    assert "paid on demand for 5.3 h though a region had spot, most often zone-1, there first in hour 6.7" in says
    assert "the deadline guard took over in hour 6.7" in says


def test_spot_in_two_regions_reads_with_the_price_of_each() -> None:
    says = told(lambda obs, there: (SPOT, 1) if there[1] else (SPOT, 0))
    assert "spot 6.3 h (zone-1 5.3 h at 2.000 USD/h, zone-0 1.0 h at 1.000 USD/h)" in says
    assert "waited 1.0 h for spot in zone-0 from hour 1.0." in says
    assert "2 starts of 600 s, 1 of them in another region" in says
    assert "guard" not in says


def test_nothing_is_said_of_what_did_not_happen() -> None:
    says = told(lambda obs, there: (ON_DEMAND, 0))
    assert "spot 0.0 h, on demand 6.2 h, waited 0.0 h" in says
    assert "waited for" not in says
    assert "for spot in" not in says


def test_a_late_public_run_is_told_so() -> None:
    """Spot rides past the last safe tick and is gone in the next: worked example C of the one-zone benchmark."""
    window = world(Terms(4800, 3600, 360), 600, ([1] * 5 + [0],))
    bill = run(window, "public", lambda obs, there: (SPOT if there[0] else ON_DEMAND, 0))
    assert "ended 0.17 h after its deadline" in explain(window, bill, Figures(20.0, 10.0))
