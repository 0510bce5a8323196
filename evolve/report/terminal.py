"""The terminal as all commands write to it: no text of others acts in it, and a reader who left ends nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from evolve.safe_text import visible
from evolve.streams import silence

LEAST_WIDTH = 20


class Terminal(Console):
    """A console that takes no markup, emoji or escapes from text, and that survives a closed stdout.

    goes_on: it survives a full disk, too, as a run must; of any other command the person must hear.
    Whatever is printed is foreign in part, so that square brackets are never a style: styles are given as `Text`.
    """

    def __init__(self, goes_on: bool = False, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        self._goes_on = goes_on
        # COLUMNS=0 is what some shells hand on when they know no width.
        if self.width < LEAST_WIDTH and not options.get("width"):
            self.width = 80

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, with every unseen character of the text as its escape."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text, style, control) if control else Segment(visible(text), style)

    def on_broken_pipe(self) -> None:
        """Print nothing more: whoever read this has closed it; the work goes on."""
        self.quiet = True
        silence(self.file)

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except (OSError, ValueError):  # a full disk under a redirected stdout; a file that was closed
            self._buffer.clear()
            self.quiet = True
            if not self._goes_on:
                raise
