"""What a program prints in a process with another hash order; what depends on the order of a set differs."""

from __future__ import annotations

import os
import subprocess
import sys


def printed(program: str) -> str:
    """Return what a program prints, `Split` being imported."""
    # Two seeds, neither of them that of this process: one of them alone may happen to give the same order.
    outputs = [_printed(program, seed) for seed in ("1", "2")]
    assert outputs[0].splitlines()[:-1] == outputs[1].splitlines()[:-1], "two processes do not agree"
    assert outputs[0].splitlines()[-1] != outputs[1].splitlines()[-1], "the two processes do differ in hash order"
    return "\n".join(outputs[0].splitlines()[:-1])


def _printed(program: str, seed: str) -> str:
    lines = f"from evolve.evaluator import Split\n{program}\nprint(hash('spot'))"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, text=True, check=True)
    return run.stdout
