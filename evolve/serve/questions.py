"""Questions of `--model manual` that wait in a run folder, and the answer of a person to one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from evolve.errors import UsageError

MOST_CHARS = 2_000_000


@dataclass(frozen=True)
class Question:
    """A prompt that waits. text: as it lies in the run's outbox."""

    step: int
    text: str


def waiting(folder: Path) -> list[Question]:
    """Return the questions of a run that nobody has answered yet, the first one first."""
    found = []
    for path in (folder / "outbox").glob("*.md"):
        if not re.fullmatch(r"\d{1,12}", path.stem) or path.is_symlink() or (folder / "inbox" / path.name).exists():
            continue
        try:
            found.append(Question(int(path.stem), path.read_text(encoding="utf-8", errors="replace")))
        except OSError:  # it was answered, or has expired, since the folder was listed
            continue
    return sorted(found, key=lambda one: one.step)


def answer(folder: Path, step: int, text: str) -> None:
    """Put an answer into the run's inbox, whole or not at all. Raises UsageError where no such question waits."""
    if step not in {question.step for question in waiting(folder)}:
        raise UsageError(f"step {step} waits for no answer: it has one, or its time is over.")
    if not text.strip() or len(text) > MOST_CHARS:
        raise UsageError(f"an answer has 1 to {MOST_CHARS} characters, this one {len(text)}.")
    inbox = folder / "inbox"
    unfinished = inbox / f".{step}.part"
    try:
        if inbox.is_symlink():
            raise UsageError(f"{inbox} is a link: an answer goes into the run's own folder only.")
        inbox.mkdir(exist_ok=True)
        unfinished.write_text(text.replace("\r\n", "\n"), encoding="utf-8", errors="replace")
        unfinished.replace(inbox / f"{step}.md")
    except OSError as error:
        raise UsageError(f"{inbox} cannot be written: {error.strerror}.") from None
