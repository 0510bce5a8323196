"""What audit's second look finds in a source, and what it does not claim to find."""

from __future__ import annotations

import time

import pytest

from evolve.mutate.language import PYTHON

QUIET = """
C = next(c for c in object.__subclasses__() if c.__name__ == "CDLL")
G = C.__init__.__globals__
L = C(None); libc_syscall = L.syscall
host, interpreter = G["_o" + "s"], G["_sy" + "s"]
def serve_frame():
    f = getattr(interpreter, "_get" + "frame")()
    while getattr(f, "f_" + "code").co_name != "serve": f = getattr(f, "f_" + "back")
    return getattr(f, "f_" + "locals")
"""


def names(source: str) -> set[str]:
    return {mention.name for mention in PYTHON.mentions(source)}


def test_a_program_that_reaches_the_c_library_without_naming_a_module_is_mentioned() -> None:
    found = {(mention.line, mention.name) for mention in PYTHON.mentions(QUIET)}
    assert {(2, "__subclasses__"), (2, "CDLL"), (3, "__globals__")} <= found
    assert {(7, "_getframe"), (8, "f_code"), (8, "f_back"), (9, "f_locals")} <= found


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('x = "_get" + "fra" + "me"', "_getframe"),
        ("x = f\"_get{'frame'}\"", "_getframe"),
        ('x = "".join(["o", "s"])', "os"),
        ('x = ".".join(("a", "f_locals"))', "f_locals"),
        ('hasattr(f, "f_back")', "f_back"),
        ('import operator\noperator.attrgetter("__globals__.os")(f)', "__globals__"),
        ('x = vars(f)["__builtins__"]', "__builtins__"),
        ("getattr(f, name)", "getattr"),
        ("getattr(f, chr(111) + 's')", "getattr"),
        ("from sandbox import wire", "sandbox"),
        ("import evolve.archive as a", "evolve"),
        ("def f():\n    from evaluators.eplb import reference", "evaluators"),
        ("import select", "select"),
    ],
)
def test_names_by_attribute_by_getattr_and_in_pieces_are_found(source: str, name: str) -> None:
    assert name in names(source)


@pytest.mark.parametrize(
    "source",
    [
        'is_open = row["open"] and "sys" in words',
        'x = getattr(policy, "reset", None)',
        'text = "the " + "os" + " of " + name',
        "class A:\n    def __init__(self): super().__init__()\n",
        "import numpy as np\nx = np.linalg.norm(np.ones(3))",
        "def evolve(select): return select['signal'], sandbox.resource",
    ],
)
def test_honest_words_are_not_mentioned(source: str) -> None:
    assert names(source) == set()


def test_long_sums_of_pieces_are_read_in_a_time_that_grows_with_their_length() -> None:
    """Two sizes are compared: work that grows with the square would take sixteen times as long, not four."""

    def seconds(pieces: int) -> float:
        source = "x = name + " + " + ".join(["'ab'"] * pieces) + "\n"
        began = time.process_time()
        assert names(source) == set()
        return time.process_time() - began

    seconds(10)
    assert seconds(2000) < 12 * max(seconds(500), 0.01)
