"""Watching a run: a display that redraws itself in a terminal, or else plain lines at intervals."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evolve.archive import CallStatus, Fate, ModelCall, Program, Store
from evolve.observer import Observer, Progress, RunResult
from evolve.report.figures import duration_text, pace_text, usd_text
from evolve.report.pace import Pace
from evolve.report.run_report import curve_of
from evolve.report.sparkline import sparkline
from evolve.safe_text import one_line
from evolve.words import counted

if TYPE_CHECKING:
    from evolve.config import RunConfig
    from evolve.registry import Problem

LINE_EVERY_S = 5.0
ALIVE_EVERY_S = 30.0
"""A line at least so often, also when nothing has changed: silence looks like a hang."""
REDRAWS_PER_S = 5.0
CURVE_WIDTH = 40


class Display(Observer):
    """What both kinds of display know of a run."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.folder = Path()
        self.stage = "starting workers ..."
        self.progress: Progress | None = None
        self.pace: Pace | None = None
        self._curve: list[float] = []
        self._lost = {"failed": 0, "dropped": 0, "calls": 0}
        self._baseline: Program | None = None
        self._asks_models = False
        self._prices_known = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
        """Remember what the run is, and what earlier sessions of it lost."""
        self.folder = folder
        self._asks_models = config.asks_models
        self._prices_known = config.prices_known
        self._curve = list(curve_of(store.improvements(), store.summary().evaluations))
        self.pace = Pace(config.budget)
        self.stage = "scoring the seed and the baselines ..."
        if resumed:
            summary = store.summary()
            self._lost["failed"] = sum(n for status, n in summary.statuses.items() if status.is_failure)
            self._lost["calls"] = summary.calls.failed
            self._lost["dropped"] = sum(n for fate, n in summary.fates.items() if fate not in (*KEPT, Fate.CALL_ERROR))

    def notice(self, text: str) -> None:
        """Print it."""
        self.console.print(one_line(text), style="yellow", soft_wrap=True)

    def seeded(self, seed: Program, baselines: tuple[Program, ...], progress: Progress) -> None:
        """The curve begins at the seed's score."""
        if not self._curve and seed.score is not None:
            self._curve.append(seed.score)
        scored = [program for program in baselines if program.score is not None]
        self._baseline = max(scored, key=lambda program: program.score or 0.0, default=None)
        self.stage = ""
        self._at(progress)

    def call_started(self, step: int, model: str, progress: Progress) -> None:
        """Count it."""
        self._at(progress)

    def call_finished(self, call: ModelCall, progress: Progress) -> None:
        """Count it."""
        self._lost["calls"] += call.status is CallStatus.FAILED
        self._at(progress)

    def dropped(self, step: int, fate: Fate, note: str, progress: Progress) -> None:
        """Count it; a failed call is counted already."""
        self._lost["dropped"] += fate not in (*KEPT, Fate.CALL_ERROR)
        self._at(progress)

    def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
        """Extend the curve."""
        last = self._curve[-1:]
        self._curve += [max([*last, program.score])] if program.score is not None else last
        self._lost["failed"] += program.status is not None and program.status.is_failure
        self._at(progress)

    def finishing(self, stage: str, done: int, total: int) -> None:
        """Show which split is being scored."""
        self.stage = f"scoring on {stage}: {done} of {counted(total, 'evaluation')}"

    def _at(self, progress: Progress) -> None:
        self.progress = progress
        if self.pace is not None:
            self.pace.at(progress)

    def curve(self, width: int) -> str:
        """Return the best score over the evaluations as a sparkline."""
        return sparkline(self._curve, width, "utf" in self.console.encoding.lower())

    def spend(self, progress: Progress) -> str:
        """Return what was spent, in words."""
        if not self._asks_models:
            return "nothing (no model is asked)"
        money = usd_text(progress.cost_usd) if self._prices_known else "price unknown"
        return f"{money}, {counted(progress.model_calls, 'call')}, {counted(progress.tokens, 'token')}"

    def lost(self) -> str:
        """Return what failed, in words; empty where nothing did."""
        gave = "answer" if self._asks_models else "change"
        parts = [
            (self._lost["failed"], "program failed", "programs failed"),
            (self._lost["dropped"], f"{gave} gave no new program", f"{gave}s gave no new program"),
            (self._lost["calls"], "call failed", "calls failed"),
        ]
        return ", ".join(counted(*part) for part in parts if part[0])

    def baseline(self) -> str:
        """Return the best baseline on train, in words; empty where there is none."""
        program = self._baseline
        return "" if program is None or program.score is None else f"{program.score:.2f}  {one_line(program.name)}"


def in_flight(progress: Progress) -> tuple[str, str]:
    """Return how many calls and evaluations are under way, in words."""
    return counted(progress.calls_in_flight, "call"), counted(progress.evaluations_in_flight, "evaluation")


KEPT = (None, Fate.SCORED, Fate.INSIGHT)


def display_on(console: Console) -> Display:
    """Return the display for a terminal: one that redraws itself where the terminal can do that."""
    return LiveDisplay(console) if console.is_terminal and not console.is_dumb_terminal else LinesDisplay(console)


class LinesDisplay(Display):
    """A line now and then, for logs, pipes and terminals that cannot move their cursor."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._next_s = 0.0
        self._told = ""
        self._over = threading.Event()

    def __enter__(self) -> Self:
        """Begin to print a line now and then, also while nothing happens."""
        threading.Thread(target=self._tell_alive, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
        """Say where the run lies."""
        self._print(f"{'resuming' if resumed else 'run folder'} {folder}")
        super().started(folder, config, problem, store, resumed)

    def finishing(self, stage: str, done: int, total: int) -> None:
        """Say that the end begins, once per split."""
        if done == 0:
            self._line()
        super().finishing(stage, done, total)
        if done == total:
            self._print(self.stage)

    def closed(self, result: RunResult) -> None:
        """Say where it ended, and why."""
        self.progress = result.progress
        self._line()
        self._print(result.reason)
        self._over.set()

    def _at(self, progress: Progress) -> None:
        super()._at(progress)
        if time.monotonic() >= self._next_s:
            self._line()

    def _tell_alive(self) -> None:
        while not self._over.wait(1.0):
            late_s = time.monotonic() - self._next_s
            with suppress(Exception):  # a line about the run must not end it
                if late_s >= ALIVE_EVERY_S - LINE_EVERY_S:
                    self._told = ""
                if late_s >= 0 and self._told != self._counts():
                    self._line()

    def _line(self) -> None:
        progress = self.progress
        self._next_s = time.monotonic() + LINE_EVERY_S
        if progress is None:
            self._told = self._counts()
            self._print(self.stage)
            return
        best = "none" if progress.best_score is None else f"{progress.best_score:.2f} (program {progress.best_id})"
        done = "" if self.pace is None else self.pace.done(progress)
        left = "" if self.pace is None else self.pace.left(progress)
        line = ", ".join(
            part
            for part in (
                f"{done}, best {best}",
                self._baseline is not None and f"best baseline {(self._baseline.score or 0.0):.2f}",
                pace_text(progress.session_evaluations, progress.session_s),
                left,
                f"{' and '.join(in_flight(progress))} in flight",
                self.lost(),
                f"spent {self.spend(progress)}",
                self.stage,
            )
            if part
        )
        if self._counts() != self._told:
            self._told = self._counts()
            self._print(line)

    def _counts(self) -> str:
        """Return what a new line would tell that the last one did not."""
        p = self.progress
        if p is None:
            return self.stage
        return f"{p.evaluations} {p.model_calls} {p.calls_in_flight} {self.stage} {self.lost()}"

    def _print(self, line: str) -> None:
        self.console.print(one_line(line), soft_wrap=True)


class LiveDisplay(Display):
    """A few lines that redraw themselves. A context manager: the terminal is restored whatever happens."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, refresh_per_second=REDRAWS_PER_S, get_renderable=self._render)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def closed(self, result: RunResult) -> None:
        """Leave the final state on the screen."""
        self.stage = result.reason
        self._at(result.progress)

    def _render(self) -> RenderableType:
        progress = self.progress
        if progress is None:
            return Text(self.stage)
        width = min(CURVE_WIDTH, max(8, self.console.width - len("best baseline") - 2))
        table = Table.grid(padding=(0, 2), expand=False)
        table.add_column(style="dim", no_wrap=True, min_width=len("best baseline"))
        table.add_column(overflow="fold")
        pace = [pace_text(progress.session_evaluations, progress.session_s), duration_text(progress.active_s)]
        if self.pace is not None:
            table.add_row("done", self.pace.done(progress))
            table.add_row("", ProgressBar(1.0, self.pace.share(progress), width=width))
            pace.append(self.pace.left(progress))
        table.add_row("pace", "  ".join(part for part in pace if part))
        best = "none yet" if progress.best_score is None else f"{progress.best_score:.2f}  program {progress.best_id}"
        table.add_row("best on train", Text(best, style="bold"))
        if self._baseline is not None:
            table.add_row("best baseline", self.baseline())
        table.add_row("its curve" if self._baseline is None else "best's curve", Text(self.curve(width), style="green"))
        table.add_row("in flight", ", ".join(in_flight(progress)))
        if self.lost():
            table.add_row("lost", self.lost())
        table.add_row("spent", self.spend(progress))
        return Group(Text(one_line(str(self.folder)), style="bold"), table, Text(one_line(self.stage), style="dim"))
