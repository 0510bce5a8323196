"""Watching a run: a display that redraws itself in a terminal, or else plain lines at intervals."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evolve.archive import Fate, ModelCall, Program, Store
from evolve.observer import Observer, Progress, RunResult
from evolve.report.figures import duration_text, usd_text
from evolve.report.run_report import best_so_far
from evolve.report.sparkline import sparkline

if TYPE_CHECKING:
    from evolve.config import RunConfig
    from evolve.registry import Problem

LINE_EVERY_S = 5.0
REDRAWS_PER_S = 5.0
CURVE_WIDTH = 40


class Display(Observer):
    """What both kinds of display know of a run."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.folder = Path()
        self.stage = ""
        self.progress: Progress | None = None
        self._curve: list[float] = []
        self._asks_models = False
        self._prices_known = False

    def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
        """Remember what the run is."""
        self.folder = folder
        self._asks_models = config.asks_models
        self._prices_known = config.prices_known
        self._curve = list(best_so_far([score for _, score in store.curve()]))

    def notice(self, text: str) -> None:
        """Print it."""
        self.console.print(Text(text, style="yellow"), soft_wrap=True)

    def seeded(self, seed: Program, baselines: tuple[Program, ...], progress: Progress) -> None:
        """The curve begins at the seed's score."""
        if not self._curve and seed.score is not None:
            self._curve.append(seed.score)
        self._at(progress)

    def call_started(self, step: int, model: str, progress: Progress) -> None:
        """Count it."""
        self._at(progress)

    def call_finished(self, call: ModelCall, progress: Progress) -> None:
        """Count it."""
        self._at(progress)

    def dropped(self, step: int, fate: Fate, note: str, progress: Progress) -> None:
        """Count it."""
        self._at(progress)

    def evaluated(self, program: Program, improved: bool, progress: Progress) -> None:
        """Extend the curve."""
        self._curve.append(self._curve[-1] if program.score is None else max(self._curve[-1], program.score))
        self._at(progress)

    def finishing(self, stage: str, done: int, total: int) -> None:
        """Show which split is being scored."""
        self.stage = f"scoring on {stage}: {done} of {total} programs"

    def _at(self, progress: Progress) -> None:
        self.progress = progress

    def curve(self, width: int) -> str:
        """Return the best score over the evaluations as a sparkline."""
        return sparkline(self._curve, width, "utf" in self.console.encoding.lower())

    def spend(self, progress: Progress) -> str:
        """Return what was spent, in words."""
        if not self._asks_models:
            return "nothing (no model is asked)"
        money = usd_text(progress.cost_usd) if self._prices_known else "price unknown"
        return f"{money}, {progress.model_calls} calls, {progress.tokens} tokens"


def rate(progress: Progress) -> float:
    """Return evaluations per second of this session."""
    return progress.session_evaluations / progress.session_s if progress.session_s > 0 else 0.0


class LinesDisplay(Display):
    """A line now and then, for logs and pipes."""

    _next_s = 0.0
    _told = -1

    def started(self, folder: Path, config: RunConfig, problem: Problem, store: Store, resumed: bool) -> None:
        """Say where the run lies."""
        super().started(folder, config, problem, store, resumed)
        self._print(f"{'resuming' if resumed else 'run folder'} {folder}")

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

    def _at(self, progress: Progress) -> None:
        super()._at(progress)
        now = time.monotonic()
        if now >= self._next_s:
            self._next_s = now + LINE_EVERY_S
            self._line()

    def _line(self) -> None:
        progress = self.progress
        if progress is None or progress.evaluations == self._told:
            return
        self._told = progress.evaluations
        target = "" if progress.target is None else f"/{progress.target}"
        best = "none" if progress.best_score is None else f"{progress.best_score:.2f} (program {progress.best_id})"
        self._print(
            f"{progress.evaluations}{target} evaluations, best {best}, {rate(progress):.1f}/s, "
            f"{progress.calls_in_flight} calls and {progress.evaluations_in_flight} evaluations in flight, "
            f"spent {self.spend(progress)}"
        )

    def _print(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, highlight=False, markup=False)


class LiveDisplay(Display):
    """A few lines that redraw themselves. A context manager: the terminal is given back whatever happens."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, refresh_per_second=REDRAWS_PER_S, get_renderable=self._render)

    def __enter__(self) -> LiveDisplay:
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
            return Text("starting workers ..." if not self.folder.name else "scoring the seed and the baselines ...")
        width = min(CURVE_WIDTH, max(8, self.console.width - len("best on train") - 2))
        table = Table.grid(padding=(0, 2), expand=False)
        table.add_column(style="dim", no_wrap=True, min_width=len("best on train"))
        table.add_column(no_wrap=True, overflow="ellipsis")
        target = "" if progress.target is None else f" / {progress.target}"
        pace = f"{progress.evaluations}{target}  {rate(progress):.1f}/s  {duration_text(progress.active_s)}"
        table.add_row("evaluations", pace)
        if progress.target:
            table.add_row("", ProgressBar(progress.target, progress.evaluations, width=width))
        best = "none yet" if progress.best_score is None else f"{progress.best_score:.2f}  program {progress.best_id}"
        table.add_row("best on train", Text(best, style="bold"))
        table.add_row("its curve", Text(self.curve(width), style="green"))
        table.add_row("in flight", f"{progress.calls_in_flight} calls, {progress.evaluations_in_flight} evaluations")
        table.add_row("spent", self.spend(progress))
        return Group(Text(str(self.folder), style="bold"), table, Text(self.stage, style="dim"))
