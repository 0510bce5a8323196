"""The `evolve` command in tests: in this process, which is quick, or in one of its own, which is real."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve.cli import main

ROOT = Path(__file__).resolve().parent.parent
TRIVIAL = ROOT / "tests" / "plugins" / "trivial"


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout, by the letter: NaN is none."""
        return json.loads(self.out, parse_constant=_refuse)


def evolve(*arguments: object) -> Said:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            return Said(end.code if isinstance(end.code, int) else 0, out.getvalue(), err.getvalue())
    raise AssertionError("main always exits")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "evolve", *map(str, arguments)]


def evolve_process(*arguments: object, cwd: Path, env: dict[str, str] | None = None) -> Said:
    """Run a command in a process of its own."""
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command(*arguments), cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
