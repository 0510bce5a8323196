"""Traces: SWIM's, read at a load; ours, written and read as they are; or refused in one line."""

from __future__ import annotations

import pytest

from evaluators.flow_time import FlowTime
from evaluators.flow_time.evaluator import FlowTimeOptions
from evaluators.flow_time.machine import digest
from evaluators.flow_time.public_format import written
from evolve.evaluator import Split, UsageError

SWIM = "job0\t0\t0\t100\t0\t50\njob1\t5\t5\t0\t0\t0\njob2\t10\t5\t0\t250\t0\n"


def file(folder, text, name="trace.tsv"):
    (folder / name).write_text(text)
    return folder / name


def test_a_trace_of_bytes_becomes_ticks_at_a_load(tmp_path):
    (case,) = FlowTime(FlowTimeOptions(load=0.5)).load(file(tmp_path, SWIM))
    (jobs,) = case.machines
    # 3 operations of 400 bytes in all are 3000 ticks; at load .5 they fill half of 10 s: a tick is 5/3 ms.
    assert case.tick_s == pytest.approx(0.5 * 10 / 3000)
    assert [(job.arrival, job.ops) for job in jobs] == [(0, (750, 375)), (6000, (1875,))]
    assert (case.id, case.load) == ("data/trace", 0.5)


def test_a_written_case_is_read_as_it_was_in_the_same_order(tmp_path):
    cases = FlowTime().instances(Split.TRAIN)[3:6]
    files = FlowTime().write(cases, tmp_path)
    assert [one.name for one in files] == ["000-train-3.tsv", "001-train-4.tsv", "002-train-5.tsv"]
    again = FlowTime().load(tmp_path)
    assert [digest(case) for case in again] == [digest(case) for case in cases]
    assert [(case.family, case.load, case.error) for case in again] == [(c.family, c.load, c.error) for c in cases]
    assert again[0].machines == cases[0].machines
    assert written(again[1]) == written(cases[1])


HEAD = "# ticks, load 0.900000, error 3.000\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 jobs with work"),
        ("a\t0\t0\t5\n", "has 1 jobs with work"),
        ("a\t0\t0\t5\nb\t0\t0\t5\n", "all jobs come in the same second"),
        ("a 0 0 5\n", "line 1: has 1 columns"),
        ("a\t0\t0\t5\nb\t1\t1\n", "line 2: has 3 columns"),
        ("a\t0\t0\t5\nb\t1\t1\t-5\n", "line 2: '-5' is no whole number"),
        ("a\t0\t0\t5\nb\t1\t1\t1.5\n", r"line 2: '1\.5' is no whole number"),
        ("a\t0\t0\t5\nb\t1\t1\t9999999999999999\n", "line 2: '9999999999999999' is no whole number from 0 to"),
        ("a\t3\t0\t5\nb\t1\t1\t5\n", r"line 2: submitted at 1, before the job above it \(3\)"),
        ("# tick\na\t0\t0\t5\n", "line 1: '# tick'; expected '# ticks, load"),
        (HEAD.replace("0.9", "9.9") + "a\t0\t0\t5\n", r"line 1: load 9\.9"),
        (HEAD + "a\t0\t0\t5\t0\n", "line 2: an operation of 0 ticks"),
        (HEAD + "a\t0\t0\t5\n# machine\n", "a machine has no job"),
        (HEAD + "a\t9\t0\t5\n# machine\nb\t5\t0\t1\nc\t4\t0\t1\n", "line 5: submitted at 4"),
    ],
)
def test_what_is_no_trace_is_refused_in_one_line(tmp_path, text, message):
    path = file(tmp_path, text)
    with pytest.raises(UsageError, match=message) as error:
        FlowTime().load(path)
    assert str(error.value).startswith(f"flow_time: {path}: ")
    assert "\n" not in str(error.value)


def test_missing_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no \*\.tsv in folder"):
        FlowTime().load(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        FlowTime().load(tmp_path / "none.tsv")
    (tmp_path / "bytes.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        FlowTime().load(tmp_path)
