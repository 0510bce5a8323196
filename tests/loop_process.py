"""Starts or resumes a run of the trivial problem: `python tests/loop_process.py RUN [--resume] [key=value]...`

A process of its own for the tests that kill, interrupt or repeat a run. Prints a line for each fact it is told.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from evolve import loop
from evolve.archive import Fate, ModelCall, Program
from evolve.config import resolve
from evolve.observer import Observer, Progress
from evolve.registry import load_problem

TRIVIAL = Path(__file__).parent / "plugins" / "trivial"


class Lines(Observer):
    def call_finished(self, call: ModelCall, progress: Progress) -> None:
        print("answered", call.step, call.digest, flush=True)

    def dropped(self, step: int, fate: Fate, note: str, progress: Progress) -> None:
        print("dropped", step, fate, flush=True)

    def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
        print("evaluated", program.id, program.score, flush=True)

    def notice(self, text: str) -> None:
        print("notice", text, flush=True)


def main() -> int:
    folder, *rest = sys.argv[1:]
    resume = "--resume" in rest
    config = resolve(None, [text for text in rest if text != "--resume"], {})
    result = asyncio.run(loop.run(Path(folder), config, load_problem(str(TRIVIAL)), [Lines()], resume=resume))
    print("closed", result.status, result.reason, flush=True)
    return 130 if result.interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
