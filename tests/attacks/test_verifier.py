"""The verifier's side: what a program could make the trusted code do, or believe."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from evolve.evaluator import Infeasible, Outcome, index_array
from sandbox import LimitHit, Limits, Sandbox

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "answer",
    [
        [0, 1.0, 2],
        [0, -0.0, 2],
        [0, NAN, 2],
        [0, INF, 2],
        [0, True, NAN],
        ["0", "1", "2"],
        [b"0", b"1", b"2"],
        [None, None, None],
        [0, None, 2],
        [0, [1], 2],
        [[0, 1, 2]],
        [0, 1],
        [0, 1, 2, 2],
        [0, 1, 3],
        [0, 1, -1],
        [0, 1, 2**63],
        [0, 1, 2**64 - 1],
        [-(2**63), 1, 2],
        [{}, {}, {}],
        {},
        {"0": 0, "1": 1, "2": 2},
        "012",
        b"\x00\x01\x02",
        None,
        True,
        3,
        NAN,
        [],
        [[], [], []],
        [True, True, False],
        np.array([0.0, 1.0, 2.0]),
        np.array([0.0, NAN, 2.0]),
        np.array([True, False, True]),
        np.array([[0, 1, 2]]),
        np.array(1),
        np.array([2**63, 1, 2], dtype="u8"),
        np.array([0, 1, -1], dtype="i1"),
        np.zeros((0, 3), dtype=int),
    ],
    ids=repr,
)
def test_nonsense_where_indices_belong_is_infeasible(answer: Any) -> None:
    with pytest.raises(Infeasible) as caught:
        index_array(answer, (3,), 3, "slot")
    assert 10 < len(str(caught.value)) < 300


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_whole_numbers_of_any_width_are_read(dtype: str) -> None:
    back = index_array(np.array([2, 0, 1], dtype=dtype), (3,), 3, "slot")
    assert (back.dtype, back.tolist()) == (np.dtype(np.int64), [2, 0, 1])
    assert index_array([[2, 0], [1, 1]], (2, 2), 3, "slot").tolist() == [[2, 0], [1, 1]]
    assert index_array([np.array([2, 0]), [1, 1]], (2, 2), 3, "slot").tolist() == [[2, 0], [1, 1]]


def test_a_bool_among_whole_numbers_is_infeasible() -> None:
    with pytest.raises(Infeasible, match="bool"):
        index_array([0, True, 2], (3,), 3, "slot")


def test_a_long_text_among_whole_numbers_costs_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Infeasible):
            index_array(["x" * 100_000, *[0] * 199], (200,), 3, "slot")  # 16 MB on the wire could ask for TB
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("score", [NAN, INF, -INF, np.float64("nan")])
def test_a_score_that_is_no_number_is_infeasible(score: float) -> None:
    with pytest.raises(Infeasible):
        Outcome(score)


SLOW_READER = """
import os, time
from sandbox import wire
import sys
write, read = os.write, os.read
def answer(x):
    nonce = sys._getframe(2).f_locals["nonce"]
    write(3, bytes(wire.encode([nonce, True, 1])))
    while True:
        time.sleep(0.3)
        read(3, 200_000)
"""


def test_a_candidate_that_reads_its_question_slowly_is_ended_at_its_wall_limit() -> None:
    with Sandbox(Limits(call_s=0.5)) as sandbox, sandbox.start(SLOW_READER) as candidate:
        candidate.call("answer", 1)  # the shape of the arguments is known from here on
        began = time.monotonic()
        with pytest.raises(LimitHit, match="wall time"):
            candidate.call("answer", np.zeros(500_000))
        assert time.monotonic() - began < 1.5
