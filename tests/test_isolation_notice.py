"""On a host that lacks a layer a run says so in one line, and refuses with --require-isolation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import TRIVIAL

HERE = Path(__file__).resolve().parent
WITHOUT_LANDLOCK = "import sys, hosts; hosts.refuse(['landlock']); from evolve.cli import main; main(sys.argv[1:])"


def evolve_without_landlock(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_LANDLOCK, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE / "sandbox"), str(HERE.parent)])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


COMMANDS = [["run", TRIVIAL, "--evaluations", 1], ["score", TRIVIAL, TRIVIAL / "seed.py"]]


@pytest.mark.skipif(sys.platform != "linux", reason="the layer is refused with a filter of Linux")
@pytest.mark.parametrize("command", COMMANDS, ids=["run", "score"])
def test_what_is_missing_is_named_in_one_line(tmp_path: Path, command: list[object]) -> None:
    done = evolve_without_landlock(tmp_path, *command, "--workers", 1)
    assert done.returncode == 0, done.stderr
    lines = [line for line in (done.stderr + done.stdout).splitlines() if "isolation is incomplete" in line]
    assert len(lines) == 1
    assert "landlock" in lines[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the layer is refused with a filter of Linux")
@pytest.mark.parametrize("command", COMMANDS, ids=["run", "score"])
def test_require_isolation_refuses_and_says_what_to_do(tmp_path: Path, command: list[object]) -> None:
    done = evolve_without_landlock(tmp_path, *command, "--workers", 1, "--require-isolation")
    assert done.returncode == 2
    assert "landlock" in done.stderr
    assert "`evolve doctor` says what to do" in done.stderr
    assert "Traceback" not in done.stderr
