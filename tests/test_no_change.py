"""A model that answers in words that it would change nothing: no failure, no repair, and told to who is asked next."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from command_line import evolve
from loop_parts import HashModel, QuickPool, configured, trivial_problem

from evolve import loop
from evolve.archive import Fate, Store
from evolve.mutate.models.answer import Answer, AnswerStatus
from evolve.mutate.mutation import Kind
from evolve.mutate.prompts.prompt import Prompt
from evolve.report.costs import costs


class Content(HashModel):
    """Changes nothing in two of three answers."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[str] = []

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        self.prompts.append(prompt.user)
        answer = f"```python\nX = {call_id}.5\n\n\ndef answer():\n    return X\n```\n"
        return Answer(answer if call_id % 3 == 0 else "No further change.", AnswerStatus.OK, "", 100, 20, 0.01, 0.01, 1)


def run(folder: Path, model: Content, calls: int, resumed: bool = False) -> None:
    config = configured(20, budget__calls=calls, model__concurrency=1, prompt__insights_every=0)
    asyncio.run(loop.run(folder, config, trivial_problem(), resume=resumed, pool=QuickPool(), clients={"m": model}))


def test_who_would_change_nothing_is_asked_for_no_repair_and_counts_as_no_failure(tmp_path: Path) -> None:
    model = Content()
    run(tmp_path / "run", model, 9)
    with Store.open(tmp_path / "run") as store:
        summary, selections = store.summary(), store.selections()
        (part,) = costs(store, ()).by_model
    assert summary.fates == {Fate.SCORED: 3, Fate.NO_CHANGE: 6}
    assert summary.calls.failed == 0 and (part.failed, part.unread, part.programs) == (0, 0, 3)
    assert Kind.REPAIR not in {selection.kind for selection in selections}
    assert {s.note for s in selections if s.fate is Fate.NO_CHANGE} == {"No further change."}
    assert any("nothing was changed, on purpose, No further change." in prompt for prompt in model.prompts)
    said = evolve("show", tmp_path / "run", 1).out
    assert "no change: No further change." in said


def test_a_run_of_before_there_was_such_an_end_goes_on_with_it(tmp_path: Path) -> None:
    run(tmp_path / "run", Content(), 3)
    with sqlite3.connect(tmp_path / "run" / "archive.db") as archive:
        archive.execute("DELETE FROM counts WHERE name = 'steps no_change'")
    with Store.open(tmp_path / "run") as store:
        assert store.summary().fates == {Fate.SCORED: 1}
    run(tmp_path / "run", Content(), 6, resumed=True)
    with Store.open(tmp_path / "run") as store:
        assert store.summary().fates == {Fate.SCORED: 2, Fate.NO_CHANGE: 2}
