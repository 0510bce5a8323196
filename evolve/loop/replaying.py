"""Playing a recorded run again: who answers in place of models, who scores in place of workers, what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evolve.archive import CallStatus, Program, Role, Selection, Store, Tape
from evolve.config import BUILTIN
from evolve.errors import UsageError
from evolve.evaluator import Split
from evolve.scoring import InstanceResult

if TYPE_CHECKING:
    from evolve.mutate.client import Answer
    from evolve.mutate.prompt import Prompt


class TapeClient:
    """Answers what is on the tape, and nothing else."""

    def __init__(self, model: str, tape: Tape) -> None:
        self._model, self._tape = model, tape

    def warm_up(self) -> None:
        """Nothing to do."""

    def worst_case(self, prompt: Prompt) -> tuple[int, float | None]:
        """Return nothing: what is on a tape is paid."""
        return 0, 0.0

    async def complete(self, prompt: Prompt, call_id: int) -> Answer:
        """Return the recorded answer. Raises UsageError when the prompt is another one than the recorded."""
        from evolve.mutate.client import Answer, AnswerStatus

        call = self._tape.calls.get(call_id)
        if call is None or call.request != prompt.digest(self._model):
            raise UsageError(
                f"step {call_id} asks another question than the recorded run did: "
                "evaluator, configuration, templates and version must be those of the recording."
            )
        status = AnswerStatus.OK
        if call.error:
            status = AnswerStatus.EMPTY if call.status == CallStatus.ANSWERED else AnswerStatus.ERROR
        return Answer(
            call.answer,
            status,
            call.error,
            call.prompt_tokens,
            call.completion_tokens,
            call.cost_usd,
            call.latency_s,
            call.attempts,
            tokens_estimated=call.tokens_estimated,
            tokens_cached=call.cached_tokens,
        )

    async def close(self) -> None:
        """Nothing to do."""


def tape_clients(tape: Tape) -> dict[str, TapeClient]:
    """Return a client for each model that the recorded run asked."""
    return {name: TapeClient(name, tape) for name in dict.fromkeys(tape.mutators) if name != BUILTIN}


class RecordedPool:
    """Gives the results that a run recorded, instead of evaluating programs again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids = {program.source: program.id for program in reversed(store.programs())}
        self.notices: list[str] = []

    async def __aenter__(self) -> RecordedPool:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def evaluate(
        self, source: str, split: Split, indices: Sequence[int], stop_at_failure: bool = False
    ) -> list[InstanceResult]:
        """Return what is recorded. Raises UsageError for a program that the recorded run did not have."""
        id = self._ids.get(source)
        results = [] if id is None else self._store.evaluations(id, split)
        if not results:
            raise UsageError(f"{self._store.folder} has no result of a program on {split}: the replay has come apart.")
        return results

    async def evaluate_spread(self, source: str, split: Split, count: int) -> list[InstanceResult]:
        """Return what is recorded."""
        return await self.evaluate(source, split, range(count))


@dataclass(frozen=True)
class Difference:
    """Where a replay is not what the recorded run was. what: "step 17: parent_id", "program 17: score"."""

    what: str
    recorded: Any
    replayed: Any


def differences(recorded: Store, replayed: Store) -> Iterator[Difference]:
    """Yield what differs between two archives, step by step: choices, programs, parents, scores, the winner.

    Compared are not the times at which things happened, nor what depends on them.
    """
    yield from _compared("step", _selections(recorded), _selections(replayed))
    yield from _compared("program", _programs(recorded), _programs(replayed))
    yield from _compared("run", {0: _winner(recorded)}, {0: _winner(replayed)})


def _selections(store: Store) -> dict[int, Selection]:
    return {selection.step: selection for selection in store.selections()}


def _programs(store: Store) -> dict[int, Program]:
    return {program.id: replace(program, created=0.0, cpu_s=0.0) for program in store.programs()}


def _winner(store: Store) -> Program | None:
    best = store.best()
    return None if best is None or best.role is Role.BASELINE else replace(best, created=0.0, cpu_s=0.0, metrics={})


def _compared(kind: str, recorded: dict[int, Any], replayed: dict[int, Any]) -> Iterator[Difference]:
    for id in sorted(recorded.keys() | replayed.keys()):
        a, b = recorded.get(id), replayed.get(id)
        if a == b:
            continue
        if a is None or b is None:
            yield Difference(f"{kind} {id}", *("there" if one is not None else "not there" for one in (a, b)))
            continue
        for name, value in vars(a).items():
            if value != vars(b)[name]:
                yield Difference(f"{kind} {id}: {name}", value, vars(b)[name])
