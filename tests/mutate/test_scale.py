"""What a point is worth: worked out from measured programs, and never made up."""

from __future__ import annotations

import pytest

from evolve.mutate.mutation import Example
from evolve.mutate.prompts.scale import Mark, scale_of


def measured(
    id: int, costs: dict[str, float], naive: float = 200.0, reference: float = 100.0, **more: float
) -> Example:
    """Return a program whose every instance is scored by a line through naive and reference."""
    scores = {name: max(-100.0, 100.0 * (naive - cost) / (naive - reference)) for name, cost in costs.items()}
    return Example(
        id=id,
        source="",
        status="ok",
        score=0.0,
        metrics={"cost_usd": float(id), "naive_usd": naive},
        instances=tuple((name, score, "") for name, score in scores.items()),
        figures=tuple(
            {"moves": float(id * id), "cost_usd": cost, "naive_usd": naive, **more} for cost in costs.values()
        ),
    )


def test_the_figure_at_0_and_at_100_points_follows_from_three_programs() -> None:
    scale = scale_of([measured(n, {"train/0": cost}) for n, cost in enumerate((200.0, 150.0, 120.0))])
    assert scale.marks == {"train/0": Mark("cost_usd", pytest.approx(200.0), pytest.approx(100.0))}
    assert scale.constants == {"naive_usd"}


def test_two_programs_bear_nothing_out() -> None:
    assert scale_of([measured(n, {"train/0": cost}) for n, cost in enumerate((200.0, 150.0))]).marks == {}


def test_a_score_that_is_no_line_of_any_figure_is_told_without_one() -> None:
    bent = [Example(n, "", "ok", 0.0, {}, (("train/0", float(n**3), ""),), ({"cost_usd": float(n)},)) for n in range(4)]
    assert scale_of(bent).marks == {}


def test_scores_that_are_cut_off_at_the_floor_are_no_evidence() -> None:
    scale = scale_of([measured(n, {"train/0": cost}) for n, cost in enumerate((900.0, 200.0, 150.0, 120.0))])
    assert scale.marks["train/0"].zero == pytest.approx(200.0)


@pytest.mark.parametrize(
    "bound, ceiling",
    [({"bound_usd": 80.0}, 120.0), ({"optimum_cost_usd": 100.0}, 100.0), ({"bound_h": 80.0}, None), ({}, None)],
)
def test_the_ceiling_comes_from_a_bound_in_the_unit_of_the_figure(
    bound: dict[str, float], ceiling: float | None
) -> None:
    known = [measured(n, {"train/0": cost}, **bound) for n, cost in enumerate((200.0, 150.0, 120.0))]
    assert scale_of(known).marks["train/0"].ceiling == (None if ceiling is None else pytest.approx(ceiling))


def test_a_bound_that_a_program_is_beyond_is_none() -> None:
    known = [measured(n, {"train/0": cost}, bound_usd=130.0) for n, cost in enumerate((200.0, 150.0, 120.0))]
    assert scale_of(known).marks["train/0"].ceiling is None


def test_an_instance_with_a_small_spread_weighs_less_and_one_with_a_large_one_no_more() -> None:
    known = []
    for n, share in enumerate((0.0, 0.5, 0.8)):
        parts = [
            measured(n, {f"train/{i}": 200.0 - share * spread}, 200.0, 200.0 - spread)
            for i, spread in enumerate((2.0, 100.0, 100.0, 190.0))
        ]
        instances = tuple(entry for part in parts for entry in part.instances)
        figures = tuple(entry for part in parts for entry in part.figures)
        known.append(Example(n, "", "ok", 0.0, {}, instances, figures))
    scale = scale_of(known)
    assert [scale.weight(f"train/{i}") for i in range(4)] == pytest.approx([0.02**0.5, 1.0, 1.0, 1.0])
    assert scale.weight("train/9") == 1.0, "nothing is known of it"
