from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest
from loop_parts import HashModel, QuickPool, archive_digest, configured, trivial_problem

from evolve import loop
from evolve.archive import EventKind, Fate, ModelCall, Program, RunStatus, State, Store, Trial
from evolve.config import Budget, RunConfig
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.loop.choosing import Chooser
from evolve.mutate.models.answer import Answer, AnswerStatus
from evolve.mutate.prompts.prompt import Prompt
from evolve.observer import Observer, Progress, RunResult
from evolve.registry import Problem
from evolve.scoring import InstanceResult, Status
from evolve.workers import OutOfTime

PROBLEM = trivial_problem()


def evolve(folder: Path, config: RunConfig, pool: QuickPool | None = None, model: HashModel | None = None) -> RunResult:
    clients = {"m": model or HashModel()}
    return asyncio.run(loop.run(folder, config, PROBLEM, pool=pool or QuickPool(), clients=clients))


def resume(folder: Path, config: RunConfig, pool: QuickPool | None = None, model: HashModel | None = None) -> RunResult:
    clients = {"m": model or HashModel()}
    return asyncio.run(loop.run(folder, config, PROBLEM, resume=True, pool=pool or QuickPool(), clients=clients))


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("evaluations", [0, 1, 7, 60])
def test_exactly_as_many_children_are_scored_as_were_asked_for(
    tmp_path: Path, evaluations: int, deterministic: bool
) -> None:
    pool = QuickPool()
    result = evolve(tmp_path / "run", configured(evaluations, deterministic=deterministic), pool)
    with Store.open(tmp_path / "run") as store:
        summary = store.summary()
    assert summary.status is RunStatus.FINISHED
    assert summary.evaluations == result.progress.evaluations == evaluations
    assert len(pool.evaluated) == evaluations + 1  # and the seed


def test_a_program_is_never_evaluated_twice_and_the_repeat_is_recorded(tmp_path: Path) -> None:
    pool = QuickPool()
    evolve(tmp_path / "run", configured(100), pool, HashModel(values=130))
    with Store.open(tmp_path / "run") as store:
        fates = store.summary().fates
        notes = [s.note for s in store.selections() if s.fate is Fate.DUPLICATE]
    assert fates[Fate.DUPLICATE] > 0 and all(note.startswith("the same program as ") for note in notes)
    assert len(set(pool.evaluated)) == len(pool.evaluated)


def test_the_run_ends_with_the_best_by_validation_and_a_table_of_all_splits(tmp_path: Path) -> None:
    result = evolve(tmp_path / "run", configured(40))
    assert [row.name for row in result.rows] == ["seed", "best"]
    best = result.rows[-1]
    assert best.program_id == result.best_id > 0
    assert best.train is not None and best.validation == best.test == best.train > 90
    with Store.open(tmp_path / "run") as store:
        assert store.summary().winner_id == result.best_id
        assert {f.program_id for f in store.split_figures() if f.split is Split.TEST} == {0, result.best_id}


def test_the_winner_is_picked_on_validation_not_on_train(tmp_path: Path) -> None:
    class Deceived(QuickPool):
        def scored(self, source: str, split: Split, index: int) -> InstanceResult:
            r = super().scored(source, split, index)
            upside_down = -r.score if r.score else -100.0  # the seed scores 0
            return r if split is not Split.VALIDATION else replace(r, score=upside_down)

    result = evolve(tmp_path / "run", configured(40), Deceived())
    with Store.open(tmp_path / "run") as store:
        finalists = store.top(8)
    assert result.best_id == finalists[-1].id


def test_every_choice_follows_from_what_the_search_had_been_told_by_then(tmp_path: Path) -> None:
    config = configured(60, seed=3)
    evolve(tmp_path / "run", config, QuickPool(5), HashModel(5))
    chooser, made = Chooser(config), 0
    with Store.open(tmp_path / "run") as store:
        events = {event.seq: event for event in store.events()}
        for heard in store.history():
            if isinstance(heard, Trial):
                chooser.tell(heard)
                continue
            again = chooser.choose(heard.step)
            assert again._replace(show=()) == heard._replace(known=0, state=State.CHOSEN, fate=None, note="")
            assert events[heard.known + 1] == (heard.known + 1, ANY, heard.step, EventKind.CHOSEN)
            chooser.begun(heard)
            made += 1
    assert made >= 60


@pytest.mark.parametrize("workers, concurrency", [(1, 1), (2, 3), (4, 16)])
def test_deterministic_one_seed_gives_one_archive_at_any_speed(tmp_path: Path, workers: int, concurrency: int) -> None:
    same = {"deterministic": True, "seed": 7}
    evolve(tmp_path / "reference", configured(50, **same), QuickPool(0), HashModel(0))
    config = configured(50, **same, workers=workers, model__concurrency=concurrency)
    evolve(tmp_path / "run", config, QuickPool(99, 40), HashModel(98))
    assert archive_digest(tmp_path / "run") == archive_digest(tmp_path / "reference")


def test_deterministic_a_run_that_is_extended_equals_one_that_was_as_long_at_once(tmp_path: Path) -> None:
    evolve(tmp_path / "long", configured(50, deterministic=True))
    evolve(tmp_path / "short", configured(20, deterministic=True))
    resume(tmp_path / "short", configured(50, deterministic=True))
    assert archive_digest(tmp_path / "short") == archive_digest(tmp_path / "long")


def test_another_seed_gives_another_archive(tmp_path: Path) -> None:
    for seed in (1, 2):
        evolve(tmp_path / str(seed), configured(20, deterministic=True, seed=seed))
    assert archive_digest(tmp_path / "1") != archive_digest(tmp_path / "2")


def test_resuming_a_finished_run_evaluates_nothing_and_says_the_same(tmp_path: Path) -> None:
    first = evolve(tmp_path / "run", configured(20))
    pool, model = QuickPool(), HashModel()
    again = resume(tmp_path / "run", configured(20), pool, model)
    assert (again.rows, again.best_id, again.reason) == (first.rows, first.best_id, first.reason)
    assert pool.evaluated == [] and model.asked == []


def test_a_total_that_is_passed_already_is_told_as_it_is(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(20))
    result = resume(tmp_path / "run", configured(5))
    assert (result.progress.evaluations, result.progress.target) == (20, 20)
    assert result.reason == "20 evaluations are done, and 5 in all were asked for"


def test_a_cost_budget_is_kept(tmp_path: Path) -> None:
    prices = {"model__usd_per_mtok_in": 1.0, "model__usd_per_mtok_out": 1.0}
    result = evolve(
        tmp_path / "run", configured(10_000, budget__cost_usd=0.5, **prices), model=HashModel(cost_usd=0.01)
    )
    assert 0.45 < result.progress.cost_usd <= 0.5
    assert "budget of $0.5" in result.reason


def test_when_the_rest_of_the_budget_is_too_little_for_one_model_it_is_spent_on_a_cheaper_one(tmp_path: Path) -> None:
    config = configured(10_000, budget__cost_usd=0.5, model__names=("dear", "m"), model__usd_per_mtok_in=1.0)
    config = config.model_copy(
        update={"models": tuple(m.model_copy(update={"usd_per_mtok_out": 1.0}) for m in config.models)}
    )
    models = {"dear": HashModel(cost_usd=0.2), "m": HashModel(1, cost_usd=0.01)}
    result = asyncio.run(loop.run(tmp_path / "run", config, PROBLEM, pool=QuickPool(), clients=models))
    assert len(models["dear"].asked) == 2
    assert 0.48 < result.progress.cost_usd <= 0.5


@pytest.mark.parametrize("name", ["manual", "command:cat", "m"])
def test_a_budget_of_dollars_alone_is_refused_where_a_model_costs_nothing(tmp_path: Path, name: str) -> None:
    config = configured(1, model__names=(name,), model__usd_per_mtok_in=0.0, model__usd_per_mtok_out=0.0)
    config = config.model_copy(update={"budget": Budget(cost_usd=1.0)})
    with pytest.raises(UsageError, match="costs nothing: give --evaluations or --minutes"):
        evolve(tmp_path / "run", config)


def test_deterministic_a_cost_budget_ends_the_run_at_the_same_step_at_any_speed(tmp_path: Path) -> None:
    given = {"deterministic": True, "budget__cost_usd": 0.3, "workers": 2}
    prices = {"model__usd_per_mtok_in": 1.0, "model__usd_per_mtok_out": 1.0}
    for speed, concurrency in ((1, 2), (2, 9)):
        config = configured(10_000, **given, **prices, model__concurrency=concurrency)
        evolve(tmp_path / str(speed), config, QuickPool(speed, 20 * speed), HashModel(speed))
    assert archive_digest(tmp_path / "1") == archive_digest(tmp_path / "2")


@pytest.mark.slow
def test_the_last_500_of_3000_programs_cost_no_more_than_the_first(tmp_path: Path) -> None:
    cpu_s: list[float] = []

    class Watch(Observer):
        def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
            cpu_s.append(time.process_time())

    config, model = configured(3000), HashModel(values=10**6)
    asyncio.run(loop.run(tmp_path / "run", config, PROBLEM, [Watch()], pool=QuickPool(), clients={"m": model}))
    first, last = cpu_s[500] - cpu_s[0], cpu_s[-1] - cpu_s[-501]
    assert first / last >= 0.8, f"first 500: {first:.2f} s of CPU, last 500: {last:.2f} s"
    assert sum(file.stat().st_size for file in (tmp_path / "run").iterdir()) < 15_000_000


def test_a_cost_budget_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="usd_per_mtok_in"):
        evolve(tmp_path / "run", configured(10, budget__cost_usd=0.5))
    assert not (tmp_path / "run").exists()


def test_minutes_of_all_sessions_count_together(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(5))
    with Store.resume(tmp_path / "run") as store:
        store.set_active(59.99 * 60)
    result = resume(tmp_path / "run", configured(10**6, budget__minutes=60.0))
    assert result.reason == "the 60 minutes are used up"
    assert 5 < result.progress.evaluations < 10**6


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_run_that_brings_nothing_new_stops_and_says_why(tmp_path: Path, deterministic: bool) -> None:
    result = evolve(tmp_path / "run", configured(1000, deterministic=deterministic), model=HashModel(values=7))
    assert result.status is RunStatus.FINISHED
    assert "gave no new program" in result.reason
    assert result.progress.evaluations <= 7


def test_calls_and_evaluations_in_flight_are_bounded_and_overlap(tmp_path: Path) -> None:
    class Watch(Observer):
        calls = evaluations = both = 0

        def call_started(self, step: int, model: str, progress: Progress) -> None:
            self.calls = max(self.calls, progress.calls_in_flight)

        def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
            self.evaluations = max(self.evaluations, progress.evaluations_in_flight)
            self.both += progress.calls_in_flight > 0

    watch, pool = Watch(), QuickPool(1, 30)
    config = configured(100, model__concurrency=5)
    asyncio.run(loop.run(tmp_path / "run", config, PROBLEM, [watch], pool=pool, clients={"m": HashModel(1)}))
    assert watch.calls == 5
    assert pool.most_running <= 2 * 2 + 5
    assert watch.both > 50


def test_a_seed_that_fails_ends_the_run_with_its_failure(tmp_path: Path) -> None:
    class Failing(QuickPool):
        def scored(self, source: str, split: Split, index: int) -> InstanceResult:
            return InstanceResult("train/0", Status.INFEASIBLE, feedback="GPU 3 is full", failure="infeasible")

    with pytest.raises(UsageError, match=r"seed of .* fails on train .*GPU 3 is full"):
        evolve(tmp_path / "run", configured(5), Failing())
    with Store.open(tmp_path / "run") as store:
        assert store.summary().status is RunStatus.STOPPED


def test_an_archive_that_fails_for_several_steps_at_once_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone: list[int] = []

    def fail(store: Store, step: int) -> Trial:
        gone.append(step)
        raise UsageError("the archive is gone")

    monkeypatch.setattr(Store, "trial", fail)
    with pytest.raises(UsageError, match="the archive is gone"):
        evolve(tmp_path / "run", configured(40, workers=4), model=HashModel())
    gc.collect()  # asyncio prints what nobody asked for when it is collected
    assert len(gone) > 1, "several steps failed"
    assert "never retrieved" not in caplog.text


def test_failed_children_are_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(100))
    with Store.open(tmp_path / "run") as store:
        failed = [p for p in store.programs() if p.status is Status.INFEASIBLE]
    assert failed and all(p.score is None and "too far" in p.failure for p in failed)


def test_failed_calls_are_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    class Flaky(HashModel):
        async def complete(self, prompt: Prompt, call_id: int) -> Answer:
            answer = await super().complete(prompt, call_id)
            if len(self.asked) % 3 == 0:
                return Answer("", AnswerStatus.TIMEOUT, "no answer within 300 s", 0, 0, None, 300.0, 1)
            return answer

    heard: list[ModelCall] = []

    class Watch(Observer):
        def call_finished(self, call: ModelCall, progress: Progress) -> None:
            heard.append(call)

    asyncio.run(
        loop.run(tmp_path / "run", configured(20), PROBLEM, [Watch()], pool=QuickPool(), clients={"m": Flaky()})
    )
    with Store.open(tmp_path / "run") as store:
        summary = store.summary()
    assert summary.evaluations == 20
    assert summary.fates[Fate.CALL_ERROR] == summary.calls.failed == sum(call.error != "" for call in heard) > 0


def test_a_second_resume_of_a_run_at_work_is_refused(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(5))
    with Store.resume(tmp_path / "run"), pytest.raises(UsageError, match="being worked on"):
        resume(tmp_path / "run", configured(10))


def test_a_run_in_a_folder_that_holds_one_is_refused(tmp_path: Path) -> None:
    evolve(tmp_path / "run", configured(5))
    with pytest.raises(UsageError, match=r"already holds a run.*evolve resume"):
        evolve(tmp_path / "run", configured(5))


def test_no_question_is_asked_twice_of_a_run_that_asks_eight_at_once(tmp_path: Path) -> None:
    for strategy in ("islands", "sampling"):
        config = configured(24, search__strategy=strategy, model__concurrency=8)
        evolve(tmp_path / strategy, config, model=HashModel())
        with Store.open(tmp_path / strategy) as store:
            asked = Counter(call.digest for call in store.model_calls())
        assert len(asked) >= 24 and max(asked.values()) == 1


def test_whoever_is_asked_is_told_the_ideas_of_the_best_and_those_that_brought_nothing(tmp_path: Path) -> None:
    class WithIdeas(HashModel):
        async def complete(self, prompt: Prompt, call_id: int) -> Answer:
            answer = await super().complete(prompt, call_id)
            return replace(answer, text=f"Idea {call_id}.\n\n{answer.text}")

    config = configured(40, mutation__mix="edit,explore,rewrite", prompt__insights_every=0)
    evolve(tmp_path / "run", config, model=WithIdeas())
    with Store.open(tmp_path / "run") as store:
        calls = store.model_calls()
    assert {call.kind for call in calls} == {"edit", "explore", "rewrite"}
    for told in ("# What helped most in this search", "# What did not help in this search"):
        assert {call.kind for call in calls if told in call.prompt} == {"edit", "explore", "rewrite"}


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_stuck_evaluation_does_not_outlive_the_minutes_and_is_done_when_there_are_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    monkeypatch.setattr("evolve.loop.budget.GRACE_S", 0.1)

    class StuckAtTheThird(QuickPool):
        begun = 0

        async def evaluate(  # type: ignore[override]
            self, source: str, split: Split, indices: Sequence[int], *, deadline_s: float | None = None, **how: object
        ) -> AsyncGenerator[InstanceResult, None]:
            self.begun += 1
            if self.begun == 3:
                assert deadline_s is not None
                await asyncio.sleep(deadline_s)
                raise OutOfTime
            async for result in super().evaluate(source, split, indices):
                yield result

    config = configured(60, budget__minutes=0.05, deterministic=deterministic)
    result = evolve(tmp_path / "run", config, StuckAtTheThird())
    assert (result.status, result.reason) == (RunStatus.FINISHED, "the 0.05 minutes are used up")
    with Store.open(tmp_path / "run") as store:
        unfinished = store.selections(unfinished=True)
    assert unfinished
    more = configured(60, budget__minutes=5, deterministic=deterministic)
    again = resume(tmp_path / "run", more)
    assert again.reason == "all 60 evaluations are done"


def test_who_watches_a_run_cannot_end_it_and_is_told_of_once(tmp_path: Path) -> None:
    class Broken(Observer):
        def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
            raise OSError("no space left on device")

        def closed(self, result: RunResult) -> None:
            raise BrokenPipeError("stdout is closed")

    class Notices(Observer):
        def __init__(self) -> None:
            self.heard: list[str] = []
            self.ended = False

        def notice(self, text: str) -> None:
            self.heard.append(text)

        def closed(self, result: RunResult) -> None:
            self.ended = True

    watch = Notices()
    observers, models = [Broken(), watch], {"m": HashModel()}
    run = loop.run(tmp_path / "run", configured(12), PROBLEM, observers, pool=QuickPool(), clients=models)
    assert asyncio.run(run).progress.evaluations == 12
    assert watch.ended
    told = "Broken failed (OSError: no space left on device). The run goes on: the archive holds everything."
    assert watch.heard == [told]


def test_who_watches_a_run_can_only_read_its_archive(tmp_path: Path) -> None:
    class Writes(Observer):
        said = ""

        def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
            try:
                store.set_winner(0)
            except RuntimeError as error:
                self.said = str(error)

    watch, models = Writes(), {"m": HashModel()}
    asyncio.run(loop.run(tmp_path / "run", configured(1), PROBLEM, [watch], pool=QuickPool(), clients=models))
    assert watch.said.endswith("is opened for reading only")
