"""The feedback of a window says what went wrong in its worst run, and in which hour."""

from __future__ import annotations

from evaluators.spot_single.feedback import explain
from evaluators.spot_single.figures import Figures
from evaluators.spot_single.mechanics import Window, play
from evaluators.spot_traces.runs import Terms


def test_a_mistake_is_named_with_what_it_cost_and_the_hour_in_which_it_began() -> None:
    # Six ticks of 10 min with spot, three without, then spot again; 1 h of work within 3 h.
    window = Window("t", "zone", 0, 600, bytes([1] * 6 + [0] * 3 + [1] * 20), (Terms(10_800, 3600, 120),))
    # The guard binds from tick 11 on: 1 h is more than 17 - t ticks less 2 min. Until then 8 ticks with spot went by.
    bills = play(window, "strict", lambda runs, observations: ["NONE"] * len(runs))
    said = explain(window, bills, Figures((3.0,), (1.0,)))
    assert "waited 1.3 h beside spot, from hour 0.0" in said
    assert "starts 0.10 USD (1 to on demand)" in said, "120 s at 3.06 USD/h"
    # 1 h and 2 min on demand are 7 ticks, all of them with spot at 0.9731 USD/h
    assert "on demand 1.2 h beside spot (2.43 USD more), from hour 1.8" in said
    assert "1 gap without spot, median 0.5, longest 0.5 h" in said
    assert "guard from hour 1.8, 0.0 h to spare" in said
    assert len(said) <= 500
