"""A model that is simulated: seeded, free, and as good as its odds say.

It is asked like any model, through prompts that the loop builds; what it answers with depends on the step's parent and
inspirations, which it looks up in the archive, so that no change of a prompt changes what it does. Like a model it
changes a program in one place, combines two when that is asked for, and now and then breaks it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evolve.archive import Selection, Store
from evolve.contest.simulated import landscape
from evolve.contest.simulated.landscape import BLOCK, GENES, Genes
from evolve.mutate.mutation import Kind

if TYPE_CHECKING:
    from evolve.mutate.models.answer import Answer
    from evolve.mutate.prompts.prompt import Prompt

BROKEN = "raise ValueError('broken')"
WINDOW = 4
"""Genes next to each other that one change may touch."""
TRIES = 8
"""Changes that are looked at when the answer is to improve the program; where none does, it is the last of them."""
_GENES = re.compile(r"^GENES = \[([01, ]*)\]$", re.MULTILINE)


@dataclass(frozen=True)
class Odds:
    """How likely an answer breaks the program, leaves what it does as it is, or improves it; else chance changes it."""

    breaks: float = 0.1
    equals: float = 0.1
    improves: float = 0.15


class SimulatedModel:
    """Answers the prompts of one run. kind: of the landscape.  seed: the run's; each step has its own chance."""

    def __init__(self, folder: Path, kind: str, seed: int, odds: Odds | None = None) -> None:
        self._folder, self._kind, self._seed, self._odds = folder, kind, seed, odds or Odds()
        self._store: Store | None = None

    def warm_up(self) -> None:
        """Nothing to do."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return that it costs nothing."""
        return 0, 0.0

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Answer with a whole program."""
        from evolve.mutate.models.answer import Answer, AnswerStatus

        if self._store is None:
            self._store = Store.open(self._folder)
        selection = self._store.selection(call_id)
        assert selection is not None  # a choice is committed before its prompt is sent
        text = self.answer(selection, [self._source(i) for i in (selection.parent_id, *selection.inspirations)])
        return Answer(text, AnswerStatus.OK, "", len(prompt.user) // 4, len(text) // 4, 0.0, 0.0, 1)

    def answer(self, selection: Selection, sources: list[str]) -> str:
        """Return the answer to a step. sources: of the parent and the inspirations."""
        rng = random.Random(f"{self._seed}/answer/{selection.step}")
        parent, *others = [genes_of(source) for source in sources]
        luck = rng.random()
        if luck < self._odds.breaks:
            return _program(parent, rng, BROKEN)
        if selection.kind == Kind.REPAIR or luck < self._odds.breaks + self._odds.equals:
            return _program(parent, rng)
        child = self._changed(selection.kind, parent, others, rng)
        if luck < self._odds.breaks + self._odds.equals + self._odds.improves:
            for _ in range(TRIES):
                if self._mean(child) > self._mean(parent):
                    break
                child = self._changed(selection.kind, parent, others, rng)
        return _program(child, rng)

    def _mean(self, genes: Genes) -> float:
        return sum(landscape.points(self._kind, genes, group) for group in (0, 1)) / 2

    def _changed(self, kind: str, parent: Genes, others: list[Genes], rng: random.Random) -> Genes:
        genes = list(parent)
        if kind == Kind.CROSSOVER and others:
            other = rng.choice(others)
            for block in range(0, GENES, BLOCK):
                if rng.random() < 0.5:
                    genes[block : block + BLOCK] = other[block : block + BLOCK]
            return tuple(genes)
        for _ in range({Kind.REWRITE: 2, Kind.EXPLORE: 4}.get(Kind(kind), 1)):
            begin = rng.randrange(GENES)
            for place in rng.sample(range(begin, begin + WINDOW), rng.randint(1, WINDOW)):
                genes[place % GENES] ^= 1
        return tuple(genes)

    def _source(self, id: int) -> str:
        assert self._store is not None
        program = self._store.program(id)
        assert program is not None
        return program.source

    async def close(self) -> None:
        """Close the archive."""
        if self._store is not None:
            self._store.close()


def genes_of(source: str) -> Genes:
    """Return the genes in a program of this problem, broken or not. Raises ValueError for another program."""
    found = _GENES.search(source)
    if found is None:
        raise ValueError("no line GENES = [...]")
    return tuple(int(gene) for gene in found[1].split(","))


def _program(genes: Genes, rng: random.Random, body: str = "return GENES") -> str:
    spare = rng.randrange(10**6)
    listed = ", ".join(map(str, genes))
    return f"```python\nGENES = [{listed}]\nSPARE = {spare}\n\n\ndef genes():\n    {body}\n```\n"
