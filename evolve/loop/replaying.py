"""Playing a recorded run again: who answers in place of models, and who scores in place of workers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from evolve.archive import CallStatus, Store, Tape
from evolve.archive.records import ROTATING, Part
from evolve.config import BUILTIN
from evolve.errors import UsageError
from evolve.evaluator import Evaluator, Split
from evolve.foreign import instances_of
from evolve.racing import Race
from evolve.scoring import InstanceResult, Summary
from evolve.workers import Fresh
from evolve.workers.evaluation import summary

if TYPE_CHECKING:
    from evolve.mutate.models.answer import Answer
    from evolve.mutate.prompts.prompt import Prompt


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
        """Return the recorded answer. Raises UsageError when the prompt is another one than the recorded.

        Unless the tape is binding.
        """
        from evolve.mutate.models.answer import Answer, AnswerStatus

        call = self._tape.calls.get(call_id)
        if call is None or not (self._tape.is_binding or call.request == prompt.digest(self._model)):
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
            tokens_reasoning=call.reasoning_tokens,
            tokens_wasted=call.wasted_tokens,
        )

    async def close(self) -> None:
        """Nothing to do."""


def tape_clients(tape: Tape) -> dict[str, TapeClient]:
    """Return a client for each model that the recorded run asked."""
    return {name: TapeClient(name, tape) for name in dict.fromkeys(tape.mutators) if name != BUILTIN}


class RecordedPool:
    """Gives the results that a run recorded, instead of evaluating programs again."""

    def __init__(self, store: Store, evaluator: Evaluator) -> None:
        self._store, self._evaluator = store, evaluator
        self._ids = {program.source: program.id for program in reversed(store.programs())}
        self.notices: list[str] = []

    async def __aenter__(self) -> RecordedPool:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def evaluate(
        self,
        source: str,
        split: Split,
        indices: Sequence[int],
        *,
        stop_at_failure: bool = False,
        race: Race | None = None,
        fresh: Fresh | None = None,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[InstanceResult, None]:
        """Give what is recorded, in the order of `indices`, fewer where the recorded run stopped early.

        Raises UsageError for a program, or an instance, that the recorded run did not have.
        """
        id = self._ids.get(source)
        part: Part = split if fresh is None else ROTATING
        recorded = {} if id is None else self._store.measured(id, part)
        results = {result.instance_id: result for result in recorded.values()}
        if fresh is None:
            instances = instances_of(self._evaluator, split)
        else:
            instances = self._evaluator.fresh(split, fresh.seed, fresh.count)
        there = [index for index in indices if instances[index].id in results]
        may_be_fewer = there and (stop_at_failure or race is not None)
        if len(there) < len(indices) and not may_be_fewer:
            raise UsageError(f"{self._store.folder} has no result of a program on {part}: the replay has come apart.")
        for index in there:
            yield results[instances[index].id]

    async def summarise(self, split: Split, results: Sequence[InstanceResult]) -> Summary:
        """Sum up what is recorded."""
        return summary(self._evaluator, split, results)
