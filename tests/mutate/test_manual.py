"""A person who answers in files: nothing half-written is taken, nothing answered is asked again."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from client_parts import PROMPT

from evolve.config import MANUAL, ModelConfig, RateConfig
from evolve.errors import UsageError
from evolve.mutate.models.answer import Answer, AnswerStatus
from evolve.mutate.models.manual import ManualClient
from evolve.mutate.models.providers import make_clients


def manual(folder: Path, **settings: object) -> ManualClient:
    return ManualClient(ModelConfig.model_validate({"name": MANUAL, **settings}), folder, look_every_s=0.02)


def put(folder: Path, call_id: int, text: str) -> None:
    """Answer as a careful program does: the file is there at once, and whole."""
    (folder / "inbox").mkdir(exist_ok=True)
    unfinished = folder / "inbox" / f"{call_id}.tmp"
    unfinished.write_text(text)
    unfinished.rename(folder / "inbox" / f"{call_id}.md")


async def until_asked(folder: Path, call_id: int) -> Path:
    question = folder / "outbox" / f"{call_id}.md"
    async with asyncio.timeout(5.0):
        while not question.exists():
            await asyncio.sleep(0.005)
    return question


def test_a_question_is_a_file_and_its_answer_is_taken_from_another(tmp_path: Path) -> None:
    async def story() -> Answer:
        waiting = asyncio.create_task(manual(tmp_path).complete(PROMPT, 7))
        question = await until_asked(tmp_path, 7)
        sheet = question.read_text()
        assert PROMPT.system in sheet
        assert PROMPT.user in sheet
        assert "../inbox/7.md" in sheet
        put(tmp_path, 7, "Sorry, no idea.")
        answer = await waiting
        assert not question.exists()
        return answer

    answer = asyncio.run(story())
    assert (answer.text, answer.status, answer.cost_usd) == ("Sorry, no idea.", AnswerStatus.OK, 0.0)
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_estimated) == (6, 4, True)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["7.md"]


def test_several_questions_are_open_at_once_and_answered_in_any_order(tmp_path: Path) -> None:
    async def story() -> list[Answer]:
        model = manual(tmp_path, concurrency=3)
        waiting = [asyncio.create_task(model.complete(PROMPT, n)) for n in range(4)]
        for n in range(3):
            await until_asked(tmp_path, n)
        assert not (tmp_path / "outbox" / "3.md").exists(), "no more than `concurrency`"
        for n in (2, 0, 1):
            put(tmp_path, n, f"answer {n}")
        await until_asked(tmp_path, 3)
        put(tmp_path, 3, "answer 3")
        return await asyncio.gather(*waiting)

    assert [answer.text for answer in asyncio.run(story())] == [f"answer {n}" for n in range(4)]


def test_an_answer_that_is_being_written_is_not_taken_before_it_is_whole(tmp_path: Path) -> None:
    async def story() -> Answer:
        waiting = asyncio.create_task(manual(tmp_path).complete(PROMPT, 1))
        await until_asked(tmp_path, 1)
        with (tmp_path / "inbox" / "1.md").open("w") as file:
            for word in ("", "one ", "two ", "three"):
                file.write(word)
                file.flush()
                await asyncio.sleep(0.4)
                assert not waiting.done()
        return await waiting

    assert asyncio.run(story()).text == "one two three"


@pytest.mark.parametrize("name", ["1.txt", "1.md.txt", "1.markdown", "1.py", "1"])
def test_an_answer_under_another_ending_is_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    for other in ("11.txt", "1.md~", "1.tmp"):
        (tmp_path / "inbox" / other).write_text("not it")
    (tmp_path / "inbox" / name).write_bytes("\ufeffthe answer".encode())
    assert asyncio.run(manual(tmp_path).complete(PROMPT, 1)).text == "the answer"


def test_an_answer_that_is_there_when_a_run_is_resumed_is_taken_at_once_and_not_asked_for(tmp_path: Path) -> None:
    put(tmp_path, 5, "written while the run was stopped")
    an_hour_ago = time.time() - 3600
    os.utime(tmp_path / "inbox" / "5.md", (an_hour_ago, an_hour_ago))
    began = time.monotonic()
    answer = asyncio.run(manual(tmp_path).complete(PROMPT, 5))
    assert answer.text == "written while the run was stopped"
    assert time.monotonic() - began < 0.5
    assert not list((tmp_path / "outbox").iterdir())


def test_a_question_stays_when_the_run_is_stopped_and_goes_when_it_has_expired(tmp_path: Path) -> None:
    async def stopped() -> None:
        waiting = asyncio.create_task(manual(tmp_path).complete(PROMPT, 1))
        question = await until_asked(tmp_path, 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert question.exists()

    asyncio.run(stopped())
    answer = asyncio.run(manual(tmp_path, timeout_s=0.1).complete(PROMPT, 1))
    assert (answer.status, answer.text) == (AnswerStatus.TIMEOUT, "")
    assert "nobody answered" in answer.error
    assert not list((tmp_path / "outbox").iterdir())


def test_bytes_that_are_no_text_are_replaced_and_an_empty_answer_is_one_without_text(tmp_path: Path) -> None:
    put(tmp_path, 1, " \n")
    assert asyncio.run(manual(tmp_path).complete(PROMPT, 1)).status is AnswerStatus.EMPTY
    (tmp_path / "inbox" / "2.md").write_bytes(b"caf\xe9 \x00")
    assert asyncio.run(manual(tmp_path).complete(PROMPT, 2)).text == "caf\ufffd \ufffd"


def test_a_folder_that_cannot_be_written_to_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(UsageError, match=r"model manual: .*outbox cannot be written"):
        asyncio.run(manual(tmp_path).complete(PROMPT, 1))


def test_a_person_has_a_day(tmp_path: Path) -> None:
    (model,) = make_clients([ModelConfig(name=MANUAL)], RateConfig(), tmp_path).values()
    assert isinstance(model, ManualClient)
    assert model.model.timeout_s == 86_400
    assert not list(tmp_path.iterdir()), "nothing is made before the first question"
