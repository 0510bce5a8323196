"""What a whole program adds around the evolve block is kept, and what it changes of the fixed part is not."""

from __future__ import annotations

import pytest
from answer_forms import fence

from evolve.mutate.answers.answer import read_answer

PARENT = '''\
"""Frame."""

from __future__ import annotations

import math

LIMIT = 9


# EVOLVE-BLOCK-START
def step() -> float:
    return 1.0


# EVOLVE-BLOCK-END
def answer() -> float:
    return min(LIMIT, math.floor(step()))
'''
HEAD, START, REST = PARENT.partition("# EVOLVE-BLOCK-START\n")
BLOCK, END, TAIL = REST.partition("# EVOLVE-BLOCK-END\n")
NEW = "def step() -> float:\n    return weight(heapq.heappop([2.0]))\n\n\n"


def child(program: str, parent: str = PARENT) -> str:
    proposal = read_answer(parent, fence(program), "rewrite", ("answer",))
    assert proposal.error == ""
    assert proposal.source is not None
    return proposal.source


def value(program: str) -> float:
    names: dict[str, object] = {}
    exec(compile(program, "program", "exec"), names)
    answer = names["answer"]
    assert callable(answer)
    return float(answer())


def block_of(program: str) -> str:
    """Return what is in the block; around it must be the parent's."""
    assert program.startswith(HEAD + START)
    assert program.endswith(END + TAIL)
    return program.removeprefix(HEAD + START).removesuffix(END + TAIL)


WEIGHT = "def weight(x):\n    return 3 * x\n\n\n"


def test_imports_and_definitions_above_the_block_are_kept_at_its_beginning() -> None:
    made = child(HEAD.replace("import math\n", "import heapq\nimport math\n") + WEIGHT + START + NEW + END + TAIL)
    assert block_of(made).startswith("import heapq\n")
    assert "def weight" in block_of(made)
    assert value(made) == 6


def test_a_helper_below_the_block_is_kept_when_the_block_uses_it() -> None:
    made = child(HEAD + START + "import heapq\n\n\n" + NEW + END + TAIL + "\n\n" + WEIGHT + "UNUSED = 1\n")
    assert "def weight" in block_of(made)
    assert "UNUSED" not in made
    assert value(made) == 6


def test_what_collides_with_the_fixed_part_is_dropped() -> None:
    program = HEAD.replace("LIMIT = 9", "LIMIT = 900") + WEIGHT + "def answer():\n    return 7\n\n\n" + START
    made = child(program + "import heapq\n" + NEW + END + TAIL)
    assert "900" not in made
    assert "return 7" not in made
    assert value(made) == 6


def test_of_an_import_only_the_names_that_are_new_are_kept() -> None:
    made = child(
        "import heapq, math\nfrom math import floor, inf\n"
        + START
        + "X = inf\n"
        + NEW.replace("weight(", "(")
        + END
        + TAIL
    )
    assert block_of(made).startswith("import heapq\nfrom math import floor, inf\n")
    assert value(made) == 2


@pytest.mark.parametrize(
    "program",
    [
        HEAD + START + "import heapq\n" + WEIGHT + NEW + TAIL,  # the tail as it is
        HEAD + START + "import heapq\n" + WEIGHT + NEW,  # nothing of the tail
        "import heapq\n" + HEAD + WEIGHT + START + NEW,
        HEAD + "import heapq\n" + WEIGHT + NEW + END + TAIL,  # the head as it is
        "import heapq\n" + WEIGHT + NEW + END,
        "import heapq\n" + WEIGHT + NEW + END + TAIL,
        "import heapq\n" + HEAD.partition("import math")[2] + WEIGHT + NEW,  # neither marker
        HEAD + "import heapq\n" + WEIGHT + NEW + TAIL,
    ],
    ids=range(8),
)
def test_a_program_with_one_marker_or_none_is_completed_where_it_is_clear_what_is_meant(program: str) -> None:
    made = child(program)
    assert "def answer" not in block_of(made)
    assert "LIMIT" not in block_of(made)
    assert value(made) == 6


@pytest.mark.parametrize(
    "program",
    [
        HEAD
        + START
        + NEW
        + TAIL.replace("floor", "ceil"),  # a tail that is not the parent's: where does the block end?
        HEAD.replace("9", "8") + NEW + END + TAIL,
        END + START + NEW,
    ],
    ids=range(3),
)
def test_a_program_with_one_marker_is_refused_where_it_cannot_be_told_where_the_block_ends(program: str) -> None:
    proposal = read_answer(PARENT, fence(program), "rewrite", ("answer",))
    assert "its EVOLVE-BLOCK comments are not those of its parent" in proposal.error


def test_what_is_no_python_is_never_put_into_a_block() -> None:
    for info in ("json", "bash", "text", "diff"):
        assert read_answer(PARENT, fence('{"code": 1}', info), "rewrite", ("answer",)).source is None
