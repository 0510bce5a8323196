"""From a selection to a proposal: the built-in mutator, or a model that is asked and answers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evolve.archive import CallStatus, ModelCall, Program, Store
from evolve.config import RunConfig
from evolve.loop.population import Population
from evolve.mutate.answers.insight import read_insight, rule_insight
from evolve.mutate.mutation import Example, Kind, Proposal, Request
from evolve.mutate.source import fingerprint
from evolve.search import Background
from evolve.trial import Fate, Selection

if TYPE_CHECKING:
    from evolve.mutate.models.providers import Client
    from evolve.registry import Problem


class NoChild(Exception):
    """A step gives no child to evaluate. note: why, in one line.  detail: of an insight, whose line is the note."""

    def __init__(self, fate: Fate, note: str, detail: str = "") -> None:
        super().__init__(fate, note, detail)
        self.fate, self.note, self.detail = fate, note, detail


@dataclass(frozen=True)
class Child:
    """What a step proposes, when no program is the same.

    nearest: (program, likeness) where likeness was looked for.
    """

    proposal: Proposal
    source: str
    fingerprint: str
    nearest: tuple[int, float] | None


class Proposer:
    """Gets each step's proposal. All chance is the step's own.

    clients: one per model name.  baselines: with a score on train, best first, for the prompts.
    templates: folders whose prompt templates go before the built-in ones.
    """

    def __init__(
        self,
        config: RunConfig,
        problem: Problem,
        store: Store,
        population: Population,
        clients: Mapping[str, Client],
        baselines: tuple[tuple[str, Example], ...],
        templates: tuple[Path, ...] = (),
    ) -> None:
        self._config = config
        self._problem = problem
        self._store = store
        self._population = population
        self._clients = clients
        self._baselines = baselines
        self._templates = templates

    def question(self, selection: Selection, background: Background) -> ModelCall:
        """Return the call that a step makes, not sent yet."""
        from evolve.mutate.prompts.prompt import build_prompt

        request = replace(
            self._request(selection),
            kind=Kind(selection.kind),
            baselines=self._baselines,
            attempts=background.attempts,
            insights=background.insights,
            related=background.related,
            taken=background.taken if selection.kind == Kind.EXPLORE else (),
        )
        if selection.kind == Kind.INSIGHT:
            request = replace(request, subjects=self._subjects(selection), inspirations=())
        elif selection.kind == Kind.REPAIR:
            sound = request.inspirations
            request = replace(request, subjects=tuple((one, request.parent) for one in sound), inspirations=())
        prompt = build_prompt(request, self._config.prompt.budget_tokens, self._templates)
        return ModelCall(
            step=selection.step,
            model=selection.mutator,
            kind=selection.kind,
            digest=prompt.digest(selection.mutator),
            system=prompt.system,
            prompt=prompt.user,
            status=CallStatus.SENT,
        )

    def worst_case(self, call: ModelCall) -> tuple[int, float]:
        """Return how many tokens and US dollars one attempt at a call may cost at most."""
        from evolve.mutate.prompts.prompt import Prompt

        tokens, cost_usd = self._clients[call.model].worst_case(Prompt(call.system, call.prompt, Kind(call.kind)))
        return tokens, cost_usd or 0.0

    async def ask(self, call: ModelCall) -> ModelCall:
        """Send a call and return it with its answer."""
        from evolve.mutate.models.client import AnswerStatus
        from evolve.mutate.prompts.prompt import Prompt

        answer = await self._clients[call.model].complete(Prompt(call.system, call.prompt, Kind(call.kind)), call.step)
        failed = answer.status in (AnswerStatus.ERROR, AnswerStatus.TIMEOUT)
        return replace(
            call,
            status=CallStatus.FAILED if failed else CallStatus.ANSWERED,
            answer=answer.text,
            error=answer.error,
            prompt_tokens=answer.tokens_in,
            cached_tokens=answer.tokens_cached,
            completion_tokens=answer.tokens_out,
            reasoning_tokens=answer.tokens_reasoning,
            wasted_tokens=answer.tokens_wasted,
            tokens_estimated=answer.tokens_estimated,
            cost_usd=answer.cost_usd,
            latency_s=answer.latency_s,
            attempts=answer.attempts,
        )

    def without_answer(self, selection: Selection, call: ModelCall) -> NoChild:
        """Return how a step ends whose call failed: a rule writes an insight where a model gave none."""
        if selection.kind == Kind.INSIGHT:
            return NoChild(Fate.INSIGHT, *rule_insight(self._subjects(selection)))
        return NoChild(Fate.CALL_ERROR, call.error)

    def child(self, selection: Selection, call: ModelCall | None) -> Child:
        """Return what a step proposes. call: answered; None for the built-in mutator.

        Raises NoChild when the answer cannot be used, the child is a program that is there already or too like one, and
        when the step was to write an insight down.
        """
        if selection.kind == Kind.INSIGHT:
            raise NoChild(Fate.INSIGHT, *self._insight(selection, call))
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
        nearest = (
            None if call is None or not self._config.mutation.novelty else self._population.nearest(proposal.source)
        )
        if nearest is not None and selection.novelty is not None and nearest[1] >= selection.novelty:
            note = f"{100 * nearest[1]:.1f} % like program {nearest[0]}; programs that like score the same"
            raise NoChild(Fate.NEAR_DUPLICATE, note)
        return Child(proposal, proposal.source, mark, nearest)

    def _read(self, selection: Selection, call: ModelCall) -> Proposal:
        if call.error:  # an answer without text, or a refusal
            return Proposal(call.kind, None, call.error)
        from evolve.mutate.answers.answer import read_answer

        parent = self._population.example(selection.parent_id)
        return read_answer(parent.source, call.answer, call.kind, self._problem.evaluator.defines)

    def _insight(self, selection: Selection, call: ModelCall | None) -> tuple[str, str]:
        """Return line and detail: a model's, or a rule's where none was asked or it gave none."""
        if call is not None:
            line, detail = read_insight(call.answer)
            if line:
                return line, detail
        return rule_insight(self._subjects(selection))

    def _subjects(self, selection: Selection) -> tuple[tuple[Example, Example], ...]:
        """Return the improvements that an insight is about, each with its parent."""
        pairs = []
        for id in selection.inspirations:
            program: Program | None = self._store.program(id)
            if program is not None and program.parent_id is not None:
                pairs.append((self._population.example(program.parent_id), self._population.example(id)))
        return tuple(pairs)

    def _request(self, selection: Selection) -> Request:
        evaluator = self._problem.evaluator
        return Request(
            step=selection.step,
            evaluator=evaluator.name,
            statement=self._problem.statement,
            defines=evaluator.defines,
            parent=self._population.example(selection.parent_id),
            inspirations=tuple(self._population.example(i) for i in selection.inspirations),
            rng=random.Random(f"{self._config.seed}/mutate/{selection.step}"),
        )


def _builtin(request: Request) -> Proposal:
    from evolve.mutate.builtin import BuiltinMutator

    return BuiltinMutator().propose(request)
