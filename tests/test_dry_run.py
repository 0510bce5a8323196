"""`evolve run --dry-run` says what a run would come to, asks nobody and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve

NOBODY = ("--base-url", "http://127.0.0.1:1/v1")  # nothing listens there: whoever asks fails


def planned(*arguments: object) -> dict[str, object]:
    said = evolve("run", TRIVIAL, "--dry-run", "--workers", 1, "--json", *arguments)
    assert said.code == 0, said.err
    return said.json  # type: ignore[no-any-return]


def test_with_a_model_it_estimates_calls_tokens_and_dollars_from_the_first_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prices = ("--set", "model.usd_per_mtok_in=10", "--set", "model.usd_per_mtok_out=100")
    plan = planned("--model", "m", *NOBODY, *prices, "--evaluations", 40)
    assert (plan["evaluations"], plan["calls"]) == (40, 40)
    assert 200 < plan["prompt_tokens"] < 4000  # type: ignore[operator]
    one = plan["prompt_tokens"] * 10 / 1e6 + plan["answer_tokens"] * 100 / 1e6  # type: ignore[operator]
    assert plan["cost_usd"] == pytest.approx(40 * one)
    assert not list(tmp_path.iterdir())


def test_the_budget_that_ends_first_counts() -> None:
    plan = planned("--model", "m", *NOBODY, "--evaluations", 500, "--tokens", 30_000)
    each = plan["prompt_tokens"] + plan["answer_tokens"]  # type: ignore[operator]
    assert plan["evaluations"] == 30_000 // each
    assert plan["cost_usd"] is None, "no price is known"


def test_too_small_a_budget_is_a_warning() -> None:
    assert any(
        "too small for one child" in line for line in planned("--model", "m", *NOBODY, "--tokens", 10)["warnings"]
    )  # type: ignore[attr-defined]
    assert any("seed and baselines alone" in line for line in planned("--minutes", 0.00001)["warnings"])  # type: ignore[attr-defined]


def test_without_a_model_it_costs_nothing_and_reads_well_at_80_columns() -> None:
    said = evolve("run", TRIVIAL, "--dry-run", "--evaluations", 200, "--workers", 2)
    assert said.code == 0 and "nothing: no model is asked" in said.out and "about 200" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_what_would_keep_a_run_from_starting_keeps_the_dry_run_too(tmp_path: Path) -> None:
    said = evolve("run", TRIVIAL, "--dry-run", "--mutation", "no_such=1")
    assert said.code == 2 and "no_such" in said.err
