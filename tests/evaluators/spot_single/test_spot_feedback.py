"""The feedback of a window says what went wrong in its worst run, and in which hour."""

from __future__ import annotations

from evaluators.spot_single.feedback import explain
from evaluators.spot_single.figures import Figures
from evaluators.spot_single.mechanics import Window, play
from evaluators.spot_traces.runs import Terms


def test_a_mistake_is_named_with_the_hour_and_the_tick_in_which_it_began() -> None:
    # Six ticks of 10 min with spot, three without, then spot again; 1 h of work within 3 h.
    window = Window("t", "zone", 0, 600, bytes([1] * 6 + [0] * 3 + [1] * 20), (Terms(10_800, 3600, 120),))
    # The guard binds from tick 11 on: 1 h is more than 17 - t ticks less 2 min. Until then 8 ticks with spot went by.
    bills = play(window, "strict", lambda runs, observations: ["NONE"] * len(runs))
    said = explain(window, bills, Figures((3.0,), (1.0,)), {0: 0.0})
    assert "waited 1.3 h though spot was there, first in hour 0.0 (tick 0)" in said
    assert "longest wait without spot 0.5 h from hour 1.0 (tick 6)" in said
    assert "the deadline guard took over in hour 1.8 (tick 11)" in said
