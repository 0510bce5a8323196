"""The run folder: what a run leaves behind for a person to read, without any tool."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve.archive import Fate, ModelCall, Program, Store
from evolve.draw.svg import svg
from evolve.errors import UsageError
from evolve.observer import Observer, Progress, RunResult
from evolve.report.atomic import write_text
from evolve.report.chain import ancestors, chain
from evolve.report.changes import unified_diff
from evolve.report.config_document import whole_config
from evolve.report.costs import costs
from evolve.report.documents import to_json, to_json_line
from evolve.report.event_log import EventLog, place_of, require_own_files
from evolve.report.own_runs import index_file, remember
from evolve.report.page.charts import curve_picture
from evolve.report.run_document import program_document
from evolve.report.run_report import describe
from evolve.report.summary import CURVE, IMPROVEMENTS_SHOWN, render_summary
from evolve.safe_text import fenced

if TYPE_CHECKING:
    from evolve.config import RunConfig
    from evolve.registry import Problem

SUMMARY_EVERY_S = 15.0
"""The summary of a run under way is at most this old, when there was an improvement."""


class RunFolder(Observer):
    """Writes the run folder, all but archive.db, which is the loop's.

    Everything here is made from the archive: what a kill left out is written at the next start or end.
    """

    def __init__(self, tell: Callable[[str], None] = lambda text: None) -> None:
        """tell: shows a person, once, that a file cannot be written."""
        self.trouble = ""
        """Why a file is missing or stale, empty when none is: the run goes on, since the archive holds everything."""
        self._tell = tell
        self._log: EventLog | None = None
        self._next_summary_s = 0.0
        self._writer: threading.Thread | None = None
        self._is_closed = False
        self._written: set[int] = set()

    def made(self, folder: Path) -> None:
        """Remember, before there is a run that one could resume, that it is its user's own."""
        if not remember(folder):
            self._tell(f"{index_file()} cannot be written: `evolve resume` will ask for --trust.")

    def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
        """Write what is known before the first evaluation."""
        self._folder, self._store, self._suffix = folder, store, problem.language.suffix
        self._place = place_of(folder)
        require_own_files(folder)
        write_text(folder / "config.toml", whole_config(config, problem))
        seed = store.program(0)
        for name in (f"seed{self._suffix}", f"best{self._suffix}"):
            if not (folder / name).exists():
                write_text(folder / name, problem.seed if seed is None else seed.source)
        self._log = EventLog(folder / "log.jsonl")
        self._note("resumed" if resumed else "started", evaluator=config.problem)
        self._write_summary()

    def notice(self, text: str) -> None:
        """Log it."""
        self._note("notice", text=text)

    def seeded(self, seed: Program, baselines: tuple[Program, ...], progress: Progress) -> None:
        """Log the scores to compare with, and write the improvements that a killed session left out."""
        for program in (seed, *baselines):
            self._note("scored", program=program.id, name=program.name, status=program.status, score=program.score)
        self._write_missing_programs()
        self._write_best()

    def call_started(self, step: int, model: str, progress: Progress) -> None:
        """Log nothing: the line of `call_finished` tells the latency."""
        return

    def call_finished(self, call: ModelCall, progress: Progress) -> None:
        """Log what was asked of whom, and at what cost; prompt and answer are in the archive."""
        self._note(
            "call",
            step=call.step,
            model=call.model,
            status=call.status,
            error=call.error,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
            cost_usd=call.cost_usd,
            latency_s=round(call.latency_s, 3),
        )

    def dropped(self, step: int, fate: Fate, note: str, progress: Progress) -> None:
        """Log it."""
        self._note("dropped", step=step, fate=fate, note=note[:500])

    def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
        """Log it; an improvement gets a folder and becomes best.py, or best.txt and the like."""
        self._note(
            "evaluated",
            program=program.id,
            parent=program.parent_id,
            kind=program.kind,
            status=program.status,
            score=program.score,
            improved=improved,
        )
        if improved:
            self._write_program(program)
            self._write_ancestors(program)
            self._write(self._folder / f"best{self._suffix}", program.source)
            self._write_summary_aside()

    def finishing(self, stage: str, done: int, total: int) -> None:
        """Log it."""
        self._note("finishing", stage=stage, done=done, total=total)

    def closed(self, result: RunResult) -> None:
        """Write the final state."""
        self._write_missing_programs()
        self._write_best()
        self._note("closed", status=result.status, reason=result.reason, best=result.best_id)
        if self._writer is not None:
            self._writer.join()
        self._write_summary()
        self._is_closed = True
        self.close()

    def close(self) -> None:
        """Close the log. After a failure, when nobody called `closed`, the summary says how the run ended."""
        if self._log is None:
            return
        self._log.close()
        self._log = None
        if not self._is_closed:
            with suppress(UsageError), Store.open(self._folder) as store:
                self._write_from(store)

    def _write_missing_programs(self) -> None:
        """Write improvements that have no folder yet, and those again that were scored on further splits since."""
        stale = {figures.program_id for figures in self._store.split_figures()}
        improvements = {one.trial.id for one in self._store.improvements()}
        for id in sorted(stale | improvements):
            is_written = self._is_written(id)
            is_wanted = (id in stale and is_written) or (id in improvements and not is_written)
            program = self._store.program(id) if id > 0 and is_wanted else None
            if program is not None:
                self._write_program(program)

    def _is_written(self, id: int) -> bool:
        return (self._folder / "programs" / str(id) / "scores.json").exists()

    def _write_best(self) -> None:
        best = self._store.best()
        if best is not None:
            self._write(self._folder / f"best{self._suffix}", best.source)
            if best.id > 0:
                self._write_program(best)
                self._write_ancestors(best)

    def _write_ancestors(self, program: Program) -> None:
        """Write what a program was made from, back to the seed, where it is not there yet."""
        for ancestor in ancestors(self._store, program)[:-1]:
            if ancestor.id > 0 and ancestor.id not in self._written:
                self._write_program(ancestor)

    def _write_program(self, program: Program) -> None:
        self._written.add(program.id)
        folder = self._folder / "programs" / str(program.id)
        parent = None if program.parent_id is None else self._store.program(program.parent_id)
        name = f"program{self._suffix}"
        before, before_name = ("", f"empty{self._suffix}") if parent is None else (parent.source, name)
        facts = program_document(self._store, program)
        call = self._store.model_call(program.id)
        if call is None:
            change = f"from program {program.parent_id} ({program.kind})"
            made = f"No model was asked: the built-in mutator made this {change}.\n"
            prompt = answer = made
        else:
            # In fences: a viewer must not fetch or run what a model, or a program's own words, put there.
            prompt = f"# System\n\n{fenced(call.system)}\n\n# User\n\n{fenced(call.prompt)}\n"
            answer = f"{fenced(call.answer)}\n"
        self._write(folder / name, program.source)
        self._write(folder / "diff.patch", unified_diff(before, program.source, before_name, name))
        self._write(folder / "prompt.md", prompt)
        self._write(folder / "answer.md", answer)
        del facts["source"]
        if facts["model_call"] is not None:
            facts["model_call"] = {
                k: v for k, v in facts["model_call"].items() if k not in ("system", "prompt", "answer")
            }
        self._write(folder / "scores.json", to_json(facts) + "\n")  # last: where it is, the others are

    def _write_summary_aside(self) -> None:
        """Write the summary in a thread, with a reader of its own; the longer it takes, the more seldom."""
        is_busy = self._writer is not None and self._writer.is_alive()
        if not is_busy and time.monotonic() >= self._next_summary_s:
            self._writer = threading.Thread(target=self._write_summary, daemon=True)
            self._writer.start()

    def _write_summary(self) -> None:
        began_s = time.monotonic()
        try:
            with Store.open(self._folder) as store:
                self._write_from(store)
        except UsageError as error:
            self._trouble(str(error))
        took_s = time.monotonic() - began_s
        self._next_summary_s = time.monotonic() + max(SUMMARY_EVERY_S, 20 * took_s)

    def _write_from(self, store: Store) -> None:
        report = describe(store)
        drawn = curve_picture(store, report)
        if drawn is not None:
            self._write(self._folder / CURVE, svg(drawn))
        links = chain(store, report.best, IMPROVEMENTS_SHOWN) if report.best is not None else []
        self._write(self._folder / "summary.md", render_summary(report, costs(store, report.best_so_far), links))

    def _write(self, path: Path, text: str) -> None:
        if self._has_moved():
            return
        try:
            if any(above.is_symlink() for above in (path.parent, path.parent.parent) if above.name == "programs"):
                raise UsageError(f"{path.parent} is a link, so {path.name} is not written.")
            write_text(path, text)
        except UsageError as error:
            self._trouble(str(error))

    def _note(self, event: str, **facts: Any) -> None:
        if self._log is None or self._has_moved():
            return
        try:
            self._log.write(to_json_line({"t": round(time.time(), 3), "event": event, **facts}))
        except OSError as error:
            self._trouble(f"{self._folder / 'log.jsonl'} cannot be written: {error.strerror}.")

    def _has_moved(self) -> bool:
        """Tell, once, when the folder is not there any more: to write on would make another one in its place."""
        if place_of(self._folder) == self._place:
            return False
        self._trouble(
            f"{self._folder} was moved or deleted while the run works in it: move it back, or stop with Ctrl-C and "
            "resume it where it is now."
        )
        return True

    def _trouble(self, text: str) -> None:
        if not self.trouble:
            self._tell(f"{text} The run goes on: the archive holds everything.")
        self.trouble = text
