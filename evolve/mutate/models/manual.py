"""A person, or another agent, who answers in files: RUN/outbox/7.md is the question, RUN/inbox/7.md the answer.

An editor may save the answer under another ending (7.txt, 7.md.txt, 7.py, 7): that is taken too.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from evolve.config import ModelConfig
from evolve.errors import UsageError
from evolve.mutate.models.answer import RUN_OUT, Answer, AnswerStatus
from evolve.mutate.models.client import CAP_TOKENS, LeftS, no_limit
from evolve.mutate.models.completion import estimated_tokens, storable
from evolve.mutate.prompts.prompt import Prompt

LOOK_EVERY_S = 0.25
SETTLED_S = 1.0
"""A file that has not changed for so long is whole."""
MOST_BYTES = 4 * 1024 * 1024
UNFINISHED = (".part", ".tmp", ".temp", ".swp", ".swx", ".bak", ".crdownload", "~")
"""Endings of files that somebody is still writing, or has put aside."""


class ManualClient:
    """Writes prompts into a folder and waits for answers in another one. Several may be open at once.

    model: its settings; timeout_s is how long one question waits.  folder: of the run.
    left_s: how long the run itself lets a question wait.
    Tokens are estimates (characters / 4), so that a budget of tokens holds here too; they cost nothing.
    """

    def __init__(
        self, model: ModelConfig, folder: Path, left_s: LeftS = no_limit, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self.model = model
        self._outbox, self._inbox = folder / "outbox", folder / "inbox"
        self._left_s, self._look_every_s = left_s, look_every_s
        self._slots = asyncio.Semaphore(model.concurrency)

    def warm_up(self) -> None:
        """Nothing has to be made ready."""

    async def close(self) -> None:
        """Questions that are open stay: they may be answered while the run is stopped."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return the tokens that a question and its answer are taken to be at most, and no dollars."""
        return len((prompt.system + prompt.user).encode()) + (self.model.max_tokens or CAP_TOKENS), 0.0

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Put the question and return the answer, or after timeout_s that there is none.

        The question goes when it is answered or has expired. An answer that is there already is taken at once.
        Raises UsageError when the run's folder cannot be written to.
        """
        async with self._slots:
            started = time.monotonic()
            question = self._outbox / f"{call_id}.md"
            try:
                self._outbox.mkdir(parents=True, exist_ok=True)
                self._inbox.mkdir(parents=True, exist_ok=True)
                if not self._answers(call_id):
                    unfinished = question.with_suffix(".part")
                    unfinished.write_text(_sheet(prompt, question.name), encoding="utf-8")
                    unfinished.replace(question)
            except OSError as error:
                raise UsageError(f"model manual: {error.filename} cannot be written: {error.strerror}.") from None
            text = None
            with suppress(TimeoutError):
                async with asyncio.timeout(self._left_s()) as run_out, asyncio.timeout(self.model.timeout_s):
                    text = await self._answer(call_id)
            question.unlink(missing_ok=True)
            latency_s = time.monotonic() - started
        if text is None:
            why = RUN_OUT if run_out.expired() else f"nobody answered {question} within {self.model.timeout_s:g} s"
            return Answer("", AnswerStatus.TIMEOUT, why, 0, 0, 0.0, latency_s, 1)
        return answer_by_hand(prompt, text, latency_s)

    async def _answer(self, call_id: int) -> str:
        """Return what an answer says as soon as it is there and whole: somebody may still be writing it."""
        seen: dict[Path, tuple[int, int]] = {}
        since: dict[Path, float] = {}
        while True:
            for file in self._answers(call_id):
                with suppress(OSError):
                    found = file.stat()
                    now = time.monotonic()
                    if (found.st_size, found.st_mtime_ns) != seen.get(file):
                        seen[file], since[file] = (found.st_size, found.st_mtime_ns), now
                    settled = now - since[file] >= SETTLED_S or time.time() - found.st_mtime >= SETTLED_S
                    if found.st_size and settled and file.is_file():
                        with file.open("rb") as opened:
                            return storable(opened.read(MOST_BYTES).decode("utf-8-sig", "replace"))
            await asyncio.sleep(self._look_every_s)

    def _answers(self, call_id: int) -> list[Path]:
        """Return the files that may be the answer to a question, the one that was asked for first."""
        asked_for = self._inbox / f"{call_id}.md"
        try:
            files = [file for file in self._inbox.iterdir() if file.name.partition(".")[0] == str(call_id)]
        except OSError:
            return []
        return sorted(
            (file for file in files if not file.name.endswith(UNFINISHED)), key=lambda file: (file != asked_for, file)
        )


def answer_by_hand(prompt: Prompt, text: str, latency_s: float) -> Answer:
    """Return an answer that no server has counted the tokens of, and none bills."""
    empty = not text.strip()
    return Answer(
        text=text,
        status=AnswerStatus.EMPTY if empty else AnswerStatus.OK,
        error="an answer without text" if empty else "",
        tokens_in=estimated_tokens(prompt.system + prompt.user),
        tokens_out=estimated_tokens(text),
        cost_usd=0.0,
        latency_s=latency_s,
        attempts=1,
        tokens_estimated=True,
    )


def _sheet(prompt: Prompt, name: str) -> str:
    return (
        f"<!-- Answer in ../inbox/{name}: write it under another name and rename it, or leave it alone for a second\n"
        f"when it is done. This file goes when the answer is taken. -->\n\n{prompt.system}\n\n{prompt.user}"
    )
