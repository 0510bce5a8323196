"""A file that is named like a module of Python, where a person works, is none of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import TRIVIAL

COMMAND = Path(sys.executable).with_name("evolve")
NAMES = ("random", "logging", "json", "struct", "socket", "numpy", "sandbox", "evolve")


def shadows(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / f"{name}.py").write_text("raise RuntimeError('the file of the person, not the module')\n")


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "run", str(TRIVIAL), "--evaluations", "2", "--workers", "1", "--run", str(folder / "out")]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


@pytest.mark.skipif(not COMMAND.exists(), reason="the command is not installed beside this interpreter")
def test_modules_in_the_working_folder_are_not_seen_by_driver_workers_and_candidates(tmp_path: Path) -> None:
    shadows(tmp_path, (*NAMES, "types"))
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.skipif(not COMMAND.exists(), reason="the command is not installed beside this interpreter")
def test_modules_of_pythonpath_do_not_stand_in_for_pythons_own(tmp_path: Path) -> None:
    shadows(tmp_path, ("random", "logging", "json", "struct"))  # types.py there stops Python itself, before any of ours
    done = run(tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.skipif(not COMMAND.exists(), reason="the command is not installed beside this interpreter")
def test_sixteen_workers_with_few_descriptors_work_or_say_so_in_one_line(tmp_path: Path) -> None:
    command = f"ulimit -n 64; exec {COMMAND} run {TRIVIAL} --evaluations 2 --workers 16 --run {tmp_path / 'out'}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2), done.stderr[-2000:]
