"""The verifier: what it refuses, what it scores and says, the statement's example, the limits, and files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from in_process import InProcess

import seeds
from evaluators import memory_mapping
from evaluators.memory_mapping import MemoryMapping
from evaluators.memory_mapping.buffers import Buffers, BuffersInstance, checked_offsets, peak_bytes
from evaluators.memory_mapping.evaluator import MemoryMappingOptions
from evaluators.memory_mapping.machine import Program, ProgramInstance
from evaluators.memory_mapping.plans import checked_plan
from evaluators.memory_mapping.public_format import named, parsed, read_buffers, written
from evolve.evaluator import Infeasible, Split, UsageError
from evolve.scoring import Status
from evolve.workers.evaluation import evaluate_instance
from sandbox import Sandbox

FOLDER = Path(memory_mapping.__file__).parent
SEED = (Path(seeds.__file__).parent / "memory_mapping.py").read_text()
SOURCES = {p.stem: p.read_text() for p in sorted((FOLDER / "baselines").glob("*.py"))}
PLACEMENT = MemoryMapping(MemoryMappingOptions(kind="placement"))
BUFFERS = Buffers([0, 3, 0, 9, 0], [3, 9, 9, 21, 21], [4, 5, 4, 6, 3])
PROGRAM = Program(
    np.array([3, 2, 4]),
    np.array([0, 2, 5, 7]),
    np.array([0, 2, 2, 1, 3, 3, 4]),
    np.array([0, 1, 0, 0, 1, 0, 1]),
    512 * np.array([4, 10, 6, 5, 5]),
    np.array([True, True, False, False, False]),
    np.array([False, False, False, False, True]),
)
CASE = ProgramInstance("data/0", lambda: (PROGRAM, 16 * 512))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "NoneType"),
        ([0, 4, 8, 0], "a list of 4 where 5 belong"),
        ([0, 4, 9, 0, True], "bool"),
        ([0, 4, 9.0, 0, 13], "float"),
        ([0, 4, 9, 0, float("nan")], "float"),
        ([0, 4, -1, 0, 13], "offset of buffer 2 is -1"),
        ([0, 4, 9, 0, 2**63], "beyond 64 bits"),
        ([0, 4, 9, 0, 2**60], "offset of buffer 4 is"),
        (np.zeros(5), "float64"),
        ([0, 4, 0, 0, 9], r"buffers \d and \d overlap from time 0 on: bytes \[0, 4\) and \[0, 4\)"),
        ([4, 4, 0, 0, 8], r"overlap from time 3 on: bytes \[8, 11\) and \[4, 9\)|bytes \[4, 9\) and \[8, 11\)"),
    ],
)
def test_offsets_that_are_none_are_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_offsets(answer, BUFFERS)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "the plan is NoneType"),
        ([[0, 0, 0, 0]], "entry 0 of the plan is"),
        ([[2, 0, 1, 0, True]], "expected 5 whole numbers"),
        ([[2, 0, 1, 0.0, -1]], "expected 5 whole numbers"),
        (np.zeros((1, 5)), "the plan is ndarray"),
        ([[5, 0, 1, 0, -1]], "tensor 5, expected 0..4"),
        ([[2, 1, 0, 0, -1]], "stays from 1 to 0"),
        ([[2, 0, 3, 0, -1]], "first <= last <= 2"),
        ([[2, 10**400, 3, 0, -1]], "stays from 1000"),
        ([[2, 0, 1, 100, -1]], "lies at 100, expected a multiple of 512"),
        ([[2, 0, 1, 512 * 11, -1]], "from 0 to 5120"),
        ([[2, 0, 1, -512, -1]], "lies at -512"),
        ([[2, 1, 1, 0, -1]], "it is written by instruction 0"),
        ([[1, 1, 1, 0, -1]], "it is an input"),
        ([[1, 1, 1, 0, 1]], "has fetch_at 1, expected 0..0"),
        ([[1, 1, 1, 0, -2]], "has fetch_at -2"),
        ([[2, 1, 1, 0, 0]], "has fetch_at 0, expected 1..0"),
        ([[2, 0, 1, 0, -1], [3, 1, 2, 512 * 5, -1]], "tensors 2 and 3 overlap from instruction 1 on"),
        ([[1, 1, 1, 0, 0], [2, 0, 1, 512 * 9, -1]], "overlap from instruction 0 on"),
        ([[2, 0, 1, 0, -1], [2, 2, 2, 0, 1]], "tensor 2 is in fast memory twice"),
        ([[2, 0, 0, 0, -1]] * 8, "the plan has 8 stays"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_infeasible_and_named(answer, message):
    with pytest.raises(Infeasible, match=message):
        checked_plan(answer, CASE)


def test_a_tensor_larger_than_fast_memory_is_refused_as_such():
    with pytest.raises(Infeasible, match="is larger than fast memory"):
        checked_plan([[1, 1, 1, 0, 0]], ProgramInstance("data/0", lambda: (PROGRAM, 9 * 512)))


def test_the_example_of_the_statement_runs_and_gives_what_it_shows():
    (block,) = re.findall(r"```python\n(.*?)```", (FOLDER / "problem.md").read_text(), re.DOTALL)
    scope: dict = {}
    exec(block, scope)
    shown = Buffers(scope["lower"], scope["upper"], scope["size"])
    assert shown == BUFFERS and shown.max_load == scope["max_load"]
    offsets = checked_offsets(scope["allocate"](*shown.arrays()), shown)
    assert offsets == scope["offset"] and peak_bytes(shown, offsets) == scope["peak"]
    assert peak_bytes(shown, checked_offsets([4, 4, 0, 0, 9], shown)) == 12


def test_the_seed_scores_nothing_and_the_figures_are_ours():
    for evaluator in (MemoryMapping(), PLACEMENT):
        for case in evaluator.instances(Split.TRAIN)[::4]:
            assert evaluator.evaluate(InProcess(SEED), case).score == 0.0
    outcome = MemoryMapping().evaluate(InProcess("def allocate(l, u, s): return [4, 4, 0, 0, 9]"), given())
    assert (outcome.metrics["peak_bytes"], outcome.metrics["fits_capacity"]) == (12, 1.0)


def given():
    return BuffersInstance("data/0", lambda: BUFFERS, 12, generated=False)


def test_feedback_names_what_lies_on_top_what_is_free_and_who_waits_in_500_characters():
    text = MemoryMapping().evaluate(InProcess("def allocate(l, u, s): return [8, 12, 4, 17, 0]"), given()).feedback
    assert "peak 23 bytes of 5 buffers (1.917 times the largest load 12, the reference" in text
    assert "on top lies buffer 3: 6 bytes at 17 in [9, 21), beside 1 others" in text
    assert "14 bytes are free for its whole life in 1 gaps, the largest 14 at 3" not in text
    for evaluator in (MemoryMapping(), PLACEMENT):
        for source in (SEED, SOURCES["first_come"]):
            says = evaluator.evaluate(InProcess(source), evaluator.instances(Split.TRAIN)[0]).feedback
            assert "the reference" in says and len(says) <= 500
    assert "ticks are memory time beyond compute, most of them" in says and "waits for" in says


def test_every_baseline_runs_within_its_limits_in_the_sandbox():
    for evaluator in (MemoryMapping(), PLACEMENT):
        size = (
            (lambda c: len(c.buffers.size)) if evaluator.options.kind == "offsets" else lambda c: len(c.program.bytes)
        )
        largest = max(evaluator.instances(Split.TEST), key=size)
        with Sandbox(evaluator.limits) as sandbox:
            for name, source in SOURCES.items():
                case = largest if name == "restarts" else evaluator.instances(Split.TRAIN)[0]
                result = evaluate_instance(evaluator, sandbox, source, case)
                assert result.status is Status.OK, (name, result.feedback)


def test_a_set_on_which_the_largest_first_reaches_the_load_has_no_score():
    tight = BuffersInstance("data/1", lambda: Buffers([0, 5], [5, 9], [4, 4]), generated=False)
    assert MemoryMapping().evaluate(InProcess("def allocate(l, u, s): return [0, 0]"), tight).score is None


# Files


def test_what_is_written_is_read_back_and_names_carry_the_capacity():
    assert parsed(written(BUFFERS)) == BUFFERS
    assert named("A.1048576.csv") == ("A", 1048576)
    assert named("mine.csv") == ("mine", 0)
    assert parsed("size,id,upper,lower\n4,b1,3,0\n") == Buffers([0], [3], [4])


def test_a_file_that_is_wrong_is_named_with_its_line(tmp_path):
    good = written(BUFFERS).splitlines()
    for change, message in [
        (lambda rows: [], "line 1: no column 'id'"),
        (lambda rows: ["id,lower,upper", *rows[1:]], "line 1: no column 'size'"),
        (lambda rows: rows[:1], "has no buffers"),
        (lambda rows: [*rows[:2], "1,3,x,5"], "line 3: upper is 'x'"),
        (lambda rows: [*rows[:2], "1,3,9"], "line 3: has 3 values"),
        (lambda rows: [*rows[:2], "1,9,9,5"], "line 3: lower is 9 and upper 9"),
        (lambda rows: [*rows[:2], "1,3,9,0"], "line 3: size is 0"),
        (lambda rows: [*rows[:2], "1,3,9,²"], "line 3: size is '²'"),
    ]:
        file = tmp_path / "one.csv"
        file.write_text("\n".join(change(good)) + "\n", encoding="utf-8")
        with pytest.raises(UsageError, match=r"memory_mapping: .*one\.csv") as error:
            read_buffers(file)
        assert message in str(error.value)
    for path, message in ((tmp_path / "none", "does not exist"), (FOLDER / "baselines", "has no \\*.csv")):
        with pytest.raises(UsageError, match=message):
            read_buffers(path)
    for ask in (lambda: PLACEMENT.instances(Split.PUBLIC), lambda: PLACEMENT.load(tmp_path)):
        with pytest.raises(UsageError, match="kind placement"):
            ask()
