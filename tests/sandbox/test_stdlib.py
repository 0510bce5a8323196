"""What the statements say of the standard library is true: what computes can be imported, the rest is named."""

from __future__ import annotations

import sys

from sandbox import Sandbox, stdlib

PUBLIC = {name for name in sys.stdlib_module_names if not name.startswith("_")}


def test_every_module_of_the_standard_library_is_either_loaded_or_left_out_on_purpose() -> None:
    loaded = {name.partition(".")[0] for name in stdlib.PRELOADED}
    assert PUBLIC - loaded - set(stdlib.LEFT_OUT) == set()
    assert (loaded & set(stdlib.LEFT_OUT)) <= {"xml"}, "a part of it only"


def test_a_candidate_imports_what_is_loaded_and_is_told_why_not_what_is_not() -> None:
    source = """
import importlib
def answer(names):
    refused = {}
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            refused[name] = str(error)
    return refused
"""
    importable = [name for name in stdlib.PRELOADED if name.partition(".")[0] in PUBLIC]
    with Sandbox() as sandbox, sandbox.start(source) as candidate:
        assert candidate.call("answer", importable) == {}
        refused = candidate.call("answer", ["sqlite3", "tkinter", "http.server"])
    assert set(refused) == {"sqlite3", "tkinter", "http.server"}
    assert all("a candidate may import numpy" in text for text in refused.values())


def test_a_program_that_reads_arguments_of_its_own_is_no_failure() -> None:
    source = """
import argparse
def answer():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=7)
    return parser.parse_args([]).steps
"""
    with Sandbox() as sandbox, sandbox.start(source) as candidate:
        assert candidate.call("answer") == 7
