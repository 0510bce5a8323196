"""One run with all that watches it: the display, the run folder's files, the recording."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve import loop
from evolve.observer import Observer, RunResult
from evolve.report.recording import Recorder, require_writable
from evolve.report.run_folder import RunFolder

if TYPE_CHECKING:
    from evolve.config import RunConfig
    from evolve.registry import Problem
    from evolve.report.progress import Display


async def run(
    folder: Path, config: RunConfig, problem: Problem, display: Display | None, resume: bool = False, **how: Any
) -> tuple[RunResult, tuple[str, ...]]:
    """Run or continue a run. display: shows its progress; None: nobody watches.  how: as of `loop.run`.

    Returns the result, and a line on each file that could not be written. Who joins a run writes none: the folder is
    that of another driver, or only stands for the run.
    """
    if how.get("join"):
        with display or nullcontext():
            return await loop.run(folder, config, problem, (display,) if display else (), **how), ()
    if config.record is not None:
        require_writable(config.record, is_resume=resume)
    files, recorder = RunFolder(display.notice if display else lambda line: None), Recorder()
    observers: tuple[Observer, ...] = (files, recorder, display) if display else (files, recorder)
    try:
        with display or nullcontext():
            result = await loop.run(folder, config, problem, observers, resume=resume, **how)
    finally:
        files.close()
    troubles = {"the run folder is incomplete": files.trouble, "nothing is recorded": recorder.trouble}
    return result, tuple(f"{what}: {why}" for what, why in troubles.items() if why)
