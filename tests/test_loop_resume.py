"""A run may die after any commit. Here it does, after each one in turn, and is resumed."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from loop_parts import (
    SOUND,
    HashModel,
    Killed,
    QuickPool,
    archive_digest,
    configured,
    kill_after,
    let_live,
    trivial_problem,
)
from sqlalchemy import Connection

from evolve import loop
from evolve.archive import CallStatus, RunStatus, Store
from evolve.config import RunConfig
from evolve.errors import UsageError
from evolve.mutate.models.answer import Answer
from evolve.mutate.prompts.prompt import Prompt
from evolve.observer import RunResult

PROBLEM = trivial_problem()


def run(folder: Path, config: RunConfig, pool: QuickPool, model: HashModel, resume: bool = False) -> RunResult:
    return asyncio.run(loop.run(folder, config, PROBLEM, resume=resume, pool=pool, clients={"m": model}))


def as_killed(folder: Path) -> None:
    """Leave the status that a killed process leaves."""
    with Store.open(folder) as store:
        assert store.summary().status is RunStatus.INTERRUPTED


def commits_of(folder: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> int:
    count = 0

    def transaction(store: Store) -> AbstractContextManager[Connection]:
        nonlocal count
        count += 1
        return SOUND(store)

    monkeypatch.setattr(Store, "_transaction", transaction)
    run(folder, config, QuickPool(), HashModel())
    return count


@pytest.mark.parametrize(
    "deterministic, evaluations, stride",
    [
        (False, 6, 4),
        (True, 6, 5),
        pytest.param(False, 12, 1, marks=pytest.mark.slow),
        pytest.param(True, 12, 1, marks=pytest.mark.slow),
    ],
)
def test_killed_after_any_commit_a_run_ends_as_if_undisturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool, evaluations: int, stride: int
) -> None:
    survives_kills(tmp_path, monkeypatch, deterministic, evaluations, stride)


def survives_kills(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deterministic: bool,
    evaluations: int,
    stride: int,
    archive: str = "",
) -> None:
    """Kill a run after every stride-th commit; each ends as if undisturbed. archive: where it is."""
    # On a busy machine the run takes longer, and commits its time more often than when it is killed.
    monkeypatch.setattr("evolve.loop.steps.TICK_S", 1e6)
    config = configured(evaluations, deterministic=deterministic, search__lag=3, archive=archive)
    commits = commits_of(tmp_path / "whole", config, monkeypatch)
    assert commits > 4 * evaluations
    for survived in range(1, commits, stride):
        folder = tmp_path / str(survived)
        kill_after(survived, monkeypatch)
        before, after = (QuickPool(), HashModel()), (QuickPool(survived), HashModel(survived))
        with pytest.raises(Killed):
            run(folder, config, *before)
        let_live(monkeypatch)
        as_killed(folder)
        with Store.open(folder) as store:
            calls = [store.model_call(s.step) for s in store.selections()]
            answered = [call.digest for call in calls if call and call.status is CallStatus.ANSWERED]
            scored = {p.source for p in store.programs() if p.status is not None}
        result = run(folder, config, *after, resume=True)
        assert result.progress.evaluations == evaluations, f"killed after commit {survived}"
        # A prompt may come back in a later step, with the same parent and inspirations: asked anew, and rightly.
        with Store.open(folder) as store:
            all_calls = [call for s in store.selections() if (call := store.model_call(s.step))]
        paid = Counter(answered) + Counter(after[1].asked)
        assert paid == Counter(call.digest for call in all_calls), f"killed after commit {survived}"
        assert not scored & set(after[0].evaluated), "what is scored is not evaluated again"
        if deterministic:
            assert archive_digest(folder) == archive_digest(tmp_path / "whole"), f"killed after commit {survived}"


def test_a_prompt_without_an_answer_is_sent_again_word_for_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Texts(HashModel):
        def __init__(self) -> None:
            super().__init__()
            self.prompts: list[Prompt] = []

        async def complete(self, prompt: Prompt, call_id: int) -> Answer:
            self.prompts.append(prompt)
            return await super().complete(prompt, call_id)

    config = configured(3, model__concurrency=1)
    kill_after(4, monkeypatch)  # tables, seed, its score, first selection with its prompt
    first, second = Texts(), Texts()
    with pytest.raises(Killed):
        run(tmp_path / "run", config, QuickPool(), first)
    let_live(monkeypatch)
    run(tmp_path / "run", config, QuickPool(), second, resume=True)
    assert len(first.prompts) == 1
    assert second.prompts[0] == first.prompts[0]


def test_a_budget_made_smaller_holds_for_the_calls_that_were_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, model = tmp_path / "run", HashModel()
    kill_after(7, monkeypatch)  # tables, seed, its score, four selections with their prompts
    with pytest.raises(Killed):
        run(folder, configured(9, model__concurrency=4), QuickPool(), HashModel())
    let_live(monkeypatch)
    smaller = configured(9, model__concurrency=4, budget__tokens=4 * 120 + 240)
    run(folder, smaller, QuickPool(), model, resume=True)
    with Store.open(folder) as store:
        assert [call.status for call in store.model_calls()].count(CallStatus.FAILED) == 2
        assert not store.selections(unfinished=True), (
            "a step without its answer is over, so that the run can be replayed"
        )
        calls = store.summary().calls
        assert (calls.cut_off, calls.cut_off_tokens, calls.cut_off_usd) == (4, 4 * 120, pytest.approx(4 * 0.01))
        assert calls.prompt_tokens + calls.completion_tokens <= 240
    assert len(model.asked) == 2


@pytest.mark.parametrize("total", [1, 2])
def test_a_total_of_evaluations_that_is_reached_already_asks_no_model_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int
) -> None:
    class Stopping(HashModel):
        async def complete(self, prompt: Prompt, call_id: int) -> Answer:
            if call_id > 4:
                raise UsageError("stopped here")
            return await super().complete(prompt, call_id)

    folder, model = tmp_path / "run", HashModel()
    with pytest.raises(UsageError, match="stopped here"):
        run(folder, configured(9, model__concurrency=1), QuickPool(), Stopping())
    with Store.open(folder) as store:
        assert store.summary().evaluations > 2 and store.selections(unfinished=True)
    result = run(folder, configured(total), QuickPool(), model, resume=True)
    assert model.asked == [] and f"{total} in all were asked for" in result.reason
    with Store.open(folder) as store:
        assert not store.selections(unfinished=True) and store.summary().winner_id is not None
