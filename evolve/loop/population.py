"""What the loop remembers of the programs: a cache of the archive, and who has been seen before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from evolve.archive import Program, Store
from evolve.evaluator import Split
from evolve.mutate.mutation import Example
from evolve.mutate.novelty.likeness import Likeness, Signature
from evolve.scoring import SplitScore

KEPT = 512
"""Examples held in memory; a parent that is not among them is read from the archive."""

BATCH_CHARS = 200_000


class Population:
    """The programs of a run by id, as mutators see them, and their fingerprints."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._examples: OrderedDict[int, Example] = OrderedDict()
        self._ids = store.fingerprints()
        self._likeness = Likeness()

    def same_as(self, fingerprint: str) -> int | None:
        """Return the id of the program that has this fingerprint, or None."""
        return self._ids.get(fingerprint)

    def unsigned(self) -> Iterator[list[tuple[int, str]]]:
        """Yield the programs of earlier sessions, some at a time: `add_signatures` wants to be told theirs."""
        batch: list[tuple[int, str]] = []
        size = 0
        for id, source in self._store.sources():
            batch.append((id, source))
            size += len(source)
            if size > BATCH_CHARS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def add_signatures(self, signed: Iterable[tuple[int, Signature]]) -> None:
        """Remember what programs are made of."""
        for id, signature in signed:
            self._likeness.add(id, signature)

    def nearest(self, signature: Signature) -> tuple[int, float] | None:
        """Return the program that one with this signature is most like, and how like; None when it is like none."""
        return self._likeness.nearest(signature)

    def add(self, program: Program, signature: Signature | None = None) -> None:
        """Remember that a program exists, before it is evaluated."""
        self._ids.setdefault(program.fingerprint, program.id)
        if signature is not None:
            self._likeness.add(program.id, signature)

    def add_score(self, program: Program, score: SplitScore) -> None:
        """Remember a program's figures on train."""
        instances = tuple((i.instance_id, i.score, i.feedback) for i in score.instances)
        self._keep(_example(program, instances))

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
        return self._keep(_example(program, tuple((i.instance_id, i.score, i.feedback) for i in results)))

    def _keep(self, example: Example) -> Example:
        self._examples[example.id] = example
        while len(self._examples) > KEPT:
            self._examples.popitem(last=False)
        return example


def _example(program: Program, instances: tuple[tuple[str, float | None, str], ...]) -> Example:
    status = "" if program.status is None else program.status.value
    return Example(program.id, program.source, status, program.score, program.metrics, instances)
