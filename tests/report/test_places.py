"""How a person names a run, and what is said when there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evolve.archive import Store
from evolve.config import RunConfig, to_toml
from evolve.errors import UsageError
from evolve.report.places import find_run, folders, new_folder
from evolve.report.run_list import listed


def made(folder: Path) -> Path:
    Store.create(folder, "trivial", to_toml(RunConfig()), 0).close()
    return folder


def test_a_new_folder_tells_evaluator_and_date_and_no_two_are_the_same(tmp_path: Path) -> None:
    names = {new_folder("my/odd name", tmp_path / "runs").name for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("my_odd_name-20") and len(name.rpartition("-")[2]) == 6 for name in names)


def test_last_is_the_run_that_was_started_last_and_not_the_last_by_name(tmp_path: Path) -> None:
    made(tmp_path / "z")
    made(tmp_path / "a")
    assert find_run("last", tmp_path) == tmp_path / "a"
    assert [one.folder.name for one in listed(folders(tmp_path))] == ["a", "z"]


def test_an_unreadable_run_is_listed_with_its_reason_and_hides_no_other(tmp_path: Path) -> None:
    made(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "archive.db").write_text("no database " * 100)
    found = {one.folder.name: one.error for one in listed(folders(tmp_path))}
    assert "is not the archive of a run" in found["bad"] and found["good"] == ""
    assert find_run("last", tmp_path) == tmp_path / "good"


def test_a_wrong_name_gets_the_nearest(tmp_path: Path) -> None:
    made(tmp_path / "trivial-2025-01-01-abcdef")
    with pytest.raises(UsageError, match="Did you mean 'trivial-2025-01-01-abcdef'"):
        find_run("trivial-2025-01-01-abcdee", tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_runs_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir(mode=0o555)
    with pytest.raises(UsageError, match="cannot be written"):
        new_folder("x", tmp_path / "runs")
