"""A few kills of a run at random instants; `python -m tests.benchmarks.kills` makes 100."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_loses_nothing_and_pays_nothing_unbooked() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.kills", "--kills", "5", "--seed", "1"]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("holds") == 13 and "FAILS" not in done.stdout
