"""Which finalist wins: on validation, by length where validation sees no difference that matters."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loop_parts import QuickPool, StepModel, configured, trivial_problem

from evolve import intervals, loop
from evolve.archive import Program, Role, Store
from evolve.config import RunConfig
from evolve.evaluator import Instance, Split
from evolve.intervals import FEWEST, paired_lead
from evolve.loop import finish, measuring
from evolve.loop.finish import BEST_ON_TRAIN, finalists
from evolve.observer import Observer, RunResult
from evolve.report.run_document import run_document
from evolve.report.run_report import describe
from evolve.scoring import InstanceResult, Status
from evolve.winner import LEVEL_POINTS, Finalist, earlier_winners, standings, standings_of


def finalist(id: int, scores: list[float], tokens: int = 100) -> Finalist:
    by_instance = {f"validation/{place}": score for place, score in enumerate(scores)}
    return Finalist(id, 50.0, sum(scores) / len(scores), by_instance, tokens, 4 * tokens)


def winner(*found: Finalist) -> int:
    return next(one.finalist.id for one in standings(found) if one.wins)


# -- the rule ----------------------------------------------------------------------------------------------------


def test_among_programs_that_validation_cannot_tell_apart_the_shortest_wins() -> None:
    noise = [0.4, -0.5, 0.3, -0.2, 0.4, -0.1, 0.2, 0.0]
    long = finalist(1, [50.0 + x for x in noise], tokens=400)
    short = finalist(2, [50.0 - x for x in noise], tokens=90)
    assert long.score > short.score
    assert winner(long, short) == winner(short, long) == 2


def test_of_level_programs_that_are_equally_long_the_best_on_train_wins() -> None:
    noise = [0.4, -0.5, 0.3, -0.2, 0.4, -0.1, 0.2, 0.0]
    leader = replace(finalist(1, [50.0 + x for x in noise]), train=-17.0)
    seed = replace(finalist(0, [50.0] * 8), train=0.0)
    assert leader.score > seed.score and winner(leader, seed) == 0


def test_a_shorter_program_that_is_surely_worse_does_not_win_however_small_the_difference() -> None:
    long = finalist(1, [50.0 + place for place in range(8)], tokens=400)
    short = finalist(2, [49.7 + place for place in range(8)], tokens=90)
    assert winner(long, short) == 1


def test_a_shorter_program_does_not_win_where_points_may_be_lost() -> None:
    ups = [30.0, -25.0, 20.0, -15.0, 10.0, -8.0, 5.0, -1.0]
    long, short = finalist(1, [50.0 + x for x in ups], 400), finalist(2, [50.0] * 8, 90)
    assert long.score - short.score > LEVEL_POINTS
    behind = standings([long, short])[1].behind
    assert behind is not None and not behind.is_certain
    assert winner(long, short) == 1


def test_with_fewer_than_six_instances_no_difference_is_certain() -> None:
    for count in range(1, 9):
        lead = paired_lead({str(n): 30.0 for n in range(count)}, {str(n): 0.0 for n in range(count)})
        assert lead is not None and lead.is_certain is (count >= FEWEST)
    assert paired_lead({"a": 1.0}, {"b": 1.0}) is None


def test_the_rule_picks_a_worse_program_no_more_often_than_the_plain_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finalists with true scores; validation sees them through noise. Their lengths have nothing to do with it."""
    monkeypatch.setattr(intervals, "RESAMPLES", 300)
    rng, runs = np.random.default_rng(14), 150
    for spread, noise, count in ((0.0, 15.0, 16), (2.0, 15.0, 16), (5.0, 15.0, 8), (1.0, 5.0, 24)):
        true_plain, true_picked, worse, better, shorter = 0.0, 0.0, 0, 0, 0
        for _ in range(runs):
            true = rng.normal(50.0, spread, 12)
            seen = true[:, None] + rng.normal(0.0, 20.0, count) + rng.normal(0.0, noise, (12, count))
            tokens = rng.permutation(12)
            ranked = standings([finalist(n, list(map(float, seen[n])), int(tokens[n])) for n in range(12)])
            plain = ranked[0].finalist
            picked = next(one.finalist for one in ranked if one.wins)
            true_plain, true_picked = true_plain + true[plain.id] / runs, true_picked + true[picked.id] / runs
            worse += true[picked.id] < true[plain.id] - 1
            better += true[picked.id] > true[plain.id] + 1
            shorter += picked.tokens < plain.tokens
            assert picked.tokens <= plain.tokens
        assert true_picked > true_plain - 0.15
        assert worse - better <= 0.03 * runs
        assert shorter > 0


# -- in a run ----------------------------------------------------------------------------------------------------


class Wide(type(trivial_problem().evaluator)):  # type: ignore[misc]
    """The trivial problem with eight instances a split."""

    def instances(self, split: Split) -> list[Instance]:
        return [Instance(f"{split}/{number}") for number in range(8)]


PROBLEM = replace(trivial_problem(), evaluator=Wide())


def evolve(folder: Path, config: RunConfig, pool: QuickPool | None = None, resume: bool = False) -> RunResult:
    clients = {"m": StepModel()}
    return asyncio.run(loop.run(folder, config, PROBLEM, pool=pool or QuickPool(), clients=clients, resume=resume))


class Uneven(QuickPool):
    """On one train instance those halfway are the best."""

    def scored(self, source: str, split: Split, index: int) -> InstanceResult:
        result = super().scored(source, split, index)
        if split is Split.TRAIN and index == 0 and result.score is not None:
            return replace(result, score=100 - abs(result.score - 50))
        return result


def test_who_leads_on_an_instance_is_a_finalist_whatever_its_mean(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(40), Uneven())
    with Store.open(tmp_path / "run") as store:
        best = {program.id for program in store.top(BEST_ON_TRAIN)}
        scored = [(scores[0] or 0.0, id) for id, _, scores in store.train_scores() if id > 0]
        leader = max(scored, key=lambda one: (one[0], -one[1]))[1]
        chosen = {program.id for program in finalists(store)}
        assert leader in chosen - best
        assert {0, *best} <= chosen
        assert {one.finalist.id for one in standings_of(store)} == chosen


def test_after_a_resume_the_earlier_winner_is_a_finalist_and_a_row_of_every_table(tmp_path: Path) -> None:
    first = evolve(tmp_path / "run", configured(10))
    later = evolve(tmp_path / "run", configured(70), resume=True)
    assert later.best_id != first.best_id
    with Store.open(tmp_path / "run") as store:
        assert [program.id for program in earlier_winners(store)] == [first.best_id]
        assert first.best_id in {program.id for program in finalists(store)}
        report = describe(store)
    assert [row.name for row in later.rows] == ["seed", f"earlier best {first.best_id}", "best"]
    assert [(row.role, row.id) for row in report.rows][-2:] == [("earlier", first.best_id), ("best", later.best_id)]


def test_json_has_intervals_the_gap_and_how_the_winner_was_chosen(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(30))
    with Store.open(tmp_path / "run") as store:
        facts = run_document(describe(store))
    best = facts["programs"][-1]
    assert best["role"] == "best" and best["points_train_above_test"] == pytest.approx(0.0)
    cell = best["splits"][Split.TEST]
    assert cell.interval.low <= cell.score <= cell.interval.high
    assert sum(one["wins"] for one in facts["finalists"]) == 1
    assert facts["choice"].startswith("Of ")
    assert facts["programs"][0]["lead_of_best"].mean == pytest.approx(cell.score)


def test_a_program_of_the_archive_that_failed_on_validation_does_not_win(tmp_path: Path) -> None:
    class Breaks(QuickPool):
        def scored(self, source: str, split: Split, index: int) -> InstanceResult:
            result = super().scored(source, split, index)
            is_broken = split is Split.VALIDATION and (result.score or 0.0) > 90
            return replace(result, status=Status.ERROR, score=None, failure="exception") if is_broken else result

    result = evolve(tmp_path / "run", configured(40), Breaks())
    assert result.rows[-1].validation is not None and result.rows[-1].validation <= 90


def test_before_validation_has_scored_anything_there_are_no_standings(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", "trivial", "", 0) as store:
        assert standings_of(store) == [] and finalists(store) == []
        seed = Program(0, Role.SEED, "seed", "f", "X = 1", 0.0)
        store.bear(seed)
        assert standings_of(store) == []


def test_the_end_of_a_run_tells_how_many_evaluations_are_done_while_a_program_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, int]] = []

    class Listener(Observer):
        def finishing(self, stage: str, done: int, total: int) -> None:
            told.append((stage, done, total))

    monkeypatch.setattr(finish, "REPORT_EVERY_S", 0.0)
    monkeypatch.setattr(measuring, "COMMIT_EVERY_S", 0.0)
    clients = {"m": StepModel()}
    asyncio.run(loop.run(tmp_path / "run", configured(10), PROBLEM, [Listener()], pool=QuickPool(), clients=clients))
    instances = len(PROBLEM.instances(Split.VALIDATION))
    counts = [done for stage, done, _ in told if stage == "validation"]
    total = next(total for stage, _, total in told if stage == "validation")
    assert instances > 1 and total % instances == 0
    assert counts[0] == 0 and counts[-1] == total and counts == sorted(counts)
    assert any(count % instances for count in counts), "also what is between one program and the next"
