"""What a model is asked: the problem, the program to change with its figures, and how to answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.mutate.mutation import Kind, Request
from evolve.mutate.prompts.content import Shown, comparison, quoted_bytes, shorter, task
from evolve.mutate.prompts.scale import Scale, scale_of
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


def build_prompt(
    request: Request, budget_tokens: int = BUDGET_TOKENS, folders: Sequence[Path] = (), scale: Scale | None = None
) -> Prompt:
    """Return the prompt for one step; the same request gives the same text.

    It begins with what stays the same over a run, byte for byte, and goes on with what is only added to: servers keep
    the beginning of a prompt that they have seen, and bill it less. What is asked for comes last.

    request: for CROSSOVER its first inspiration is the second parent. For REPAIR its subjects may hold the pair (last
        sound ancestor, parent); for INSIGHT they are the pairs to learn from, the most telling first.
    budget_tokens: the length to stay under, at four bytes a token. For it the least useful parts are left out, one
        after another (`content` has the order); the statement and the parent's code never, nor is code cut, so
        that a program longer than the budget gives a prompt longer than the budget.
    folders: templates that stand in place of the built-in ones, the first folder before the second.
    scale: of the baselines; None: it is worked out here.
    Raises UsageError when such a template fails; `check_templates` finds that before a run.
    """
    scale = scale_of([example for _, example in request.baselines]) if scale is None else scale
    steps = shorter(request)
    # Programs are quoted whole, so that most of what is too long is recognised without rendering it.
    low = next(
        (n for n, step in enumerate(steps) if quoted_bytes(request, step) <= BYTES_PER_TOKEN * budget_tokens), -1
    )
    low = low if low >= 0 else len(steps) - 1
    prompt = _render(request, steps[low], folders, scale)
    if low == len(steps) - 1 or _fits(prompt, budget_tokens):
        return prompt
    # The first step that fits, by halves: each step leaves out a piece more than the one before it.
    low, high = low + 1, len(steps) - 1
    shortest = _render(request, steps[-1], folders, scale)
    while low < high:
        middle = (low + high) // 2
        prompt = _render(request, steps[middle], folders, scale)
        if _fits(prompt, budget_tokens):
            shortest, high = prompt, middle
        else:
            low = middle + 1
    return shortest


def _fits(prompt: Prompt, budget_tokens: int) -> bool:
    return len(prompt.system.encode()) + len(prompt.user.encode()) <= BYTES_PER_TOKEN * budget_tokens


def _render(request: Request, shown: Shown, folders: Sequence[Path], scale: Scale) -> Prompt:
    if request.kind is Kind.INSIGHT:
        system, user, content = "insight.j2", "comparison.j2", comparison(request, shown, scale)
    else:
        system, user, content = "role.j2", "task.j2", task(request, shown, scale)
    told = render(folders, system, content)
    return Prompt(_encodable(told), _encodable(render(folders, user, content)), request.kind)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").strip() + "\n"
