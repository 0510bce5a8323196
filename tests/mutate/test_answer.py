"""What a model may write, and what becomes of it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import constants, edit, program_in, trivial

from evolve.mutate.answer import MAX_ANSWER_CHARS, read_answer
from evolve.mutate.evolve_block import editable_lines
from evolve.mutate.source import check

PARENT = """\
import math

X = 1.0


def answer() -> float:
    total = 0.0
    for step in range(3):
        total += X
    for step in range(3):
        total += X
    return total
"""

MARKED = """\
from __future__ import annotations

LIMIT = 9
# EVOLVE-BLOCK-START
X = 1.0


def step() -> float:
    return X


# EVOLVE-BLOCK-END
def answer() -> float:
    return min(LIMIT, step())
"""

WHOLE = "def answer():\n    return 42.0\n"


def child_of(text: str, parent: str = PARENT, kind: str = "edit") -> str:
    proposal = read_answer(parent, text, kind, ("answer",))
    assert proposal.error == ""
    assert proposal.source is not None
    assert check(proposal.source, ("answer",)) == ""
    return proposal.source


def error_of(text: str, parent: str = PARENT, kind: str = "edit") -> str:
    proposal = read_answer(parent, text, kind, ("answer",))
    assert proposal.source is None
    assert proposal.error
    assert "\n" not in proposal.error
    return proposal.error


def fenced(program: str, language: str = "python") -> str:
    return f"Here it is:\n\n```{language}\n{program}```\nIt is better.\n"


# Edits


def test_an_edit_replaces_the_lines_it_names_and_no_others() -> None:
    assert child_of(edit("X = 1.0", "X = 2.0")) == PARENT.replace("X = 1.0", "X = 2.0")


def test_edits_are_all_found_in_the_parent_as_it_was() -> None:
    child = child_of(edit("    return total", "    return total + Y") + edit("X = 1.0", "X = 2.0\nY = 1.0"))
    assert child == PARENT.replace("return total", "return total + Y").replace("X = 1.0", "X = 2.0\nY = 1.0")


def test_an_empty_replace_deletes() -> None:
    assert child_of(edit("import math\n", "")) == PARENT.replace("import math\n\n", "\n")


def test_edits_inside_a_fence_are_read() -> None:
    assert child_of(fenced(edit("X = 1.0", "X = 2.0"), "diff")) == PARENT.replace("X = 1.0", "X = 2.0")


def test_windows_line_ends_are_read() -> None:
    text = edit("X = 1.0\n\n\ndef answer() -> float:", "X = 2.0\n\n\ndef answer() -> float:").replace("\n", "\r\n")
    assert child_of(text) == PARENT.replace("X = 1.0", "X = 2.0")
    assert child_of(text, PARENT.replace("\n", "\r\n")) == PARENT.replace("X = 1.0", "X = 2.0")


def test_a_match_may_differ_in_spaces_at_line_ends_and_blank_lines_around_it() -> None:
    assert child_of(edit("\nX = 1.0  \n\n\ndef answer() -> float:\n\n", "X = 2.0\n\n\ndef answer() -> float:")) == (
        PARENT.replace("X = 1.0", "X = 2.0")
    )


@pytest.mark.parametrize("indent", ["", "  ", "        "])
def test_a_match_may_differ_in_an_even_indentation_which_the_replacement_takes_over(indent: str) -> None:
    search = f"{indent}total = 0.0\n{indent}for step in range(3):\n{indent}    total += X"
    replace = f"{indent}total = 1.0\n\n{indent}for step in range(4):\n{indent}    total += X"
    expected = PARENT.replace("total = 0.0\n    for step in range(3)", "total = 1.0\n\n    for step in range(4)")
    assert child_of(edit(search, replace)) == expected


def test_an_edit_is_read_when_a_whole_program_was_asked_for() -> None:
    proposal = read_answer(PARENT, edit("X = 1.0", "X = 2.0"), "rewrite", ("answer",))
    assert (proposal.kind, proposal.error) == ("edit", "")


def test_thoughts_left_in_the_answer_are_passed_over() -> None:
    assert child_of("<think>\n" + edit("X = 1.0", "X = 9.0") + "</think>\n" + edit("X = 1.0", "X = 2.0")) == (
        PARENT.replace("X = 1.0", "X = 2.0")
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (edit("Y = 1.0", "Y = 2.0"), "block 1 matches nowhere: its SEARCH begins with `Y = 1.0`"),
        (edit("X = 1.0", "X = 2.0") + edit("gone", ""), "block 2 matches nowhere"),
        (edit("X = 1", "X = 2"), "block 1 matches nowhere"),  # half a line is no match
        (edit("        total += X", "        total -= X"), "block 1 matches 2 times: at lines 9, 11"),
        (edit("total += X", "total -= X"), "block 1 matches 2 times: at lines 9, 11"),
        (edit("total = 0.0\n  for step in range(3):", "x"), "block 1 matches nowhere"),  # an uneven indentation
        (edit("", "Y = 1.0"), "block 1 has an empty SEARCH"),
        (edit(" \n\t", "Y = 1.0"), "block 1 has an empty SEARCH"),
        (edit("X = 1.0", "X = 1.0"), "no change"),
        (edit("X = 1.0", "X = 1.0   "), "no change"),
        (edit("X = 1.0", "X = 2.0") * 2, "blocks 1 and 2 change the same lines"),
        (edit("import math\n\nX = 1.0", "X = 3.0") + edit("X = 1.0", "X = 2.0"), "blocks 1 and 2 change the same"),
        (edit("X = 1.0", "X = (2.0"), "the changed program is broken: line 3: '(' was never closed"),
        (edit("def answer() -> float:", "def other() -> float:"), "it does not define answer at its top level"),
        ("<<<<<<< SEARCH\nX = 1.0\n=======\nX = 2.0\n", "block 1 is cut off"),
        ("<<<<<<< SEARCH\nX = 1.0\n", "block 1 is cut off"),
        ("<<<<<<< SEARCH\nX = 1.0\n>>>>>>> REPLACE\n", "block 1 has no line `=======`"),
        ("<<<<<<< SEARCH\nX = 1.0\n=======\n=======\nX = 2.0\n>>>>>>> REPLACE\n", "block 1 has two lines `=======`"),
        ("<<<<<<< SEARCH\nX = 1.0\n=======\nX = 2.0\n<<<<<<< SEARCH\n", "block 1 is not closed"),
        (">>>>>>> REPLACE\n", "without its `<<<<<<< SEARCH`"),
    ],
)
def test_an_edit_that_cannot_be_made_says_which_and_why(text: str, error: str) -> None:
    assert error in error_of(text)
    assert read_answer(PARENT, text, "rewrite", ("answer",)).kind == "edit"


# Whole programs


@pytest.mark.parametrize("kind", ["edit", "rewrite"])
@pytest.mark.parametrize(
    "text",
    [
        fenced(WHOLE),
        fenced(WHOLE, "py"),
        fenced(WHOLE, ""),
        fenced(WHOLE).replace("```", "~~~~"),
        fenced(WHOLE).replace("\n", "\r\n"),
        fenced(WHOLE).replace("```", "  ```"),
        "1. Take\n\n   ```python\n   def answer():\n       return 42.0\n   ```\n",
        f"```python\n{WHOLE}",  # a server that stops at the closing fence
        WHOLE,
        f"Instead of\n{fenced(PARENT)}\ntake\n{fenced(WHOLE)}",
        f"{fenced('total = 0' + chr(10), '')}\n{fenced(WHOLE)}",
        fenced(WHOLE) * 2,
        f"{edit('gone', 'x')}\n{fenced(WHOLE)}",
    ],
)
def test_one_whole_program_is_accepted_whatever_was_asked_for(text: str, kind: str) -> None:
    assert child_of(text, kind=kind) == WHOLE
    assert read_answer(PARENT, text, kind, ("answer",)).kind == "rewrite"


def test_a_program_in_a_longer_fence_may_hold_fences() -> None:
    program = 'def answer():\n    """Return.\n\n```\ncode\n```\n    """\n    return 42.0\n'
    assert child_of(f"````python\n{program}````\n") == program


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "neither a SEARCH/REPLACE block nor a fenced program"),
        ("I would rather not.", "neither a SEARCH/REPLACE block nor a fenced program"),
        (fenced("X = 1\n"), "it does not define answer at its top level"),
        (fenced("def answer():\n    return (1\n"), "line 2: '(' was never closed"),
        (fenced("def answer():\n    return '\0'\n"), "null bytes"),
        (fenced(PARENT), "no change"),
        (fenced(WHOLE) + fenced(WHOLE.replace("42", "43")), "2 different whole programs"),
        (fenced("X = 1\n") + fenced("Y = 1\n"), "none of 2 fenced blocks is a program"),
        (fenced("-" * 100_000 + "1\n"), "the program is nested too deeply"),
        ("x" * (MAX_ANSWER_CHARS + 1), "the answer has 2000001 characters"),
        (fenced("x = 1\n" * 150_000), "the program has 900000 characters"),
    ],
    ids=range(11),
)
def test_an_answer_without_one_whole_program_says_what_is_wrong(text: str, error: str) -> None:
    assert error in error_of(text, kind="rewrite")


# Evolve blocks


def test_an_edit_inside_the_evolve_block_is_made() -> None:
    assert child_of(edit("X = 1.0", "X = 2.0"), MARKED) == MARKED.replace("X = 1.0", "X = 2.0")
    assert child_of(edit("    return X", "    return X + 1\n"), MARKED) == MARKED.replace("return X", "return X + 1\n")


def test_an_edit_may_quote_what_stands_around_the_block() -> None:
    text = edit("LIMIT = 9\n# EVOLVE-BLOCK-START\nX = 1.0", "LIMIT = 9\n# EVOLVE-BLOCK-START\nY = 3\nX = 2.0")
    assert child_of(text, MARKED) == MARKED.replace("X = 1.0", "Y = 3\nX = 2.0")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (edit("LIMIT = 9", "LIMIT = 99"), "block 1 changes line 3, outside the evolve block"),
        (edit("# EVOLVE-BLOCK-START", "X = 3"), "block 1 changes line 4, outside the evolve block"),
        (edit("LIMIT = 9", "LIMIT = 9\nY = 3"), "block 1 changes line 4, outside the evolve block"),
        (edit("    return min(LIMIT, step())", "    return step()"), "outside the evolve block"),
        (edit("X = 1.0", "X = 2.0\n# EVOLVE-BLOCK-END"), "block 1 adds an EVOLVE-BLOCK comment"),
    ],
)
def test_an_edit_outside_the_evolve_block_is_an_error(text: str, error: str) -> None:
    assert error in error_of(text, MARKED)


def test_of_a_whole_program_only_the_block_is_taken() -> None:
    program = MARKED.replace("LIMIT = 9", "LIMIT = 1000").replace("X = 1.0", "X = 2.0")
    assert child_of(fenced(program), MARKED) == MARKED.replace("X = 1.0", "X = 2.0")


def test_a_whole_program_without_markers_is_put_into_the_only_block() -> None:
    unmarked = "".join(line for line in MARKED.splitlines(True) if "EVOLVE" not in line).replace("X = 1.0", "X = 2.0")
    assert child_of(fenced(unmarked), MARKED) == MARKED.replace("X = 1.0", "X = 2.0").replace("X\n\n\n#", "X\n\n\n#")
    block = "def step() -> float:\n    return 7.0\n"
    assert child_of(fenced(block), MARKED) == (
        MARKED.partition("X = 1.0")[0] + block + "# EVOLVE-BLOCK-END" + MARKED.partition("# EVOLVE-BLOCK-END")[2]
    )


def test_a_program_with_other_markers_is_an_error() -> None:
    two = "# EVOLVE-BLOCK-START\nX = 2\n# EVOLVE-BLOCK-END\n" * 2 + WHOLE
    assert "its EVOLVE-BLOCK comments are not those of its parent" in error_of(fenced(two), MARKED)


def test_prose_is_never_put_into_a_block() -> None:
    assert "neither" in error_of("Sorry", MARKED)


def test_every_block_of_several_may_change() -> None:
    parent = f"# EVOLVE-BLOCK-START\nA = 1\n# EVOLVE-BLOCK-END\nB = 1\n    # EVOLVE-BLOCK-START\nC = 1\n{WHOLE}"
    assert editable_lines(parent.splitlines()) == [range(1, 2), range(5, 8)]
    changed = parent.replace("A = 1", "A = 2").replace("C = 1", "C = 2")
    assert child_of(edit("A = 1", "A = 2") + edit("C = 1", "C = 2"), parent) == changed
    assert child_of(fenced(changed.replace("B = 1", "B = 2")), parent) == changed


# Any text at all

_PIECES = st.sampled_from(
    [
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
        "```python",
        "```",
        "~~~",
        "# EVOLVE-BLOCK-START",
        "# EVOLVE-BLOCK-END",
        "</think>",
        "",
        "    ",
        *PARENT.splitlines(),
        *MARKED.splitlines(),
        *WHOLE.splitlines(),
    ]
)
_LINES = st.lists(_PIECES | st.text(max_size=20), max_size=30).map("\n".join)


def outside(source: str) -> str:
    return re.sub(r"(?ms)^(# EVOLVE-BLOCK-START)$.*?^(# EVOLVE-BLOCK-END)$", r"\1\2", source)


@settings(max_examples=400, deadline=None)
@given(text=st.text() | _LINES, kind=st.sampled_from(["edit", "rewrite"]))
def test_no_text_makes_the_parser_raise_or_change_what_is_outside_the_block(text: str, kind: str) -> None:
    for parent in (PARENT, MARKED):
        proposal = read_answer(parent, text, kind, ("answer",))
        assert (proposal.source is None) == bool(proposal.error)
        if proposal.source is not None:
            assert check(proposal.source, ("answer",)) == ""
            assert parent is PARENT or outside(proposal.source) == outside(MARKED)


_BLOCK = st.lists(_PIECES | st.text(max_size=8), max_size=6).map("\n".join)


@settings(max_examples=400, deadline=None)
@given(edits=st.lists(st.tuples(_BLOCK, _BLOCK), min_size=1, max_size=3), program=_BLOCK)
def test_no_edit_and_no_program_reaches_outside_the_block(edits: list[tuple[str, str]], program: str) -> None:
    for text in ("".join(edit(search, replace) for search, replace in edits), fenced(program + "\n")):
        proposal = read_answer(MARKED, text, "edit", ("answer",))
        if proposal.source is not None:
            assert outside(proposal.source) == outside(MARKED)


def test_a_hostile_answer_is_read_in_bounded_time() -> None:
    parent = "x = 1\n" * 30_000 + WHOLE
    began_s = time.process_time()
    assert "matches" in error_of(edit("x = 1\n" * 15_000, "y"), parent)
    assert "matches" in error_of(edit(" x = 1\n" * 15_000, "y"), parent)
    assert time.process_time() - began_s < 3.0


# The server that benchmarks and trials use


def test_the_scripted_server_answers_with_edits_that_apply() -> None:
    request = {"messages": [{"role": "user", "content": f"X = 7\n```python\n{PARENT}```\nChange it."}]}
    assert program_in(request) == PARENT
    children = {child_of(str(trivial(request, number))) for number in range(50)}
    assert len(children) == 50
    assert len({child_of(str(constants(request, number))) for number in range(20)}) > 5
