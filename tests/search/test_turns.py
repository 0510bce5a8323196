"""Beginnings, turns, tiers, early ends and what a strategy hears of the budget."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import loop
from evolve.archive import Store
from evolve.config import Budget, RunConfig, resolve
from evolve.loop.budget import Ledger, Room, Spending
from evolve.loop.choosing import Chooser
from evolve.mutate.mutation import Kind
from evolve.scoring import Status
from evolve.search import Lineage, Turns
from evolve.trial import Fate, Selection, Trial

PROBLEM = trivial_problem()
SEED = Trial(0, None, status=Status.OK, score=10.0)


def scored(id: int, score: float, **facts: Any) -> Trial:
    return Trial(id, 0, "0", status=Status.OK, score=score, **facts)


def chooser(**flags: Any) -> Chooser:
    tiers = {"models": [{"name": "small", "tier": "cheap"}, {"name": "big", "tier": "strong"}]}
    made = Chooser(resolve(None, [], {**tiers, **{key.replace("__", "."): value for key, value in flags.items()}}))
    made.tell(SEED)
    return made


def test_strong_models_answer_turns_and_nothing_else() -> None:
    made = chooser(search__turn_after=5, prompt__insights_every=0)
    for step in range(1, 24):
        selection = made.choose(step)
        assert (selection.mutator == "big") == (selection.kind == Kind.TURN)
        assert (selection.kind == Kind.TURN) == (step in (6, 11, 16, 21)), "after 5 without improvement, and again"
        made.begun(selection)
        made.tell(scored(step, 5.0, called=True, answered=True))


def test_a_model_of_another_tier_answers_where_none_of_the_wanted_can_be_asked() -> None:
    made = chooser(search__turn_after=1)
    made.tell(scored(1, 5.0))
    selection = made.choose(2, frozenset({"small"}))
    assert (selection.mutator, selection.kind) == ("small", Kind.TURN)
    assert (
        made.background(0).stalled
    ) == "Since program 0 (10.00), 1 programs brought nothing: 1 scored no more, at best 5.00."


def test_an_improvement_puts_the_next_turn_off() -> None:
    lineage = Lineage()
    turns = Turns(lineage, 1, 3)
    for trial in (SEED, scored(1, 9.0), scored(2, 9.0), scored(3, 11.0), scored(4, 9.0), scored(5, 9.0)):
        lineage.tell(trial)
        turns.tell(trial)
        assert not turns.is_due
    for part in (lineage, turns):
        part.tell(Trial(6, 0, status=Status.ERROR))
    assert turns.is_due
    turns.begun(Selection(7, 0, (), "", "", "m", Kind.TURN))
    assert not turns.is_due


def run(folder: Path, config: RunConfig, resume: bool = False, slow: int = 6) -> HashModel:
    model = HashModel()
    pool = QuickPool(3, slow)
    asyncio.run(loop.run(folder, config, PROBLEM, resume=resume, pool=pool, clients={"m": model}))
    return model


def test_each_beginning_starts_from_the_seed_and_knows_of_those_before(tmp_path: Path) -> None:
    run(tmp_path / "run", configured(12, search__starts=4, search__strategy="climbing"))
    with Store.open(tmp_path / "run") as store:
        first = store.selections()[:4]
        known = [event.step for event in store.events() if event.kind in ("chosen", "known") and 0 < event.step <= 4]
    assert [(choice.parent_id, choice.kind) for choice in first] == [(0, Kind.EXPLORE)] * 4
    assert known[:8] == [1, 1, 2, 2, 3, 3, 4, 4], "each is chosen when the one before is known"


class TestEarlyEnds:
    """A run ends when it is good enough, or when nothing helps any more; it says why, and goes on when told to."""

    far: ClassVar[dict[str, Any]] = {"seed": 5, "deterministic": True, "search__lag": 3}

    def test_a_target_ends_a_run_at_the_same_step_at_any_speed(self, tmp_path: Path) -> None:
        for name, slow in (("one", 1), ("other", 30)):
            run(tmp_path / name, configured(200, budget__target=90.0, **self.far), slow=slow)
        assert archive_digest(tmp_path / "one") == archive_digest(tmp_path / "other")
        with Store.open(tmp_path / "one") as store:
            summary = store.summary()
        assert summary.best_score is not None and summary.best_score >= 90 and summary.evaluations < 200
        assert summary.reason.startswith("the target of 90 is reached: program ")

    def test_patience_ends_a_run_and_a_longer_one_goes_on_as_if_it_had_not(self, tmp_path: Path) -> None:
        run(tmp_path / "parts", configured(40, budget__patience=6, **self.far))
        with Store.open(tmp_path / "parts") as store:
            assert store.summary().reason == "the last 6 evaluations brought no better program"
        run(tmp_path / "parts", configured(40, **self.far), resume=True)
        run(tmp_path / "whole", configured(40, **self.far))
        assert archive_digest(tmp_path / "parts") == archive_digest(tmp_path / "whole")

    def test_a_seed_that_is_good_enough_ends_a_run_before_its_first_step(self) -> None:
        ledger = Ledger(Budget(evaluations=10, target=10.0))
        assert ledger.room(0)[0] is Room.YES
        ledger.tell(SEED)
        assert ledger.room(0) == (Room.NO, "the target of 10 is reached: program 0 scores 10.00 on train")


@pytest.mark.parametrize("early", [{"target": 50.0}, {"patience": 9}])
def test_an_early_end_alone_is_no_budget(early: dict[str, Any]) -> None:
    assert Budget.model_validate(early).evaluations == 200


def test_the_used_share_is_that_of_the_budget_which_ends_first() -> None:
    spending = Spending(Budget(evaluations=10, calls=4, minutes=1.0))
    shares = []
    for trial in (
        SEED,
        scored(1, 1.0),
        Trial(2, 0, fate=Fate.CALL_ERROR, called=True),
        *(scored(id, 1.0, called=True) for id in (3, 4, 5, 6)),
    ):
        spending.tell(trial)
        shares.append(spending.share)
    assert shares == pytest.approx([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.0])
