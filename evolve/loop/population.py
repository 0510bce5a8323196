"""What the loop remembers of the programs: a cache of the archive, and who has been seen before."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.mutate.mutation import Example
from evolve.mutate.novelty.likeness import Likeness, tokens

KEPT = 512
"""Examples held in memory; a parent that is not among them is read from the archive."""
SLICE = 500
"""How much of an archive is read before other work gets its turn."""


class Population:
    """The programs of a run by id, as mutators see them, and their fingerprints.

    is_novelty_asked: whether programs are compared for how like they are.
    """

    def __init__(self, store: Store, is_novelty_asked: bool = True) -> None:
        self._store = store
        self._examples: OrderedDict[int, Example] = OrderedDict()
        self._ids = store.fingerprints()
        self._likeness = Likeness() if is_novelty_asked else None

    async def load(self) -> None:
        """Take in the likeness of the programs of earlier sessions. Before calls are made: it takes a while."""
        if self._likeness is None:
            return
        for count, (id, packed) in enumerate(self._store.signatures()):
            if packed is not None:
                self._likeness.add_packed(id, packed)
            elif (program := self._store.program(id)) is not None:
                self._likeness.add(id, program.source)
            if count % SLICE == 0:
                await asyncio.sleep(0)

    def same_as(self, fingerprint: str) -> int | None:
        """Return the id of the program that has this fingerprint, or None."""
        return self._ids.get(fingerprint)

    def nearest(self, source: str) -> tuple[int, float] | None:
        """Return the program that a source is most like, and how like; None when it is like none."""
        return None if self._likeness is None else self._likeness.nearest(source)

    def bear(self, program: Program) -> Program:
        """Commit a program before it is evaluated, and remember that it exists. Returns it with its length."""
        program = replace(program, chars=len(program.source), tokens=len(tokens(program.source)))
        packed = None if self._likeness is None else self._likeness.add(program.id, program.source)
        self._store.bear(program, packed)
        self._ids.setdefault(program.fingerprint, program.id)
        return program

    def example(self, program_id: int) -> Example:
        """Return a scored program as mutators see it."""
        kept = self._examples.get(program_id)
        if kept is not None:
            self._examples.move_to_end(program_id)
            return kept
        program = self._store.program(program_id)
        if program is None:
            raise LookupError(f"the archive has no program {program_id}")
        results = self._store.evaluations(program_id, Split.TRAIN)
        instances = tuple((i.instance_id, i.score, i.feedback) for i in results)
        status = "" if program.status is None else program.status.value
        example = Example(program.id, program.source, status, program.score, program.metrics, instances)
        self._examples[program_id] = example
        while len(self._examples) > KEPT:
            self._examples.popitem(last=False)
        return example
