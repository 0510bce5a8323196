"""An answer that leaves a program as it is on purpose is none that could not be read."""

from __future__ import annotations

import pytest

from evolve.mutate.answers.declined import declined
from evolve.mutate.language import PYTHON
from evolve.mutate.reading import ReadAnswer

PARENT = "def f():\n    return 1\n"


@pytest.mark.parametrize(
    "answer",
    [
        "No further change.",
        "**No change.**",
        "None.",
        "Nothing to change.",
        "Leave the program unchanged.",
        "<think>Shall I?</think>\nI have no better idea.",
        "The program is at the bound on every instance; I would leave it as it is.",
        "I cannot improve this program within the CPU limit.",
        "I don't see any improvement that the figures would support.",
    ],
)
def test_words_that_leave_the_program_as_it_is_are_kept_as_the_answer(answer: str) -> None:
    read = ReadAnswer(PARENT, answer, "edit", ("f",), compare=False).done()
    assert read.proposal.is_declined and read.proposal.source is None
    assert read.proposal.error == declined(answer) and read.proposal.error in answer.replace("\n", " ")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Sort by size first.",
        "Here is the program, no changes to the rest:",
        "I replaced the sort by a heap; the rest is unchanged.",
        "I'm sorry, I can't help with that: no change.",
        "No other changes.",
        "```python\nno change\n```",
        "<<<<<<< SEARCH\n    return 2\n=======\n    return no change\n>>>>>>> REPLACE",
        "No change but this: x = 3",
        "<think>No further change",
        "No improvement. " * 100,
    ],
)
def test_an_edit_that_cannot_be_read_and_words_on_something_else_are_still_faults(answer: str) -> None:
    read = ReadAnswer(PARENT, answer, "edit", ("f",), compare=False).done()
    assert read.proposal.source is None and not read.proposal.is_declined and read.proposal.error


def test_words_before_a_program_do_not_keep_it_from_being_read() -> None:
    answer = "No change of the loop, another result:\n\n```python\ndef f():\n    return 2\n```\n"
    read = ReadAnswer(PARENT, answer, "rewrite", ("f",), False, PYTHON).done()
    assert read.proposal.source == "def f():\n    return 2\n"
