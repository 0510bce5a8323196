"""Files that a person names: pipes, devices, deep and repeated JSON end in one line, soon and in little memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from command_line import TRIVIAL, evolve
from host_speed import seconds_here


def odd_files(folder: Path) -> dict[str, Path]:
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "folder" / "inner.json")
    (folder / "gone").symlink_to("nowhere")
    (folder / "deep").write_text("[" * 100_000 + "]" * 100_000)
    (folder / "equal").write_text("{" + ", ".join(['"txn0": "w-1"'] * 60_000) + "}")
    return {name: folder / name for name in ("pipe", "zero", "folder", "gone", "deep", "equal")}


@pytest.mark.parametrize("problem", ["txn_scheduling", "prism", "spot_single", "cloudcast", "llm_routing", "eplb"])
def test_data_that_is_no_data_is_one_line(tmp_path: Path, problem: str) -> None:
    from evolve.registry import load_problem

    (tmp_path / "p.py").write_text(load_problem(problem).seed)
    for name, path in odd_files(tmp_path).items():
        began = time.process_time()
        said = evolve("score", problem, tmp_path / "p.py", "--data", path, "--workers", 1)
        assert said.code == 2 and len(said.err.splitlines()) == 1, (name, said.err)
        assert "Traceback" not in said.err and time.process_time() - began < seconds_here(5), name


def test_a_recording_that_is_none_is_one_line(tmp_path: Path) -> None:
    for name, path in odd_files(tmp_path).items():
        said = evolve("run", TRIVIAL, "--replay", path, "--run", tmp_path / f"run-{name}", "--workers", 1)
        assert said.code == 2 and len(said.err.splitlines()) <= 2 and "Traceback" not in said.err, (name, said.err)
