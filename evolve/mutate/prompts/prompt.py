"""What a model is asked: the problem, the program to change with its figures, and how to answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.mutate.mutation import Kind, Request
from evolve.mutate.prompts.content import Shown, comparison, quoted_bytes, shorter, task
from evolve.mutate.prompts.templates import render

BUDGET_TOKENS = 24_000
BYTES_PER_TOKEN = 4
"""An estimate, and a low one for English and Python: prompts come out shorter than their budget, not longer."""


@dataclass(frozen=True)
class Prompt:
    """One question to a model. kind: what is asked for."""

    system: str
    user: str
    kind: Kind

    def digest(self, model: str) -> str:
        """Return the hash of the request: sha256 over the model's name and both messages."""
        return hashlib.sha256(json.dumps([model, self.system, self.user]).encode()).hexdigest()


def build_prompt(request: Request, budget_tokens: int = BUDGET_TOKENS, folders: Sequence[Path] = ()) -> Prompt:
    """Return the prompt for one step; the same request gives the same text.

    request: for CROSSOVER its first inspiration is the second parent. For REPAIR its subjects may hold the pair (last
        sound ancestor, parent); for INSIGHT they are the pairs to learn from, the most telling first.
    budget_tokens: the length to stay under, at four bytes a token. For it the least useful parts are left out, one
        after another (`content` has the order); the statement and the parent's code never, nor is code cut, so
        that a program longer than the budget gives a prompt longer than the budget.
    folders: templates that stand in place of the built-in ones, the first folder before the second.
    Raises UsageError when such a template fails; `check_templates` finds that before a run.
    """
    steps = shorter(request)
    # Programs are quoted whole, so that most of what is too long is recognised without rendering it.
    low = next(
        (n for n, step in enumerate(steps) if quoted_bytes(request, step) <= BYTES_PER_TOKEN * budget_tokens), -1
    )
    low = low if low >= 0 else len(steps) - 1
    prompt = _render(request, steps[low], folders)
    if low == len(steps) - 1 or _fits(prompt, budget_tokens):
        return prompt
    # The first step that fits, by halves: each step leaves out a piece more than the one before it.
    low, high = low + 1, len(steps) - 1
    shortest = _render(request, steps[-1], folders)
    while low < high:
        middle = (low + high) // 2
        prompt = _render(request, steps[middle], folders)
        if _fits(prompt, budget_tokens):
            shortest, high = prompt, middle
        else:
            low = middle + 1
    return shortest


def _fits(prompt: Prompt, budget_tokens: int) -> bool:
    return len(prompt.system.encode()) + len(prompt.user.encode()) <= BYTES_PER_TOKEN * budget_tokens


def _render(request: Request, shown: Shown, folders: Sequence[Path]) -> Prompt:
    asked, content = (
        ("comparison.j2", comparison(request, shown))
        if request.kind is Kind.INSIGHT
        else ("task.j2", task(request, shown))
    )
    system = render(folders, f"{request.kind}.j2", content)
    return Prompt(_encodable(system), _encodable(render(folders, asked, content)), request.kind)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").strip() + "\n"
