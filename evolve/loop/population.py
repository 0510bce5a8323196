"""What the loop remembers of the programs: a cache of the archive, and who has been seen before."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from functools import lru_cache

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.mutate.mutation import Example
from evolve.mutate.novelty.likeness import Likeness, Signature, packed, unpacked

KEPT = 512
"""Examples held in memory; a parent that is not among them is read from the archive."""
SLICE = 500
"""How much of an archive is read before other work gets its turn."""


class Population:
    """The programs of a run by id, as mutators see them, and their fingerprints."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.example: Callable[[int], Example] = lru_cache(KEPT)(self._read)
        """Returns a scored program as mutators see it."""
        self._ids: dict[str, int] = {}
        self._likeness = Likeness()
        self._is_compared = False

    async def load(self, sign: Callable[[str], Awaitable[Signature]] | None) -> None:
        """Take in who has been there so far. Before calls are made, since it takes a while.

        sign: makes the signature of a source, where the archive has none; None: likeness is not asked for.
        """
        self._ids.clear()
        self._is_compared = sign is not None
        born = self._store.born()
        while some := list(itertools.islice(born, SLICE)):
            for id, fingerprint, _ in some:
                self._ids.setdefault(fingerprint, id)
            if sign is not None:
                made = [await self._signed(id, sign) if kept is None else kept for id, _, kept in some]
                self._likeness.add_many([id for id, *_ in some], unpacked(made))
            await asyncio.sleep(0)
        for _ in self._likeness.sort():
            await asyncio.sleep(0)

    async def _signed(self, program_id: int, sign: Callable[[str], Awaitable[Signature]]) -> bytes:
        program = self._store.program(program_id)
        assert program is not None
        return packed(await sign(program.source))

    def same_as(self, fingerprint: str) -> int | None:
        """Return the id of the program that has this fingerprint, or None."""
        return self._ids.get(fingerprint)

    def nearest(self, signature: Signature) -> tuple[int, float] | None:
        """Return the program that one with this signature is most like, and how like; None when it is like none."""
        return self._likeness.nearest(signature)

    def bear(self, program: Program, signature: Signature | None = None) -> None:
        """Commit a program before it is evaluated, and remember that it exists. signature: where it was made."""
        self._store.bear(program, None if signature is None else packed(signature))
        self._ids.setdefault(program.fingerprint, program.id)
        if signature is not None:
            self._likeness.add(program.id, signature)

    def take_in(self, program_id: int) -> None:
        """Remember a program that another driver of the run has committed."""
        fingerprint, signature = self._store.mark(program_id)
        self._ids.setdefault(fingerprint, program_id)
        if signature is not None and self._is_compared:
            self._likeness.add(program_id, unpacked([signature])[0])

    def numbers(self, program_id: int) -> int:
        """Return how many numbers of a Python program can be tuned."""
        from evolve.mutate.tuning import numbers

        return len(numbers(self.example(program_id).source))

    def _read(self, program_id: int) -> Example:
        program = self._store.program(program_id)
        if program is None:
            raise LookupError(f"the archive has no program {program_id}")
        results = self._store.evaluations(program_id, Split.TRAIN)
        return Example(
            id=program.id,
            source=program.source,
            status="" if program.status is None else program.status.value,
            score=program.score,
            metrics=program.metrics,
            instances=tuple((i.instance_id, i.score, i.feedback) for i in results),
            figures=tuple(i.metrics for i in results),
            cpu_s=tuple(i.cpu_s for i in results),
        )
