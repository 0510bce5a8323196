"""Failed calls: which of them a person sees, and which models are not asked any more."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from evolve.archive import CallStatus, ModelCall
from evolve.loop.running import Run
from evolve.mutate.models.answer import RUN_OUT
from evolve.mutate.models.fault import ModelGone

MOST_LINES = 5
"""Different lines that are shown of one model; the display counts the rest."""


class Outages:
    """Watches the calls of a run."""

    def __init__(self, run: Run) -> None:
        self._models, self._tell = [model.name for model in run.config.models], run.audience.notice
        self._shown: dict[str, set[str]] = {}
        self._gone: dict[str, str] = {}
        self._at: dict[int, str] = {}
        self.out: frozenset[str] = frozenset()
        """Models that choices leave out."""

    async def asked(
        self, calls: Sequence[ModelCall], ask: Callable[[Sequence[ModelCall]], Awaitable[list[ModelCall]]]
    ) -> list[ModelCall]:
        """Return what `ask` makes of calls to one model: failed ones when it cannot be asked any more, but others can.

        Raises ModelGone when there are no others.
        """
        try:
            ended = await ask(calls)
        except ModelGone as gone:
            for call in calls:
                if not self._has_others(call, str(gone)):
                    raise
            ended = [replace(call, status=CallStatus.FAILED, error=str(gone)) for call in calls]
        for call in ended:
            self._ended(call)
        return ended

    def _ended(self, call: ModelCall) -> None:
        """Show the error of a model's first failed call, and of the first ones with another error."""
        if not call.error or call.model in self._gone or RUN_OUT in call.error:
            return
        shown = self._shown.setdefault(call.model, set())
        words = re.sub(r"[0-9a-f]{6,}|\d+", "#", call.error.replace("attempts", "attempt"))
        if words in shown or len(shown) >= MOST_LINES:
            return
        shown.add(words)
        name = "" if call.error.startswith(f"model {call.model}") else f"model {call.model}: "
        self._tell(f"{name}{call.error} (step {call.step}; the same again is counted, not shown)")

    def _has_others(self, call: ModelCall, why: str) -> bool:
        """Take note that the model of a call cannot be asked any more; return whether there are others."""
        others = [name for name in self._models if name != call.model and name not in self._gone]
        if others and call.model not in self._gone:
            self._gone[call.model] = why
            self._tell(f"{why.rstrip('.')}. The run goes on with {', '.join(others)}.")
        self._at[call.step] = call.model
        return bool(others)

    def known(self, step: int) -> None:
        """Leave a model out of later choices: they know of a step that found it gone."""
        if step in self._at:
            self.out |= {self._at.pop(step)}
