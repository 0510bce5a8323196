"""From a selection to a proposal: the built-in mutator, or a model that is asked and answers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from evolve.archive import CallStatus, Fate, ModelCall, Selection, Store
from evolve.config import BUILTIN, RunConfig
from evolve.loop.population import Population
from evolve.mutate.mutation import Example, Kind, Proposal, Request
from evolve.mutate.source import fingerprint

if TYPE_CHECKING:
    from evolve.mutate.providers import Client
    from evolve.registry import Problem


class NoChild(Exception):
    """A step gives no child to evaluate. note: why, in one line."""

    def __init__(self, fate: Fate, note: str) -> None:
        super().__init__(fate, note)
        self.fate, self.note = fate, note


class Proposer:
    """Draws each step's mutator and gets its proposal. All chance is the step's own.

    clients: one per model name.  baselines: with a score on train, best first, for the prompts.
    """

    def __init__(
        self,
        config: RunConfig,
        problem: Problem,
        store: Store,
        population: Population,
        clients: Mapping[str, Client],
        baselines: tuple[tuple[str, Example], ...],
    ) -> None:
        self._config = config
        self._problem = problem
        self._store = store
        self._population = population
        self._clients = clients
        self._baselines = baselines

    def mutator_of(self, step: int) -> str:
        """Return which mutator a step uses: a model's name or "builtin"."""
        names = [model.name for model in self._config.models]
        return names[0] if len(names) == 1 else self._chance("model", step).choice(names)

    def question(self, selection: Selection) -> ModelCall | None:
        """Return the call that a step makes, not sent yet; None for a step of the built-in mutator."""
        if selection.mutator == BUILTIN:
            return None
        from evolve.mutate.prompt import build_prompt, choose_kind

        kind = choose_kind(self._chance("kind", selection.step))
        prompt = build_prompt(replace(self._request(selection), kind=kind))
        return ModelCall(
            step=selection.step,
            model=selection.mutator,
            kind=prompt.kind,
            digest=prompt.digest(selection.mutator),
            system=prompt.system,
            prompt=prompt.user,
            status=CallStatus.SENT,
        )

    async def ask(self, call: ModelCall) -> ModelCall:
        """Send a call and return it with its answer, which is committed before this returns."""
        from evolve.mutate.client import AnswerStatus
        from evolve.mutate.prompt import Prompt

        client = self._clients[call.model]
        answer = await client.complete(Prompt(call.system, call.prompt, Kind(call.kind)), call.step)
        failed = answer.status in (AnswerStatus.ERROR, AnswerStatus.TIMEOUT)
        ended = replace(
            call,
            status=CallStatus.FAILED if failed else CallStatus.ANSWERED,
            answer=answer.text,
            error=answer.error,
            prompt_tokens=answer.tokens_in,
            completion_tokens=answer.tokens_out,
            cost_usd=answer.cost_usd,
            latency_s=answer.latency_s,
            attempts=answer.attempts,
        )
        self._store.add_answer(ended)
        return ended

    def child(self, selection: Selection, call: ModelCall | None) -> tuple[Proposal, str, str]:
        """Return the step's proposal, its source and its fingerprint. call: answered; None for the built-in mutator.

        Raises NoChild when the call failed, the answer cannot be used, or the child is a program that is there already.
        """
        if call is not None and call.status is CallStatus.FAILED:
            raise NoChild(Fate.CALL_ERROR, call.error)
        proposal = _builtin(self._request(selection)) if call is None else self._read(selection, call)
        if proposal.source is None:
            raise NoChild(Fate.PARSE_ERROR, proposal.error)
        try:
            mark = fingerprint(proposal.source)
        except SyntaxError as error:
            raise NoChild(Fate.PARSE_ERROR, str(error.msg)) from None
        same = self._population.same_as(mark)
        if same is not None:
            raise NoChild(Fate.DUPLICATE, f"the same program as {same}")
        return proposal, proposal.source, mark

    def _read(self, selection: Selection, call: ModelCall) -> Proposal:
        if call.error:  # an answer without text, or a refusal
            return Proposal(call.kind, None, call.error)
        from evolve.mutate.answer import read_answer

        parent = self._population.example(selection.parent_id)
        return read_answer(parent.source, call.answer, call.kind, self._problem.evaluator.defines)

    def _request(self, selection: Selection) -> Request:
        evaluator = self._problem.evaluator
        return Request(
            step=selection.step,
            evaluator=evaluator.name,
            statement=self._problem.statement,
            defines=evaluator.defines,
            parent=self._population.example(selection.parent_id),
            inspirations=tuple(self._population.example(i) for i in selection.inspirations),
            rng=self._chance("mutate", selection.step),
            baselines=self._baselines,
        )

    def _chance(self, purpose: str, step: int) -> random.Random:
        return random.Random(f"{self._config.seed}/{purpose}/{step}")


def _builtin(request: Request) -> Proposal:
    from evolve.mutate.builtin import BuiltinMutator

    return BuiltinMutator().propose(request)
