"""Files of jobs: the OR-Library's, read, written, or refused in one line."""

from __future__ import annotations

import pytest

from evaluators.single_machine_tardiness import SingleMachineTardiness
from evaluators.single_machine_tardiness.evaluator import TardinessOptions
from evaluators.single_machine_tardiness.figures import digest, figures_of
from evaluators.single_machine_tardiness.public_format import written
from evolve.evaluator import Split, UsageError

UNWEIGHTED = SingleMachineTardiness(TardinessOptions(kind="unweighted"))
ONLINE = SingleMachineTardiness(TardinessOptions(kind="online"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def file(folder, text, name="wt3.txt"):
    (folder / name).write_text(text)
    return folder / name


def test_a_file_holds_processing_times_then_weights_then_due_dates(tmp_path):
    text = "  4 5\n6 1 2 3 10 0 7\n" + "1 1 1 2 2 2 3 3 3"
    first, second = SingleMachineTardiness().load(file(tmp_path, text, "my-wt3.txt"))
    assert (first.processing, first.weight, first.due) == ((4, 5, 6), (1, 2, 3), (10, 0, 7))
    assert (second.id, second.due) == ("data/my-wt3/1", (3, 3, 3))
    assert UNWEIGHTED.load(tmp_path)[0].weight == (1, 1, 1)


def test_public_instances_written_and_read_are_the_same_and_keep_their_optima(tmp_path):
    some = SingleMachineTardiness(TardinessOptions(public="wt50")).instances(Split.PUBLIC)
    files = SingleMachineTardiness().write(some, tmp_path)
    assert [one.name for one in files] == ["000_wt50.txt"]
    again = SingleMachineTardiness().load(tmp_path)
    assert [digest(jobs) for jobs in again] == [digest(jobs) for jobs in some]
    assert figures_of(again[3], "weighted").reference == some[3].best_known
    assert not (tmp_path / "cache").exists()


def test_a_users_jobs_get_their_figures_once(tmp_path):
    (jobs,) = SingleMachineTardiness().load(file(tmp_path, "4 5 6 1 2 3 1 0 7"))
    found = figures_of(jobs, "weighted")
    assert found.reference <= found.naive
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 1


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("1 2 3", "jobs.txt", r"the name must end in wtN.txt, N the number of jobs of each instance, 1 to 1000"),
        ("1 2 3", "wt0.txt", r"the name must end in wtN.txt"),
        ("1 2 3", "wt1001.txt", r"the name must end in wtN.txt"),
        ("", "wt3.txt", r"holds 0 numbers; expected a multiple of 3 \* 3"),
        ("1 2 3 4", "wt3.txt", r"holds 4 numbers; expected a multiple of 3 \* 3"),
        ("1 2 3\n4 x 6 7 8 9", "wt3.txt", "line 2: 'x' is no whole number"),
        ("1 2 3\n4 5.5 6 7 8 9", "wt3.txt", "line 2: '5.5' is no whole number"),
        ("1 2 0\n4 5 6 7 8 9", "wt3.txt", "line 1: processing time 0 is not within 1 to 1000"),
        ("1 2 1001\n4 5 6 7 8 9", "wt3.txt", "line 1: processing time 1001 is not within"),
        ("1 2 3\n4 -5 6 7 8 9", "wt3.txt", "line 2: weight -5 is not within 1 to 10000"),
        ("1 2 3 4 5 6\n7 8 9999999999", "wt3.txt", "line 2: due date 9999999999 is not within 0 to"),
    ],
)
def test_what_is_no_file_of_jobs_is_refused_in_one_line(tmp_path, text, name, message):
    path = file(tmp_path, text, name)
    with pytest.raises(UsageError, match=message) as error:
        SingleMachineTardiness().load(path)
    assert str(error.value).startswith(f"single_machine_tardiness: {path}: ")
    assert "\n" not in str(error.value)


def test_missing_files_and_online_jobs_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"has no file whose name ends in wtN.txt"):
        SingleMachineTardiness().load(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        SingleMachineTardiness().load(tmp_path / "wt40.txt")
    (tmp_path / "wt2.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        SingleMachineTardiness().load(tmp_path)
    for asked in (
        lambda: ONLINE.load(tmp_path),
        lambda: ONLINE.write([], tmp_path),
        lambda: ONLINE.instances(Split.PUBLIC),
    ):
        with pytest.raises(UsageError, match=r"kind online: .*release dates"):
            asked()


def test_lines_are_as_the_or_library_has_them():
    jobs = SingleMachineTardiness(TardinessOptions(public="wt40")).instances(Split.PUBLIC)[0]
    lines = written(jobs).splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("   26    24    79    46    32    35    73    74    14    67    86 ")
    assert len(lines[0].split()) == 20
