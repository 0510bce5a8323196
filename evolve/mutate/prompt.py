"""What a model is asked: the problem, the program to change with its figures, and how to answer."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evolve.mutate.evolve_block import editable_lines
from evolve.mutate.mutation import Example, Kind, Request

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "prompts"
BUDGET_TOKENS = 24_000
EDIT_SHARE = 0.7
WORST_SHOWN = 3
FIGURES_SHOWN = 40
FEEDBACK_CHARS = 1_200


@dataclass(frozen=True)
class Prompt:
    """One question to a model. kind: which form of answer it asks for."""

    system: str
    user: str
    kind: Kind

    def digest(self, model: str) -> str:
        """Return the hash of the request: sha256 over the model's name and both messages."""
        return hashlib.sha256(json.dumps([model, self.system, self.user]).encode()).hexdigest()


def choose_kind(rng: random.Random) -> Kind:
    """Draw what to ask for: an edit seven times in ten, else a whole program."""
    return Kind.EDIT if rng.random() < EDIT_SHARE else Kind.REWRITE


def build_prompt(request: Request, budget_tokens: int = BUDGET_TOKENS, folders: Sequence[Path] = ()) -> Prompt:
    """Return the prompt for one step; the same request gives the same text.

    budget_tokens: the length to stay under, at four bytes a token. Inspirations are left out for it, the last first,
        then all feedback but that of the worst instance; the statement and the parent's code never, nor is code cut.
    """
    shown = len(request.inspirations)
    worst = WORST_SHOWN
    while True:
        prompt = _render(request, request.inspirations[:shown], worst)
        size = len((prompt.system + prompt.user).encode())
        if size <= 4 * budget_tokens or (shown == 0 and worst == 1):
            return prompt
        if shown:
            shown -= 1
        else:
            worst = 1


def _render(request: Request, inspirations: Sequence[Example], worst: int) -> Prompt:
    parent, kind = request.parent, request.kind
    system = _template(f"{kind}.j2").render(defines=request.defines)
    user = _template("task.j2").render(
        request=request,
        kind=kind,
        parent=parent,
        inspirations=inspirations,
        worst=_worst(parent, worst),
        figures=_figures(parent),
        in_blocks=bool(editable_lines(parent.source.split("\n"))),
    )
    return Prompt(_encodable(system), _encodable(user), kind)


def _worst(example: Example, count: int) -> list[tuple[str, float | None, str]]:
    """Return the instances to learn from, worst first: a failed one before any score."""
    told = [(name, score, _cut(feedback)) for name, score, feedback in example.instances if feedback]
    return sorted(told, key=lambda entry: -math.inf if entry[1] is None else entry[1])[:count]


def _figures(example: Example) -> list[tuple[str, float]]:
    """Return the scores per instance, in order; of very many, only the lowest."""
    scored = [(name, score) for name, score, _ in example.instances if score is not None]
    if len(scored) <= FIGURES_SHOWN:
        return scored
    limit = sorted(score for _, score in scored)[FIGURES_SHOWN - 1]
    return [(name, score) for name, score in scored if score <= limit][:FIGURES_SHOWN]


def _cut(feedback: str) -> str:
    """Return feedback of bearable length: its end, where a traceback says what happened, and its beginning."""
    text = feedback.strip()
    half = FEEDBACK_CHARS // 2
    return text if len(text) <= FEEDBACK_CHARS else f"{text[:half]}\n[...]\n{text[-half:]}"


def _fenced(text: str, language: str = "python") -> str:
    """Return a text in a Markdown fence that nothing in the text closes."""
    longest = max((len(run) for run in re.findall(r"^\s*(`+)", text, re.MULTILINE)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").strip() + "\n"


@functools.cache
def _template(name: str) -> jinja2.Template:
    import jinja2

    # No autoescaping: what comes out is a prompt, not HTML.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["fenced"] = _fenced
    environment.filters["figure"] = lambda value: f"{value:.6g}"
    environment.filters["score"] = lambda value: "none" if value is None else f"{value:.2f}"
    return environment.get_template(name)
