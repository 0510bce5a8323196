"""What is no program is told in one line, before it runs."""

from __future__ import annotations

import pytest

from evolve.mutate.source import check

PROGRAM = "def answer():\n    return 1.0  # %s\n"


@pytest.mark.parametrize(
    "hidden", ["\x1b[2J", "\x1b]52;c;cm0=\x07", "\x08" * 9, "\x9b2J", "\u202e", "\u2066"], ids=ascii
)
def test_a_program_that_would_rewrite_the_screen_it_is_shown_on_is_refused(hidden: str) -> None:
    reason = check(PROGRAM % hidden, ("answer",))
    assert reason.startswith("line 2: the control character U+")
    assert reason.isprintable()


def test_letters_of_any_alphabet_tabs_and_form_feeds_are_text() -> None:
    assert check(PROGRAM % "\tna\u00efve \u0636 \u4e2d \U0001f600" + "\x0c\r\n", ("answer",)) == ""
