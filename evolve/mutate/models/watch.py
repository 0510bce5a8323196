"""What a person should know of a server while a run goes on: each thing once, in one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from evolve.config import ModelConfig
from evolve.mutate.models.completion import Usage
from evolve.mutate.models.fault import LASTING_FAULT_S, Fault

if TYPE_CHECKING:
    from evolve.mutate.prompts.prompt import Prompt

IN_A_ROW = 6
"""So many answers in a row, each begun after the one before it had ended though others waited, are no accident."""
LEAST_S = 3.0
"""So long these answers must have taken together: quick ones that follow one another are no queue."""
LEAST_SHARE = 0.25
"""So much of the time between two ends must be that of the answer itself, from its first piece to its last."""
WAITING = 3
LONG_PROMPT_CHARS = 2000
MOST_CHARS_PER_TOKEN = 8
"""No tokeniser packs a program so tightly: where a prompt has fewer tokens, the server has cut it."""


class Watch:
    """Watches the calls of one model. tell: called with each line."""

    def __init__(self, model: ModelConfig, base_url: str, tell: Callable[[str], None]) -> None:
        self._model, self._base_url, self._hear = model, base_url, tell
        self._told: set[str] = set()
        self._one_by_one: deque[tuple[bool, float]] = deque(maxlen=IN_A_ROW)
        self._last_ended_s = float("-inf")

    def waits(self, fault: Fault) -> None:
        """Tell that the server wants to be left alone for long."""
        self._tell("waits", f"asks to be left alone for {fault.retry_after_s:.0f} s ({fault.reason})")

    def fails(self, fault: Fault) -> None:
        """Tell that the server fails every request."""
        self._tell(
            "fails",
            f"fails every request ({fault.reason}); it is asked again now and then, by each call for "
            f"{self._model.timeout_s:g} s at most (model.timeout_s)"
            + (f", and given up after {LASTING_FAULT_S:.0f} s of the same words" if fault.may_last else ""),
        )

    def silent(self, for_s: float, timeout_s: float, words: str) -> None:
        """Tell that a call has no answer yet. words: what was the matter last, empty when the server said nothing."""
        self._tell(
            f"silent {words}",
            f"has not begun to answer a call in {for_s:.0f} s ({words or 'it took the request and says nothing'}); "
            f"a call waits {timeout_s:g} s in all (model.timeout_s)",
        )

    def compare(self, prompt: Prompt, usage: Usage | None) -> None:
        """Tell when the server has read far fewer tokens than a prompt has."""
        chars = len(prompt.system) + len(prompt.user)
        if usage is not None and chars > LONG_PROMPT_CHARS and usage.given * MOST_CHARS_PER_TOKEN < chars:
            self._tell(
                "cut",
                f"has cut the prompt: it counts {usage.given} tokens of {chars} characters. Give it a longer context "
                "(Ollama: OLLAMA_CONTEXT_LENGTH; llama.cpp: --ctx-size), or lower prompt.budget_tokens",
            )

    def answered(self, began_s: float, ended_s: float, waiting: int) -> None:
        """Take note of a streamed answer.

        began_s, ended_s: when its first and its last piece came, on one clock.  waiting: calls that still are open.
        """
        took_s = ended_s - self._last_ended_s
        # Of a stream that came in one piece nobody knows when it was made.
        queued = began_s >= self._last_ended_s and ended_s - began_s >= LEAST_SHARE * took_s
        self._one_by_one.append((queued and waiting >= WAITING, took_s))
        self._last_ended_s = ended_s
        if len(self._one_by_one) < IN_A_ROW or not all(queued for queued, _ in self._one_by_one):
            return
        if sum(took_s for _, took_s in self._one_by_one) >= LEAST_S:
            self._tell(
                "one by one",
                f"answers one call at a time while {waiting} wait: --set model.concurrency=1 keeps choices fresh "
                "(or let it serve several: Ollama OLLAMA_NUM_PARALLEL, llama.cpp --parallel)",
            )

    def _tell(self, what: str, line: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._hear(f"model {self._model.name}: the server at {self._base_url} {line}.")
